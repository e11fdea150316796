"""Ctrl+C as a wish, not as a blow."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_sam2.engines.cancellation import CancelToken

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ctrl_c_cancels"]


@contextmanager
def ctrl_c_cancels() -> Iterator[CancelToken]:
    """Let Ctrl+C ask for an orderly end instead of breaking in anywhere."""
    token = CancelToken()
    before = signal.signal(signal.SIGINT, lambda *_: token.cancel())
    try:
        yield token
    finally:
        signal.signal(signal.SIGINT, before)
