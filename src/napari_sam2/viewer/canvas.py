"""What napari's mouse events do not tell, read from the canvas itself.

vispy drops mouse moves that come less than 10 ms after the last one, so that the
place where a fast gesture ends can be lost; and nothing tells that Shift was
pressed while the mouse rests. Both are watched for here. Where a napari does not
show its canvas, nothing is watched, and the next move of the mouse helps.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

__all__ = ["CanvasWatch", "native_canvas"]

_REST = 25
"""Milliseconds without a move after which the mouse is said to rest."""


def native_canvas(viewer: ViewerModel) -> QWidget | None:
    """Return Qt's widget of the canvas; None if there is none to be had.

    napari has no public way to it.
    """
    window = getattr(viewer, "window", None)
    canvas = getattr(getattr(window, "_qt_viewer", None), "canvas", None)
    native = getattr(canvas, "native", None)
    # Of a window that was closed, Qt's half may be gone before Python's.
    alive: bool = isinstance(native, QWidget) and isalive(native)  # type: ignore[no-untyped-call]
    return native if alive else None


class CanvasWatch(QObject):
    """Brings lost moves back, and tells when Shift or Alt change.

    Parameters
    ----------
    canvas : QWidget
        napari's canvas.
    seen : callable
        Returns the place of the last mouse event that came through, in pixels
        of the canvas, or None.
    modifiers_changed : callable
        Told whether Shift and Alt are held, when that changes.
    space_changed : callable
        Told whether Space is held, when that changes.
    """

    def __init__(
        self,
        canvas: QWidget,
        seen: Callable[[], tuple[float, float] | None],
        modifiers_changed: Callable[[bool, bool], None],
        space_changed: Callable[[bool], None],
    ) -> None:
        super().__init__()
        self._modifiers_changed = modifiers_changed
        self._space_changed = space_changed
        self._canvas = canvas
        self._seen = seen
        self._latest: tuple[QPointF, QPointF, Any] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self._on_rest)
        canvas.installEventFilter(self)

    def close(self) -> None:
        """Watch no longer."""
        # Where a program just ends, Qt has deleted both already.
        with suppress(RuntimeError):
            self._timer.stop()
            self._canvas.removeEventFilter(self)
        self._latest = None

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Look at an event of the canvas; it is never kept from it."""
        if isinstance(event, QMouseEvent):
            self._on_mouse(event)
        elif event is not None and event.type() in (
            QEvent.Type.KeyPress,
            QEvent.Type.KeyRelease,
        ):
            self._on_key(event)
        elif event is not None and event.type() == QEvent.Type.FocusOut:
            # Where a key is let go now, is not told here.
            self._space_changed(False)
        elif event is not None and event.type() == QEvent.Type.Leave:
            self._timer.stop()
            self._latest = None
        return False

    def _on_mouse(self, event: QMouseEvent) -> None:
        if (
            event.type() == QEvent.Type.MouseMove
            and event.buttons() == Qt.MouseButton.NoButton
        ):
            # Copies: Qt reuses the event.
            self._latest = (
                QPointF(event.position()),
                QPointF(event.globalPosition()),
                event.modifiers(),
            )
            self._timer.start()
        else:
            self._timer.stop()
            self._latest = None

    def _on_rest(self) -> None:
        if self._latest is None:
            return
        place, everywhere, modifiers = self._latest
        self._latest = None
        seen = self._seen()
        if seen is not None and (
            abs(seen[0] - place.x()) < 1 and abs(seen[1] - place.y()) < 1
        ):
            return
        none = Qt.MouseButton.NoButton
        move = QEvent.Type.MouseMove
        again = QMouseEvent(move, place, everywhere, none, none, modifiers)
        # Not watched again: once must do.
        self._canvas.removeEventFilter(self)
        try:
            QApplication.sendEvent(self._canvas, again)
        finally:
            self._canvas.installEventFilter(self)

    def _on_key(self, event: Any) -> None:
        held = event.modifiers()
        shift = bool(held & Qt.KeyboardModifier.ShiftModifier)
        alt = bool(held & Qt.KeyboardModifier.AltModifier)
        # Whether its own press or release counts already differs by platform.
        pressed = event.type() == QEvent.Type.KeyPress
        if event.key() == Qt.Key.Key_Shift:
            shift = pressed
        elif event.key() == Qt.Key.Key_Alt:
            alt = pressed
        else:
            if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
                self._space_changed(pressed)
            return
        self._modifiers_changed(shift, alt)
