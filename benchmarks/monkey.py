"""A monkey at the window: random gestures, edits of layers, undo and redo.

The events are real ones, they enter Qt at the window. What a monkey does depends on its
seed alone, as far as the window answers in the same way.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

__all__ = ["Monkey"]

_hand: Any = QTest

_NONE = Qt.KeyboardModifier.NoModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CTRL = Qt.KeyboardModifier.ControlModifier
_ALT = Qt.KeyboardModifier.AltModifier
_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton

_PAUSE = 12
"""Milliseconds between two moves; vispy drops those in quicker succession."""


class Monkey:
    """Plays with a viewer in 2-D and 3-D, with mouse, keys, layers and sliders.

    Parameters
    ----------
    viewer : napari.Viewer
        Shown.
    seed : int
        Of its mind.
    keys : sequence of Qt.Key and modifiers
        Keys that it likes to press.
    extras : mapping of str to (float, callable)
        More that it may do, with how much it likes it; the moves of the mouse have 10.

    Attributes
    ----------
    done : list of str
        What it did, for the one who has to find out why something broke.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        seed: int,
        *,
        keys: tuple[tuple[Any, Any], ...] = (),
        extras: dict[str, tuple[float, Callable[[np.random.Generator], None]]]
        | None = None,
    ) -> None:
        self.viewer = viewer
        self.rng = np.random.default_rng(seed)
        self.done: list[str] = []
        self._keys = keys
        self._canvas = viewer.window._qt_viewer.canvas.native
        self._actions: dict[str, tuple[float, Callable[..., None]]] = {
            "move": (10, self._move),
            "click": (6, self._click),
            "shift click": (3, lambda: self._click(_SHIFT)),
            "alt click": (1, lambda: self._click(_ALT)),
            "right click": (2, lambda: self._click(_NONE, _RIGHT)),
            "double click": (0.5, self._double_click),
            "drag": (1, self._drag),
            "shift drag": (0.5, lambda: self._drag(_SHIFT)),
            "wheel": (1, self._wheel),
            "shift wheel": (0.7, lambda: self._wheel(_SHIFT)),
            "ctrl wheel": (0.5, lambda: self._wheel(_CTRL)),
            "key": (6, self._key),
            "brush": (1.5, self._brush),
            "slider": (1, self._slider),
            "display": (0.2, self._display),
            "home": (0.5, self._home),
            "add image": (0.3, self._add_image),
            "add labels": (0.2, self._add_labels),
            "remove layer": (0.3, self._remove),
            "rename layer": (0.3, self._rename),
            "reorder layers": (0.4, self._reorder),
            "hide layer": (0.4, self._hide),
            "select layer": (1, self._select),
            "transform layer": (0.3, self._transform),
            "contrast": (0.3, self._contrast),
            "edit data": (0.2, self._edit),
        }
        for name, (liking, act) in (extras or {}).items():
            self._actions[name] = (liking, lambda act=act: act(self.rng))

    def play(self, count: int) -> None:
        """Do something, several times."""
        names = list(self._actions)
        likings = np.array([self._actions[name][0] for name in names])
        for name in self.rng.choice(names, count, p=likings / likings.sum()):
            self.done.append(str(name))
            try:
                self._actions[name][1]()
            except TypeError as error:
                if self.viewer.dims.ndisplay == 2 or not _of_status(error):
                    raise
            QApplication.processEvents()

    # --------------------------------------------------------------- the mouse

    def _place(self) -> QPoint:
        size = self._canvas.size()
        x, y = self.rng.uniform(0.02, 0.98, 2)
        return QPoint(int(x * size.width()), int(y * size.height()))

    def _move(self) -> None:
        _hand.qWait(_PAUSE)
        _hand.mouseMove(self._canvas, self._place())

    def _click(self, modifiers: Any = _NONE, button: Any = _LEFT) -> None:
        place = self._place()
        _hand.qWait(_PAUSE)
        _hand.mouseMove(self._canvas, place)
        _hand.mouseClick(self._canvas, button, modifiers, place)

    def _double_click(self) -> None:
        place = self._place()
        _hand.mouseMove(self._canvas, place)
        _hand.mouseClick(self._canvas, _LEFT, _NONE, place)
        _hand.mouseDClick(self._canvas, _LEFT, _NONE, place)

    def _drag(self, modifiers: Any = _NONE) -> None:
        self.drag_from(self._place(), modifiers)

    def drag_from(self, start: QPoint, modifiers: Any = _NONE) -> None:
        """Drag something from a place of the canvas to any other."""
        from qtpy.QtCore import QEvent
        from qtpy.QtGui import QMouseEvent

        end = self._place()
        _hand.mousePress(self._canvas, _LEFT, modifiers, start)
        for share in (0.25, 0.5, 0.75, 1.0):
            place = QPointF(start + (end - start) * share)
            _hand.qWait(_PAUSE)
            QApplication.sendEvent(
                self._canvas,
                QMouseEvent(
                    QEvent.Type.MouseMove,
                    place,
                    QPointF(self._canvas.mapToGlobal(place.toPoint())),
                    Qt.MouseButton.NoButton,
                    _LEFT,
                    modifiers,
                ),
            )
        _hand.mouseRelease(self._canvas, _LEFT, modifiers, end)

    def _wheel(self, modifiers: Any = _NONE) -> None:
        place = self._place()
        QApplication.sendEvent(
            self._canvas,
            QWheelEvent(
                QPointF(place),
                QPointF(self._canvas.mapToGlobal(place)),
                QPoint(),
                QPoint(0, int(self.rng.choice([-120, 120]))),
                Qt.MouseButton.NoButton,
                modifiers,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            ),
        )

    def _key(self) -> None:
        if self._keys:
            key, modifiers = self._keys[self.rng.integers(len(self._keys))]
            self.done[-1] += f" {key}"
            _hand.keyClick(self._canvas, key, modifiers)

    # --------------------------------------------------------------- the layers

    def _of(self, kind: str) -> Any:
        """Return a layer of some kind; None if there is none."""
        layers = [one for one in self.viewer.layers if type(one).__name__ == kind]
        return layers[self.rng.integers(len(layers))] if layers else None

    def _any(self) -> Any:
        layers = list(self.viewer.layers)
        return layers[self.rng.integers(len(layers))] if layers else None

    def _brush(self) -> None:
        labels = self._of("Labels")
        if labels is None or not labels.editable or self.viewer.dims.ndisplay == 3:
            return
        self.viewer.layers.selection.active = labels
        labels.mode = str(self.rng.choice(["paint", "erase", "fill"]))
        labels.selected_label = int(self.rng.integers(1, 6))
        self._drag()
        labels.mode = "pan_zoom"

    def _slider(self) -> None:
        dims = self.viewer.dims
        if dims.ndim > 2:
            axis = int(self.rng.integers(dims.ndim - 2))
            dims.set_current_step(axis, int(self.rng.integers(dims.nsteps[axis])))

    def _display(self) -> None:
        self.viewer.dims.ndisplay = 3 if self.viewer.dims.ndisplay == 2 else 2

    def _home(self) -> None:
        self.viewer.dims.ndisplay = 2
        self.viewer.reset_view()

    def _add_image(self) -> None:
        if len(self.viewer.layers) > 8:
            return
        shape: tuple[int, ...] = (64, 80)
        shape = (3, *shape) if self.rng.random() < 0.3 else shape
        rgb = self.rng.random() < 0.3
        data = self.rng.integers(0, 255, (*shape, 3) if rgb else shape)
        self.viewer.add_image(data.astype(np.uint8), rgb=rgb)

    def _add_labels(self) -> None:
        image = self._of("Image")
        if image is not None and len(self.viewer.layers) <= 8:
            shape = image.data.shape[:-1] if image.rgb else image.data.shape
            self.viewer.add_labels(np.zeros(shape, dtype=np.uint8))

    def _remove(self) -> None:
        layer = self._any()
        if layer is not None and len(self.viewer.layers) > 2:
            self.viewer.layers.remove(layer)

    def _rename(self) -> None:
        layer = self._any()
        if layer is not None:
            layer.name = f"layer {self.rng.integers(100)}"

    def _reorder(self) -> None:
        count = len(self.viewer.layers)
        if count > 1:
            source, target = self.rng.integers(count, size=2)
            self.viewer.layers.move(int(source), int(target))

    def _hide(self) -> None:
        layer = self._any()
        if layer is not None:
            layer.visible = not layer.visible

    def _select(self) -> None:
        self.viewer.layers.selection.active = self._any()

    def _transform(self) -> None:
        layer = self._any()
        if layer is not None:
            layer.scale = (*layer.scale[:-2], *self.rng.uniform(0.5, 2, 2))

    def _contrast(self) -> None:
        image = self._of("Image")
        if image is not None:
            low, high = image.contrast_limits_range
            image.contrast_limits = (low, low + (high - low) * self.rng.uniform(0.5, 1))

    def _edit(self) -> None:
        image = self._of("Image")
        if image is not None:
            image.data = image.data[::-1].copy()


def _of_status(error: Exception) -> bool:
    """Whether napari failed to tell what is under the mouse.

    napari 0.9 cannot for labels with features in 3-D, before the mouse has moved there.
    """
    names = [line.name for line in traceback.extract_tb(error.__traceback__)]
    return "_calc_status_from_cursor" in names
