"""Labels of images that are too large for one array: chunks, on disk.

Most of a huge image holds no object. Ids are kept in chunks, of which there are only
those that something was written to; they are written to a zarr group (OME-NGFF) by a
thread of their own, and those used last stay in memory. All resolutions of the
pyramid are written at once, a few pixels each, so nothing has to be computed for a
zoom.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam2.analysis.ngff import create_group, pyramid_shapes
from napari_sam2.annotation.chunks import HELD, SparseLevel, box_around
from napari_sam2.annotation.locking import lock, unlock
from napari_sam2.annotation.origins import LabelsOrigin
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt
    from dask.array import Array

    from napari_sam2.annotation.objects import Notes

__all__ = ["SparseLabels"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
_Indices = tuple["npt.NDArray[np.intp]", ...]
_Box = tuple[slice, ...]
_Chunk = tuple[int, ...]

_DTYPE = SparseLevel.dtype

# Rows and columns that a dask array of them is read by.
_READ_AT_ONCE = 4096


class SparseLabels:
    """Labels in chunks on disk, in several resolutions: a label store.

    Nothing is made on disk before the first object. From then on nobody else may write
    there, until they are closed.

    Parameters
    ----------
    shape : tuple of int
        Of the labels; rows and columns are the last two axes.
    path : Path
        Folder for the zarr group.
    name : str
        For messages.
    held : int
        Bytes of chunks of each level that stay in memory.
    """

    edited = Signal(list)

    def __init__(
        self,
        shape: tuple[int, ...],
        path: Path,
        name: str = "labels",
        held: int = HELD,
    ) -> None:
        self._path, self._name = path, name
        self.levels = [SparseLevel(size, held) for size in pyramid_shapes(tuple(shape))]
        for level in self.levels:
            level.owner = self
        # None: nobody has looked.
        self._largest: int | None = 0
        self._made = False
        self._error: Exception | None = None
        self._storing = threading.Lock()
        self._waiting = threading.Condition()
        self._writer: threading.Thread | None = None
        self._closed = False
        # Of the file that is locked; -1: none is.
        self._descriptor = -1

    @classmethod
    def open(cls, path: Path, name: str = "labels") -> SparseLabels:
        """Open what an earlier session has left on disk; waits for it to be written.

        Raises
        ------
        LabelsError
            If there are no such labels, or somebody else is writing to them.
        """
        earlier = _OPEN.get(path)
        if earlier is not None:
            earlier._wait_closed()
        try:
            descriptor = _locked(path)
        except OSError as error:
            raise LabelsError(
                f"There are no labels of this tool in {path}: {error}"
            ) from error
        try:
            labels = cls._read(path, name)
        except BaseException:
            os.close(descriptor)
            raise
        labels._hold(descriptor)
        return labels

    @classmethod
    def _read(cls, path: Path, name: str) -> SparseLabels:
        import zarr

        try:
            group = zarr.open_group(path, mode="r+")
            first: Any = group["0"]
            labels = cls(tuple(first.shape), path, name)
            labels._made = True
            for number, level in enumerate(labels.levels):
                level.disk = group[str(number)]
                level.keys = _stored_chunks(path / str(number), level.ndim)
        except (OSError, KeyError, ValueError) as error:
            raise LabelsError(
                f"There are no labels of this tool in {path}: {error}"
            ) from error
        labels._largest = None
        return labels

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return self.levels[0].shape

    @property
    def path(self) -> Path:
        """Folder of the zarr group."""
        return self._path

    @property
    def origin(self) -> LabelsOrigin:
        """What the labels can be found again by."""
        return LabelsOrigin(self._name, self.shape, _DTYPE.str, self._path)

    def read(self, indices: _Indices) -> _Ids:
        """Return a copy of the ids at some places."""
        return self.levels[0].read(indices)

    def write(self, indices: _Indices, values: _Ids | int) -> None:
        """Set the ids of some places, in all resolutions.

        Raises
        ------
        LabelsError
            If an id is too large, or if what was set before could not be written
            to disk.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise LabelsError(
                f"“{self._name}” could not be written to {self._path} ({error}). "
                "Make room there, and go on: what is missing is written again."
            ) from error
        if indices[0].size == 0:
            return
        ids = np.broadcast_to(np.asarray(values), indices[0].shape)
        largest = int(ids.max())
        if largest > np.iinfo(_DTYPE).max:
            raise LabelsError(f"No labels on disk can hold the object id {largest}.")
        if self._largest is not None:
            self._largest = max(self._largest, largest)
        around = box_around(indices)
        if around is None:
            ids = ids.astype(_DTYPE, copy=False)
            for level, places, here in self._in_levels(indices, ids):
                level.write(places, here)
        else:
            self._paint(around, indices, ids)
        self._wake_writer()

    def _paint(self, around: _Box, indices: _Indices, ids: _Ids) -> None:
        """Set the ids of places that fill most of a box."""
        shape = tuple(part.stop - part.start for part in around)
        inside = tuple(
            axis - part.start for axis, part in zip(indices, around, strict=True)
        )
        mask = np.zeros(shape, dtype=bool)
        mask[inside] = True
        values = np.broadcast_to(ids[:1].astype(_DTYPE), shape)
        if ids.strides != (0,):
            values = np.zeros(shape, dtype=_DTYPE)
            values[inside] = ids
        *others, row, col = (part.start for part in around)
        for level in self.levels:
            if mask.size == 0:
                break
            level.paint((*others, row, col), mask, values)
            # A pixel of a coarser level is one of four of the level before.
            mask, values = (a[..., row % 2 :: 2, col % 2 :: 2] for a in (mask, values))
            row, col = (row + 1) // 2, (col + 1) // 2

    def become(
        self, indices: _Indices, values: npt.ArrayLike, *, others: bool = False
    ) -> None:
        """Hold what a journal says, in all resolutions; on any thread.

        What is on disk may be behind it, each resolution in another way, or ahead: the
        process that wrote both may have been killed in between.

        Parameters
        ----------
        indices : tuple of ndarray of int, each of shape (n,)
            Every place that was ever written to, one array for each axis.
        values : array-like of int, shape (n,) or (1,)
            Their ids.
        others : bool
            Whether what lies elsewhere stays.
        """
        ids = np.broadcast_to(np.asarray(values, _DTYPE), indices[0].shape)
        self._largest = None if others else int(ids.max(initial=0))
        for level, places, here in self._in_levels(indices, ids):
            level.become(places, here, others=others)
        if self.levels[0].keys:
            self._wake_writer()

    def _in_levels(
        self, indices: _Indices, ids: _Ids
    ) -> Iterator[tuple[SparseLevel, _Indices, _Ids]]:
        """Say which places of each level some places are."""
        for number, level in enumerate(self.levels):
            if number:
                # A pixel of a coarser level is one of four of the level before.
                stays = (indices[-2] % 2 == 0) & (indices[-1] % 2 == 0)
                indices = tuple(axis[stays] for axis in indices)
                indices = (*indices[:-2], indices[-2] // 2, indices[-1] // 2)
                ids = ids[stays]
            yield level, indices, ids

    def notes(self) -> Mapping[int, Notes]:
        """Return nothing: what is noted on objects is in the journal."""
        return {}

    def max_id(self) -> int:
        """Return an id that is at least the largest in use; on any thread."""
        if self._largest is None:
            level = self.levels[0]
            self._largest = max(
                (int(level.box(box).max(initial=0)) for box in level.boxes()), default=0
            )
        return self._largest

    def box(self, box: _Box) -> _Ids:
        """Return the ids within a box; on any thread."""
        return self.levels[0].box(box)

    def blocks(self) -> Iterable[_Box]:
        """Boxes that hold every object; on any thread."""
        return self.levels[0].boxes()

    def array(self) -> Array:
        """Return the labels as a dask array, which reads what is computed.

        It shows what is there at that moment, in memory or on disk.
        """
        import dask.array

        level = self.levels[0]
        sides = (1,) * (level.ndim - 2) + (_READ_AT_ONCE, _READ_AT_ONCE)
        # A name of its own: what is written must not be taken for what was read.
        return dask.array.from_array(level, chunks=sides, name=False)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]

    def flush(self) -> None:
        """Wait until everything is on disk.

        Raises
        ------
        LabelsError
            If it cannot be written.
        """
        try:
            self._store_all()
        except Exception as error:
            raise LabelsError(
                f"“{self._name}” could not be written to {self._path}: {error}"
            ) from error

    def close(self) -> None:
        """Write what is left, in the background; then others may write there.

        What is written after that opens them again.
        """
        with self._waiting:
            self._closed = True
            if self._writer is None:
                self._release()
            self._waiting.notify_all()

    def _wait_closed(self) -> None:
        with self._waiting:
            writer = self._writer if self._closed else None
        if writer is not None:
            writer.join()

    def _wake_writer(self) -> None:
        with self._waiting:
            self._closed = False
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_on, name="napari-sam2 labels", daemon=True
                )
                self._writer.start()
                _flush_at_exit(self)
            self._waiting.notify_all()

    def _write_on(self) -> None:
        while True:
            try:
                self._store_all()
            except Exception as error:
                self._error = error
            with self._waiting:
                # What failed is tried again with what is written next.
                failed = self._error is not None
                if failed or not any(level.dirty for level in self.levels):
                    if self._closed:
                        self._writer = None
                        self._release()
                        return
                    self._waiting.wait()

    def _store_all(self) -> None:
        with self._storing:
            self._make()
            for level in self.levels:
                while level.store():
                    pass

    def _make(self) -> None:
        """Make the group on disk, once, and keep others from writing to it."""
        if not self.levels[0].keys:
            return
        if not self._made:
            self._make_group()
        if self._descriptor < 0:
            self._hold(_locked(self._path))

    def _make_group(self) -> None:
        arrays = create_group(self._path, self.shape, _DTYPE, self._name)
        for level, array in zip(self.levels, arrays, strict=True):
            level.disk = array
        self._made = True

    def _hold(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _OPEN[self._path] = self

    def _release(self) -> None:
        if self._descriptor >= 0:
            unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


# Whoever closes labels and opens them again waits for what is left to be written.
_OPEN: weakref.WeakValueDictionary[Path, SparseLabels] = weakref.WeakValueDictionary()


def _locked(path: Path) -> int:
    """Keep others from writing to labels, until the descriptor is closed.

    Raises
    ------
    OSError
        If there are none.
    LabelsError
        If somebody else is writing.
    """
    descriptor = os.open(path / "zarr.json", os.O_RDWR)
    if not lock(descriptor):
        os.close(descriptor)
        raise LabelsError(
            f"The labels in {path} are being written by another window: close that "
            "first."
        )
    return descriptor


def _stored_chunks(folder: Path, ndim: int) -> set[_Chunk]:
    """Chunks that are on disk, by the names of their files (zarr version 3)."""
    keys = set()
    for file in (folder / "c").glob("/".join("*" * ndim)):
        # zarr writes into a file beside it first, which may be there still: after a
        # crash, or while another thread writes.
        # And file managers leave things of their own everywhere.
        if all(part.isdecimal() for part in file.parts[-ndim:]):
            keys.add(tuple(int(part) for part in file.parts[-ndim:]))
    return keys


_UNWRITTEN: weakref.WeakSet[SparseLabels] = weakref.WeakSet()


def _flush_at_exit(labels: SparseLabels) -> None:
    if not _UNWRITTEN:
        # zarr computes on threads that are gone when the functions of `atexit` run:
        # this has to be done before those are ended, so it is asked for after that.
        import concurrent.futures.thread  # noqa: F401

        getattr(threading, "_register_atexit", atexit.register)(_flush_all)
    _UNWRITTEN.add(labels)


def _flush_all() -> None:
    for labels in list(_UNWRITTEN):
        # Nobody is there to be told; what was kept is in the journal.
        with suppress(Exception):
            labels._store_all()
