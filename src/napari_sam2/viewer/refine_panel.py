"""How masks are cut, and what they look like: folded until it is wanted."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.viewer.choosers import Chooser
from napari_sam2.viewer.palette import PALETTES
from napari_sam2.viewer.parts import button, check, fold, show_folded

if TYPE_CHECKING:
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.controller import Controller

__all__ = ["RefinePanel"]

_STEPS = 4
"""Of the slider, in one logit."""

_MOST = 8
"""Logits to both ends of the slider."""


_LOOKS = {
    "object": "Of the object",
    "color-blind safe": "Color-blind safe",
    "outline": "Outline alone",
}


class PaletteChooser(Chooser):
    """What the mask under the mouse looks like.

    Parameters
    ----------
    controller : Controller
        Whose preview it is about.
    connections : Connections
        Through which it follows, until they are closed.
    """

    _tip = "Colors of the mask under the mouse"

    def __init__(self, controller: Controller, connections: Connections) -> None:
        super().__init__()
        self._preview = controller.preview
        self.setAccessibleName("Colors of the mask under the mouse")
        self.activated.connect(self._on_activated)
        connections.add(controller.preview.palette_changed, self._refresh)
        self._refresh()

    def _refresh(self, *_: str) -> None:
        names = list(PALETTES)
        chosen = self._preview.palette
        self.offer(
            [(_LOOKS[name], name) for name in names],
            names.index(chosen) if chosen in names else 0,
        )

    def _on_activated(self, number: int) -> None:
        self._preview.palette = self.itemData(number)


class RefinePanel(QWidget):
    """A line that says whose mask it is about; unfolded, how that is cut.

    Parameters
    ----------
    controller : Controller
        Whose session it is about.
    connections : Connections
        Through which it follows the session, until they are closed.
    """

    def __init__(self, controller: Controller, connections: Connections) -> None:
        super().__init__()
        self._session = controller.session
        self.header = fold(
            "Refine", "Threshold, smoothing, holes and size, without a new click"
        )
        self.body = QWidget()
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.value = QLabel()
        self.smoothing = QDoubleSpinBox()
        self.fill_holes = check("Fill holes", "What the mask goes around belongs to it")
        self.min_area = QSpinBox()
        self.reset = button("Reset", "Cut the mask as the model gives it")
        self.colors = PaletteChooser(controller, connections)
        self._style()
        self._lay_out()
        self._connect(connections)
        self._refresh()

    def _style(self) -> None:
        self.threshold.setRange(-_MOST * _STEPS, _MOST * _STEPS)
        self.threshold.setPageStep(_STEPS)
        # To the right, the mask grows.
        self.threshold.setInvertedAppearance(True)
        self.threshold.setInvertedControls(True)
        self.threshold.setToolTip("Let the mask shrink or grow (Shift + wheel)")
        self.threshold.setAccessibleName("Threshold")
        self.value.setMinimumWidth(self.fontMetrics().horizontalAdvance("+0.00 "))
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.smoothing.setRange(0, 50)
        self.smoothing.setDecimals(1)
        self.smoothing.setSingleStep(0.5)
        self.smoothing.setSuffix(" px")
        self.smoothing.setToolTip("Round the outline off, as far as this")
        self.smoothing.setAccessibleName("Smoothing")
        self.min_area.setRange(0, 1_000_000)
        self.min_area.setSingleStep(10)
        self.min_area.setSuffix(" px")
        self.min_area.setToolTip("Leave islands out that have fewer pixels")
        self.min_area.setAccessibleName("Smallest island")
        self.threshold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for box in (self.smoothing, self.min_area):
            # A number that is half typed is not meant yet.
            box.setKeyboardTracking(False)
            box.setMinimumWidth(1)
            box.installEventFilter(self)

    def eventFilter(self, box: QObject | None, event: QEvent | None) -> bool:
        """Let Enter end a number and Escape take it back, and nothing else.

        To napari, the object were done, or dropped.
        """
        if not isinstance(box, QAbstractSpinBox) or not isinstance(event, QKeyEvent):
            return False
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        escape = event.key() == Qt.Key.Key_Escape
        if not (enter or escape) or event.type() != QEvent.Type.KeyPress:
            return False
        if enter:
            box.interpretText()
        else:
            self._refresh()
        box.selectAll()
        return True

    def _lay_out(self) -> None:
        grid = QGridLayout(self.body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("&Threshold", self.threshold),
            ("&Smoothing", self.smoothing),
            ("Smallest isla&nd", self.min_area),
        )
        for row, (name, widget) in enumerate(rows):
            label = QLabel(name)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            alone = widget is self.threshold
            grid.addWidget(widget, row, 1, 1, 1 if alone else 2)
        grid.addWidget(self.value, 0, 2)
        last = QHBoxLayout()
        last.addWidget(self.fill_holes, 2)
        last.addWidget(self.reset, 1)
        grid.addLayout(last, len(rows), 0, 1, 3)
        label = QLabel("&Colors")
        label.setBuddy(self.colors)
        grid.addWidget(label, len(rows) + 1, 0)
        grid.addWidget(self.colors, len(rows) + 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addWidget(self.header)
        whole.addWidget(self.body)
        self.body.setVisible(False)

    def _connect(self, connections: Connections) -> None:
        session = self._session
        self.header.toggled.connect(self._on_fold)
        self.threshold.valueChanged.connect(self._on_threshold)
        self.smoothing.valueChanged.connect(partial(self._say, "smoothing"))
        self.min_area.valueChanged.connect(partial(self._say, "min_area"))
        self.fill_holes.toggled.connect(partial(self._say, "fill_holes"))
        self.reset.clicked.connect(self._reset)
        for signal in (session.current_changed, session.refinement_changed):
            connections.add(signal, self._refresh)

    def _on_fold(self, unfolded: bool) -> None:
        show_folded(self.header, not unfolded)
        self.body.setVisible(unfolded)

    def _on_threshold(self, value: int) -> None:
        self._say("threshold", value / _STEPS)

    def _reset(self, *_: object) -> None:
        self._session.refine(**asdict(Refinement()))
        self._refresh()

    def _say(self, name: str, value: Any) -> None:
        self._session.refine(**{name: value})
        # What would leave nothing of the object is not done.
        self._refresh()

    def _refresh(self, *_: object) -> None:
        """Show how the current object is cut; without one, the next."""
        current, refinement = self._session.current, self._session.refinement
        whose = "the next objects" if current is None else f"object {current.label}"
        plain = refinement == Refinement()
        self.header.setText("Refine" if plain else f"Refine · {whose}")
        self.reset.setEnabled(not plain)
        self.value.setText(f"{refinement.threshold:+.2f}")
        with QSignalBlocker(self.threshold):
            self.threshold.setValue(round(refinement.threshold * _STEPS))
        with QSignalBlocker(self.smoothing):
            self.smoothing.setValue(refinement.smoothing)
        with QSignalBlocker(self.min_area):
            self.min_area.setValue(round(refinement.min_area))
        with QSignalBlocker(self.fill_holes):
            self.fill_holes.setChecked(refinement.fill_holes)
