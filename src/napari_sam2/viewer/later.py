"""Doing something once, a moment after it was asked for, perhaps many times."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Later"]


class Later:
    """Puts off what need not be done at once; without a window, nothing is put off.

    Parameters
    ----------
    act : callable
        Bound method to call; its object is not kept alive.
    milliseconds : int
        How long after it was first asked for.
    rest : bool
        Whether to wait until nobody has asked for so long.
    """

    def __init__(
        self, act: Callable[[], None], milliseconds: int, *, rest: bool = False
    ) -> None:
        self._act = WeakMethod(act)
        self._rest = rest
        self.waits = False
        """Whether there is something still to be done."""
        self._timer = _timer(milliseconds)
        if self._timer is not None:
            self._timer.timeout.connect(self._do)

    def ask(self) -> None:
        """Have it done soon."""
        if self._timer is None:
            self._do()
        elif self._rest or not self.waits:
            try:
                self._timer.start()
            except RuntimeError:
                # Qt has deleted it with the window: there is no later.
                self._do()
            else:
                self.waits = True

    def now(self) -> None:
        """Do it now, if it waits."""
        if self.waits:
            self.close()
            self._do()

    def close(self) -> None:
        """Forget it."""
        self.waits = False
        # Where a window is closed, or a program just ends, Qt may have deleted the
        # timer already.
        with suppress(RuntimeError):
            if self._timer is not None:
                self._timer.stop()

    def _do(self) -> None:
        self.waits = False
        act = self._act()
        if act is not None:
            act()


def _timer(milliseconds: int) -> Any:
    try:
        from qtpy.QtCore import QCoreApplication, QTimer
    except ImportError:
        return None  # no Qt, or no Qt binding, is installed
    if QCoreApplication.instance() is None:
        return None
    timer = QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    return timer
