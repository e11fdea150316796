"""One writer of a file at a time, without a second file that stays behind.

The lock lies on the file itself and belongs to whoever has opened it: the operating
system takes it away when the process ends, in whichever way.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_locked", "lock", "unlock"]

if sys.platform == "win32":
    import msvcrt

    # A lock on Windows keeps readers out: it lies where no journal ever reaches.
    _BEYOND = 1 << 30

    def lock(descriptor: int) -> bool:
        """Lock an open file until it is closed; False if somebody else has."""
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Give an open file free."""
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        with suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock(descriptor: int) -> bool:
        """Lock an open file until it is closed; False if somebody else has."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A disk of another machine may know no locks: better two writers than none.
            return True
        return True

    def unlock(descriptor: int) -> None:
        """Give an open file free."""
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_locked(path: Path) -> bool:
    """Whether somebody has locked a file, in this process or another.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        return not lock(descriptor)
    finally:
        os.close(descriptor)
