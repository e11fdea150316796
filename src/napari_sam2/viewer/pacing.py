"""One repaint of the window for a mouse move, instead of two.

napari writes the mouse's place into its status line some milliseconds after each move,
and Qt then repaints the window, canvas included: 10 to 20 ms in which a mask that has
just been computed has to wait, and in which the processor does not compute it. Here the
repaint waits for the mask instead, if one is about to come, and both appear together.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

__all__ = ["FramePacer"]

_LONGEST = 50
"""Milliseconds for which a repaint is held back at most."""


class FramePacer(QObject):
    """Holds a repaint of the window back while a mask is about to come.

    Parameters
    ----------
    window : QWidget
        The top-level window.
    coming : callable
        Whether a mask is expected within a few milliseconds.
    """

    def __init__(self, window: QWidget, coming: Callable[[], bool]) -> None:
        super().__init__()
        self._window = weakref.ref(window)
        self._coming = coming
        self._held = False
        # After a wait, one repaint goes through in any case.
        self._due = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LONGEST)
        self._timer.timeout.connect(self.release)
        window.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Keep a repaint from the window for now, or let it through."""
        if event is None or event.type() != QEvent.Type.UpdateRequest:
            return False
        if self._held:
            return True
        if self._due or not self._coming():
            self._due = False
            return False
        self._held = True
        self._timer.start()
        return True

    def release(self) -> None:
        """Repaint what was held back."""
        if not self._held:
            return
        self._held, self._due = False, True
        window = self._window()
        # Qt posts no second request before the first was seen to. Where a program just
        # ends, Qt has deleted timer and window already.
        with suppress(RuntimeError):
            self._timer.stop()
            if window is not None:
                request = QEvent(QEvent.Type.UpdateRequest)
                QCoreApplication.postEvent(window, request)

    def close(self) -> None:
        """Hold nothing back any longer."""
        self.release()
        window = self._window()
        with suppress(RuntimeError):
            if window is not None:
                window.removeEventFilter(self)
