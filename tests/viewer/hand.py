"""Real mouse and key events on napari's canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam2.annotation.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari.layers import Image
    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.controller import Controller

SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
RIGHT = Qt.MouseButton.RightButton


class Hand:
    """Points at places of an image layer, in (row, col) of the plane in view."""

    def __init__(
        self, viewer: Any, layer: Image, controller: Controller, qtbot: QtBot
    ) -> None:
        self.viewer = viewer
        self.layer = layer
        self.controller = controller
        self.session = controller.session
        self._qtbot = qtbot
        self._canvas = viewer.window._qt_viewer.canvas
        self.native = self._canvas.native
        # The welcome screen and docks settle only once events are processed.
        QApplication.processEvents()

    def wait(self, condition: Callable[[], Any], timeout: int = 20_000) -> None:
        """Process events until a condition holds."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)

    def wait_ready(self) -> None:
        self.wait(lambda: self.session.status.phase is Phase.READY)

    def wait_drawn(self) -> None:
        """Wait until the canvas has drawn what was asked for by now."""
        drawn = []
        self._canvas.events.draw.connect(drawn.append)
        self.native.update()
        self.wait(lambda: drawn)
        self._canvas.events.draw.disconnect(drawn.append)

    def at(self, row: float, col: float) -> QPoint:
        """Return the place of the canvas where a place of the image is drawn."""
        layer, dims = self.layer, self.viewer.dims
        place = np.array(layer.world_to_data(dims.point), dtype=float)
        down, right = (axis - (dims.ndim - layer.ndim) for axis in dims.displayed)
        place[down], place[right] = row, col
        world = np.asarray(layer.data_to_world(place))[[right, down]]
        transform = self._canvas.view.transform * self._canvas.view.scene.transform
        x, y = transform.map(world)[:2]
        return QPoint(round(float(x)), round(float(y)))

    def move(self, row: float, col: float, modifiers: Any = NONE) -> None:
        """Move the mouse somewhere."""
        self._send_move(self.at(row, col), modifiers)

    def _send_move(
        self,
        place: QPoint,
        modifiers: Any = NONE,
        buttons: Any = Qt.MouseButton.NoButton,
    ) -> None:
        # QTest moves the pointer of the whole screen, which sends no event where
        # it stands already.
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(place),
            QPointF(self.native.mapToGlobal(place)),
            Qt.MouseButton.NoButton,
            buttons,
            modifiers,
        )
        QApplication.sendEvent(self.native, move)

    def hover(self, row: float, col: float) -> None:
        """Move the mouse somewhere and wait for the mask there."""
        self.move(row, col)

        def there() -> bool:
            preview = self.session.preview
            if preview is None or not preview.prompts.points:
                return False
            point = preview.prompts.points[-1]
            return abs(point.row - row) < 2 and abs(point.col - col) < 2

        self.wait(there)

    def click(
        self, row: float, col: float, modifiers: Any = NONE, button: Any = LEFT
    ) -> None:
        """Click somewhere, without waiting for what comes of it."""
        QTest.mouseClick(self.native, button, modifiers, self.at(row, col))

    def click_and_wait(self, row: float, col: float) -> None:
        """Click somewhere and wait until there is one object more."""
        count = len(self.session.objects)
        self.click(row, col)
        self.wait(lambda: len(self.session.objects) == count + 1)

    def drag(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        button: Any = LEFT,
        modifiers: Any = NONE,
    ) -> None:
        """Press, move and release."""
        first, last = self.at(*start), self.at(*end)
        corners = [first + (last - first) * step for step in (0.3, 0.6, 1.0)]
        self._drag([first, *corners], button, modifiers)

    def drag_along(
        self, path: Iterable[tuple[float, float]], modifiers: Any = NONE
    ) -> None:
        """Press, move from corner to corner, and release."""
        self._drag([self.at(*place) for place in path], LEFT, modifiers)

    def press_and_move(self, path: Iterable[tuple[float, float]]) -> None:
        """Press, move from corner to corner, and hold on."""
        places = [self.at(*place) for place in path]
        self._press_and_move(places, LEFT, NONE)

    def release(self, row: float, col: float) -> None:
        """Let the left button go."""
        QTest.mouseRelease(self.native, LEFT, NONE, self.at(row, col))

    def _drag(self, places: list[QPoint], button: Any, modifiers: Any) -> None:
        self._press_and_move(places, button, modifiers)
        QTest.mouseRelease(self.native, button, modifiers, places[-1])

    def _press_and_move(
        self, places: list[QPoint], button: Any, modifiers: Any
    ) -> None:
        QTest.mousePress(self.native, button, modifiers, places[0])
        for place in places[1:]:
            QTest.qWait(15)  # vispy drops moves in quicker succession
            self._send_move(place, modifiers, buttons=button)

    def turn_wheel(self, row: float, col: float, clicks: int, modifiers: Any) -> None:
        """Turn the wheel over a place, up or down."""
        place = QPointF(self.at(row, col))
        wheel = QWheelEvent(
            place,
            QPointF(self.native.mapToGlobal(place.toPoint())),
            QPoint(0, 0),
            QPoint(0, 120 * clicks),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.native, wheel)

    def key(self, key: Any, modifiers: Any = NONE) -> None:
        """Press and release a key over the canvas."""
        QTest.keyClick(self.native, key, modifiers)

    def picture(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return what the canvas shows, shape (height, width, 4)."""
        return np.asarray(self.viewer.screenshot(canvas_only=True, flash=False))
