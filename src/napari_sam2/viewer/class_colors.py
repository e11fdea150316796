"""Labels in the colors of their classes."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.later import Later

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Labels

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.choices import LayerChoices
    from napari_sam2.viewer.classes import Classes

__all__ = ["NO_CLASS", "ClassColors"]

NO_CLASS = "#ffffff"
"""Color of objects without a class."""

_SOON = 60
"""Milliseconds that colors may come after what they are the colors of."""


class ClassColors:
    """Colors the labels by class while that is switched on, else by object.

    Parameters
    ----------
    session : AnnotationSession
        Whose objects are colored.
    choices : LayerChoices
        Knows the labels.
    classes : Classes
        Knows the colors.
    """

    changed = Signal(bool)
    """It was switched on or off."""

    recolored = Signal()
    """The labels have other colors."""

    def __init__(
        self, session: AnnotationSession, choices: LayerChoices, classes: Classes
    ) -> None:
        self._session = session
        self._choices = choices
        self._classes = classes
        self._on = False
        self._colored: weakref.ref[Labels] | None = None
        self._before: Any = None
        self._later = Later(self.refresh, _SOON)
        self._connections = Connections()
        # Which class each object is shown as, and those that come.
        self._shown: dict[int, str | None] = {}
        self._next: str | None = None
        self._connections.add(session.touched, self._on_touched)
        for signal in (
            session.category_changed,
            classes.changed,
            choices.labels_changed,
        ):
            self._connections.add(signal, self._on_change)

    @property
    def on(self) -> bool:
        """Whether the labels are colored by class."""
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        if on == self._on:
            return
        self._on = on
        self.refresh()
        self.changed.emit(on)

    def refresh(self) -> None:
        """Color the labels as they are now."""
        layer = self._choices.labels if self._on else None
        colored = None if self._colored is None else self._colored()
        if colored is not None and colored is not layer:
            colored.colormap = self._before
            self._colored = None
        if layer is not None:
            if self._colored is None:
                self._before = layer.colormap
                self._colored = weakref.ref(layer)
            layer.colormap = self._colormap()
        self.recolored.emit()

    def close(self) -> None:
        """Give the labels the colors back that they had."""
        self._later.close()
        self._connections.close()
        self._on = False
        self.refresh()

    def _on_change(self, *_: object) -> None:
        if self._on:
            self._later.ask()

    def _on_touched(self, touched: set[int] | None) -> None:
        """Color anew, unless all have the right colors already, as most new ones do."""
        if touched is None or any(
            self._session.notes(label).category != self._shown.get(label, self._next)
            for label in touched
        ):
            self._on_change()

    def _colormap(self) -> Any:
        from napari.utils.colormaps import DirectLabelColormap

        session, extents = self._session, self._session.extents
        rgba = {one.name: _rgba(one.color) for one in self._classes.all}
        nothing = _rgba(NO_CLASS)
        there = () if extents is None else extents.labels
        self._shown = {label: session.notes(label).category for label in there}
        self._next = session.category
        # What is not named is most likely an object that is being made.
        usual = rgba.get(self._next or "", nothing)
        colormap = DirectLabelColormap(
            color_dict={None: usual, 0: np.zeros(4, dtype=np.float32)}
        )
        # Afterwards: napari looks at each of ten thousand colors that it is given.
        for label, category in self._shown.items():
            color = rgba.get(category or "", nothing)
            if color is not usual:
                colormap.color_dict[label] = color
        return colormap


def _rgba(color: str) -> npt.NDArray[np.float32]:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.array([*parts, 1], dtype=np.float32)
