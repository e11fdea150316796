"""One thread that syncs files to the disk, so that nobody has to wait for that."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import suppress

__all__ = ["close_soon", "flush", "sync_soon"]

_PAUSE = 0.2  # seconds: many lines of a quick hand are synced at once


class _Syncer:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._dirty: set[int] = set()
        self._closing: set[int] = set()
        self._working = False
        self._hurry = False
        self._thread: threading.Thread | None = None

    def sync(self, descriptor: int) -> None:
        with self._changed:
            self._dirty.add(descriptor)
            self._start()

    def close(self, descriptor: int) -> None:
        with self._changed:
            self._dirty.add(descriptor)
            self._closing.add(descriptor)
            self._start()

    def flush(self, timeout: float) -> None:
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._dirty or self._working), timeout)
            self._hurry = False

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._run, name="napari-sam2-sync", daemon=True
            )
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty)
                self._changed.wait_for(lambda: self._hurry, _PAUSE)
                dirty, self._dirty = self._dirty, set()
                closing, self._closing = self._closing, set()
                self._working = True
            for descriptor in dirty:
                # A full or unplugged disk was told of when it was written to.
                with suppress(OSError):
                    os.fsync(descriptor)
            for descriptor in closing:
                with suppress(OSError):
                    os.close(descriptor)
            with self._changed:
                self._working = False
                self._changed.notify_all()


_syncer = _Syncer()
atexit.register(lambda: _syncer.flush(5))


def sync_soon(descriptor: int) -> None:
    """Have a file synced in a moment; returns at once."""
    _syncer.sync(descriptor)


def close_soon(descriptor: int) -> None:
    """Have a file synced and closed in a moment; returns at once."""
    _syncer.close(descriptor)


def flush(timeout: float = 5.0) -> None:
    """Wait until all is on the disk, or ``timeout`` seconds."""
    _syncer.flush(timeout)
