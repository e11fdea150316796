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
        self._timer = _timer(milliseconds)
        if self._timer is not None:
            self._timer.timeout.connect(self._do)

    @property
    def waits(self) -> bool:
        """Whether there is something still to be done."""
        return self._timer is not None and bool(self._timer.isActive())

    def ask(self) -> None:
        """Have it done soon."""
        if self._timer is None:
            self._do()
        elif self._rest or not self._timer.isActive():
            self._timer.start()

    def now(self) -> None:
        """Do it now, if it waits."""
        if self._timer is not None and self._timer.isActive():
            self._timer.stop()
            self._do()

    def close(self) -> None:
        """Forget it."""
        # Where a program just ends, Qt has deleted the timer already.
        with suppress(RuntimeError):
            if self._timer is not None:
                self._timer.stop()

    def _do(self) -> None:
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
