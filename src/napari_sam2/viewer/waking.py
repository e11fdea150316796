"""From the thread that computes to the thread with the window."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Waker", "waker"]


class Waker(Protocol):
    """Arranges that something is called on the window's thread."""

    def wake(self) -> None:
        """Have it called soon; from any thread, as often as you like."""

    def close(self) -> None:
        """Have it called no more."""


def waker(act: Callable[[], None]) -> Waker | None:
    """Return a waker that calls a bound method; None if no Qt application runs.

    The object of the method is not kept alive.
    """
    from weakref import WeakMethod

    try:
        from qtpy.QtCore import QCoreApplication, QEvent, QObject
    except ImportError:
        return None  # no Qt, or no Qt binding, is installed
    if QCoreApplication.instance() is None:
        return None

    method = WeakMethod(act)

    class QtWaker(QObject):
        def __init__(self) -> None:
            super().__init__()
            self._lock = threading.Lock()
            self._asked = False
            self._closed = False

        def wake(self) -> None:
            with self._lock:
                if self._asked or self._closed:
                    return
                self._asked = True
            # Qt may be gone already while the interpreter shuts down.
            with suppress(RuntimeError):
                QCoreApplication.postEvent(self, QEvent(QEvent.Type.User))

        def close(self) -> None:
            with self._lock:
                self._closed = True

        def event(self, event: QEvent | None) -> bool:
            if event is None or event.type() != QEvent.Type.User:
                return super().event(event)
            with self._lock:
                self._asked = False
                closed = self._closed
            bound = method()
            if bound is not None and not closed:
                bound()
            return True

    return QtWaker()
