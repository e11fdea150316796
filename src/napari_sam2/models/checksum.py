"""SHA-256 of files and texts."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["cached_sha256", "file_sha256", "text_sha256"]

_CHUNK = 4 << 20


def file_sha256(path: Path, *, between: Callable[[], None] | None = None) -> str:
    """SHA-256 of a file, in hexadecimal.

    Parameters
    ----------
    path : Path
        File to read.
    between : callable, optional
        Called every few megabytes; may raise to stop the reading.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if between is not None:
                between()
    return digest.hexdigest()


def cached_sha256(path: Path) -> str:
    """SHA-256 of a file, read again only once its size or time differs."""
    stat = path.stat()
    return _sha256_at(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_at(path: Path, size: int, mtime_ns: int) -> str:
    return file_sha256(path)


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
