"""A hand at the window: mouse and keys, as the windowing system reports them.

The events enter Qt where those of a real mouse do, at the window; Qt finds the
widget under the mouse, and napari and the plugin notice no difference.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QCursor, QMouseEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMainWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from napari.layers import Layer
    from qtpy.QtGui import QWindow

__all__ = ["Robot", "TooSlow"]

_NO_MODIFIER = Qt.KeyboardModifier.NoModifier
_LEFT = Qt.MouseButton.LeftButton

# The stubs of PyQt take its functions for methods.
_hand: Any = QTest


class TooSlow(Exception):
    """Something that should have happened did not, in time."""


class Robot:
    """Points and types at one napari window.

    Parameters
    ----------
    viewer : napari.Viewer
        With its window shown, displaying two dimensions.
    layer : napari.layers.Layer
        Places are ``(row, col)`` in pixels of this layer.
    """

    def __init__(self, viewer: napari.Viewer, layer: Layer) -> None:
        self._viewer = viewer
        self._layer = layer
        self._main, self._canvas = _window_and_canvas()

    @property
    def _window(self) -> QWindow | None:
        return self._main.windowHandle()

    def position(self, row: float, col: float) -> QPoint:
        """Return where a place of the layer is, in pixels of the window."""
        y, x = self._layer.data_to_world((row, col))[-2:]
        camera = self._viewer.scene.camera
        size = self._canvas.size()
        across = (x - camera.center[-1]) * camera.zoom + size.width() / 2
        down = (y - camera.center[-2]) * camera.zoom + size.height() / 2
        local = QPoint(round(across), round(down))
        return self._canvas.mapTo(self._main, local)

    def move(self, row: float, col: float) -> None:
        """Move the mouse to a place; nothing is waited for."""
        position = self.position(row, col)
        # The pointer itself goes along, for whoever asks where it is.
        QCursor.setPos(self._main.mapToGlobal(position))
        _hand.mouseMove(self._window, position)

    def click(
        self,
        row: float,
        col: float,
        *,
        right: bool = False,
        shift: bool = False,
    ) -> None:
        """Move the mouse to a place, and click."""
        self.move(row, col)
        button = Qt.MouseButton.RightButton if right else Qt.MouseButton.LeftButton
        modifier = Qt.KeyboardModifier.ShiftModifier if shift else _NO_MODIFIER
        _hand.mouseClick(self._window, button, modifier, self.position(row, col))

    def drag(
        self,
        path: Sequence[tuple[float, float]],
        *,
        shift: bool = False,
        alt: bool = False,
    ) -> None:
        """Press the left button at the first place, draw on, release at the last."""
        modifier = _NO_MODIFIER
        if shift:
            modifier |= Qt.KeyboardModifier.ShiftModifier
        if alt:
            modifier |= Qt.KeyboardModifier.AltModifier
        self.move(*path[0])
        _hand.mousePress(self._window, _LEFT, modifier, self.position(*path[0]))
        for place in path[1:]:
            # vispy drops moves that come in quicker succession.
            _hand.qWait(12)
            spot = QPointF(self.position(*place))
            move = QMouseEvent(
                QEvent.Type.MouseMove,
                spot,
                QPointF(self._main.mapToGlobal(spot.toPoint())),
                Qt.MouseButton.NoButton,
                _LEFT,
                modifier,
            )
            QApplication.sendEvent(self._window, move)
        _hand.mouseRelease(self._window, _LEFT, modifier, self.position(*path[-1]))

    def press(self, key: Qt.Key, *, control: bool = False, shift: bool = False) -> None:
        """Press and release a key, with the canvas having the keyboard."""
        self._canvas.setFocus()
        modifiers = _NO_MODIFIER
        if control:
            modifiers |= Qt.KeyboardModifier.ControlModifier
        if shift:
            modifiers |= Qt.KeyboardModifier.ShiftModifier
        _hand.keyClick(self._window, key, modifiers)

    def wait(
        self, condition: Callable[[], Any], what: str, *, seconds: float = 30.0
    ) -> None:
        """Let the window live until something is true.

        Raises
        ------
        TooSlow
            If it does not become true in time.
        """
        start = time.perf_counter()
        while not condition():
            if time.perf_counter() - start > seconds:
                raise TooSlow(f"{what}: not within {seconds:.0f} s")
            _hand.qWait(2)

    def timed(
        self, act: Callable[[], None], condition: Callable[[], Any], what: str
    ) -> float:
        """Do something, and wait for what is to come of it.

        Returns
        -------
        float
            Seconds from the one to the other.
        """
        start = time.perf_counter()
        act()
        self.wait(condition, what)
        return time.perf_counter() - start


def _window_and_canvas() -> tuple[QMainWindow, QOpenGLWidget]:
    for window in QApplication.topLevelWidgets():
        if isinstance(window, QMainWindow) and window.isVisible():
            canvas = window.findChild(QOpenGLWidget)
            if canvas is not None:
                return window, canvas
    raise TooSlow("There is no window of napari.")
