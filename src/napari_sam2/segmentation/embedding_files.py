"""Embeddings on a disk, so that yesterday's image needs no encoding today.

One file for each, in a folder that several processes may share. A file appears whole or
not at all; one that is damaged all the same is removed. Those not used for longest make
room for others.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_sam2.errors import CacheError
from napari_sam2.models.catalog import models_folder
from napari_sam2.segmentation.tensor_file import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.engines.base import Embedding, Engine

__all__ = ["CACHE_VARIABLE", "DEFAULT_GB", "EmbeddingFiles", "embeddings_folder"]

CACHE_VARIABLE = "NAPARI_SAM2_CACHE_GB"
"""Environment variable that bounds the cache, whatever was set; 0 switches it off."""

DEFAULT_GB = 4.0
"""Some 170 views of SAM 2.1, or 1,300 of the starter: a few stacks, and a share of the
disk that is noticed on hardly any."""

# Counts up when what is written changes.
_FORMAT = 1
_SUFFIX = ".safetensors"

# A disk is never filled: so many bytes stay free, whatever the bound allows.
_SPARE = 2 * 10**9

# Embeddings that wait to be written hold memory.
_WAITING = 4

# What a process that has died left half-written is removed after so many seconds.
_ABANDONED = 3600

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Usage:
    """What is in the folder: how many embeddings, and how many bytes."""

    count: int
    nbytes: int


def embeddings_folder() -> Path:
    """Folder of the embeddings (it need not exist yet)."""
    return models_folder().parent / "embeddings"


class EmbeddingFiles:
    """Keeps embeddings on a disk, within a bound; threads and processes may share it.

    Nothing here waits for the disk to write, and nothing that goes wrong with it is an
    error: what cannot be kept is encoded again. :attr:`problem` says why.

    Parameters
    ----------
    gigabytes : callable, optional
        Returns what all files together may take, in 10⁹ bytes; asked again and again.
        0: nothing is read or written. :data:`CACHE_VARIABLE` overrules it.
    folder : Path, optional
        Where they are; by default :func:`embeddings_folder`.
    """

    def __init__(
        self,
        gigabytes: Callable[[], float] = lambda: DEFAULT_GB,
        folder: Path | None = None,
    ) -> None:
        self._gigabytes = gigabytes
        self.folder = embeddings_folder() if folder is None else folder
        self.problem: CacheError | None = None
        self._changed = threading.Condition()
        self._waiting: set[Path] = set()
        self._writer: ThreadPoolExecutor | None = None

    @property
    def max_bytes(self) -> int:
        """What all files together may take, in bytes; 0 if nothing is kept."""
        chosen = self._gigabytes()
        with suppress(ValueError):
            chosen = float(os.environ.get(CACHE_VARIABLE, chosen))
        # Any number that somebody may think of: "inf" is as much as there is room for.
        return int(min(chosen * 1e9, sys.maxsize)) if chosen > 0 else 0

    def get(self, key: str, engine: Engine) -> Embedding | None:
        """Read an embedding, and count it as used just now; None if it is not there.

        Parameters
        ----------
        key : str
            See :func:`~napari_sam2.segmentation.embeddings.embedding_key`.
        engine : Engine
            That is to decode it.

        Raises
        ------
        OutOfMemoryError, EngineError
            If the device cannot take it.
        """
        if self.max_bytes == 0:
            return None
        path = self._path(key, engine)
        try:
            embedding = engine.unpack(read_tensors(path))
        except OSError:
            return None
        except ValueError as error:
            _log.info("An embedding was removed: %s", error)
            with suppress(OSError):
                path.unlink()
            return None
        _note_use(path)
        return embedding

    def has(self, key: str, engine: Engine) -> bool:
        """Whether an embedding is there, or about to be; it counts as used just now."""
        if self.max_bytes == 0:
            return False
        path = self._path(key, engine)
        with self._changed:
            if path in self._waiting:
                return True
        _note_use(path)
        return os.path.exists(path)

    def put(self, key: str, engine: Engine, embedding: Embedding) -> bool:
        """Have an embedding written soon, if it is not there; returns at once.

        Returns
        -------
        bool
            False if too many wait already, or if the cache is off.
        """
        if self.max_bytes == 0:
            return False
        path = self._path(key, engine)
        with self._changed:
            if path in self._waiting:
                return True
            if len(self._waiting) >= _WAITING:
                return False
            self._waiting.add(path)
            if self._writer is None:
                self._writer = ThreadPoolExecutor(1, "napari-sam2-embeddings")
            self._writer.submit(self._write, path, engine, embedding)
        return True

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until :meth:`put` would take another one; whether it would."""
        with self._changed:
            return self._changed.wait_for(
                lambda: len(self._waiting) < _WAITING, timeout
            )

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is written; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout)

    @property
    def usage(self) -> Usage:
        """What is there; the folder is looked through for it."""
        files = self._files()
        return Usage(len(files), sum(size for _, size, _ in files))

    def clear(self) -> None:
        """Remove all embeddings.

        Raises
        ------
        CacheError
            If they cannot be removed.
        """
        self.flush()
        for _, _, path in self._files():
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise CacheError(
                    f"{path} cannot be removed ({error}). Close what uses it, and try "
                    "again."
                ) from error

    def _path(self, key: str, engine: Engine) -> Path:
        text = f"{_FORMAT} {engine.version} {key}"
        name = hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
        return self.folder / f"{name}{_SUFFIX}"

    def _write(self, path: Path, engine: Engine, embedding: Embedding) -> None:
        try:
            self._write_aside(path, engine, embedding)
        except OSError as error:
            self._complain(
                f"What the model saw cannot be kept in {self.folder} ({error}). Make "
                "room there, or set NAPARI_SAM2_HOME to a folder that can be written."
            )
        except Exception:
            # Of a device that failed: whoever uses it next is told.
            _log.warning("An embedding could not be kept", exc_info=True)
        finally:
            with self._changed:
                self._waiting.discard(path)
                self._changed.notify_all()

    def _write_aside(self, path: Path, engine: Engine, embedding: Embedding) -> None:
        if path.exists():
            _note_use(path)
            return
        if embedding.nbytes > self.max_bytes:
            return
        arrays = engine.pack(embedding)
        if arrays is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._make_room(embedding.nbytes):
            self._complain(
                f"The disk of {self.folder} is nearly full: what the model saw is not "
                "kept there. Make room, or set NAPARI_SAM2_HOME to another folder."
            )
            return
        about = {"engine": f"{engine.name} {engine.precision}", "model": engine.model}
        unfinished = path.with_name(f".{path.stem}-{uuid4().hex}.part")
        try:
            write_tensors(unfinished, arrays, about)
            # The checksum tells if the machine dies before this is on the disk.
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        self.problem = None

    def _make_room(self, nbytes: int) -> bool:
        """Remove those not used for longest; whether there is room for another then."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        free = shutil.disk_usage(self.folder).free
        if free + total - nbytes < _SPARE:
            # Others have filled it: to remove all would not help.
            return False
        for _, size, path in files:
            if total + nbytes <= self.max_bytes and free - nbytes >= _SPARE:
                return True
            with suppress(OSError):
                path.unlink()
                total -= size
                free += size
        return total + nbytes <= self.max_bytes and free - nbytes >= _SPARE

    def _files(self) -> list[tuple[float, int, Path]]:
        """When they were used last, how large they are, and where."""
        found = []
        nowhere = suppress(FileNotFoundError, NotADirectoryError)
        with nowhere, os.scandir(self.folder) as entries:
            for entry in entries:
                path = self.folder / entry.name
                # Another process may remove it at this instant.
                with suppress(OSError):
                    known = entry.stat()
                    if entry.name.endswith(_SUFFIX):
                        found.append((known.st_mtime, known.st_size, path))
                    elif known.st_mtime < time.time() - _ABANDONED:
                        path.unlink()
        return found

    def _complain(self, text: str) -> None:
        """Say once what is the matter."""
        if self.problem is None:
            _log.warning("%s", text)
        self.problem = CacheError(text)


def _note_use(path: Path) -> None:
    """Count a file as used just now; one that may only be read is used all the same."""
    with suppress(OSError):
        os.utime(path)
