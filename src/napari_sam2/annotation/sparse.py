"""Labels of images that are too large for one array: chunks, on disk.

Most of a huge image holds no object. Ids are kept in chunks, of which there are only
those that something was written to; they are written to a zarr group (OME-NGFF) by a
thread of their own, and those used last stay in memory. All resolutions of the
pyramid are written at once, a few pixels each, so nothing has to be computed for a
zoom.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.chunks import CHUNK_SIDE, HELD, SparseLevel
from napari_sam2.annotation.origins import LabelsOrigin
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["SparseLabels"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
_Indices = tuple["npt.NDArray[np.intp]", ...]
_Box = tuple[slice, ...]
_Chunk = tuple[int, ...]

_DTYPE = SparseLevel.dtype


class SparseLabels:
    """Labels in chunks on disk, in several resolutions: a label store.

    Nothing is made on disk before the first object.

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
        self.levels = [SparseLevel(size, held) for size in _pyramid(tuple(shape))]
        for level in self.levels:
            level.owner = self
        self._largest = 0
        self._made = False
        self._error: Exception | None = None
        self._storing = threading.Lock()
        self._waiting = threading.Condition()
        self._writer: threading.Thread | None = None
        self._closed = False

    @classmethod
    def open(cls, path: Path, name: str = "labels") -> SparseLabels:
        """Open what an earlier session has left on disk.

        Raises
        ------
        LabelsError
            If there are no such labels.
        """
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
        labels._largest = labels._look_for_largest()
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
        self._largest = max(self._largest, largest)
        ids = ids.astype(_DTYPE, copy=False)
        for number, level in enumerate(self.levels):
            if number:
                # A pixel of a coarser level is one of four of the level before.
                stays = (indices[-2] % 2 == 0) & (indices[-1] % 2 == 0)
                indices = tuple(axis[stays] for axis in indices)
                indices = (*indices[:-2], indices[-2] // 2, indices[-1] // 2)
                ids = ids[stays]
            level.write(indices, ids)
        self._wake_writer()

    def max_id(self) -> int:
        """Return an id that is at least the largest in use; on any thread."""
        return self._largest

    def box(self, box: _Box) -> _Ids:
        """Return the ids within a box; on any thread."""
        return self.levels[0].box(box)

    def blocks(self) -> Iterable[_Box]:
        """Boxes that hold every object; on any thread."""
        return self.levels[0].boxes()

    def array(self) -> _Ids:
        """Return a copy of the whole array, if it is not too large for that.

        Raises
        ------
        LabelsError
            If it is.
        """
        return np.asarray(self.levels[0])

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
        """Write what is left, in the background, and then no more."""
        with self._waiting:
            self._closed = True
            self._waiting.notify_all()

    def _wake_writer(self) -> None:
        with self._waiting:
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
                        return
                    self._waiting.wait()

    def _store_all(self) -> None:
        with self._storing:
            self._make()
            for level in self.levels:
                while level.store():
                    pass

    def _make(self) -> None:
        """Make the group on disk, once."""
        if self._made or not self.levels[0].keys:
            return
        import zarr

        self._path.parent.mkdir(parents=True, exist_ok=True)
        group = zarr.create_group(self._path, overwrite=False)
        for number, level in enumerate(self.levels):
            level.disk = group.create_array(
                str(number),
                shape=level.shape,
                chunks=level.chunk_shape,
                dtype=_DTYPE,
                fill_value=0,
            )
        group.attrs["ome"] = _ome(self.levels, self._name)
        self._made = True

    def _look_for_largest(self) -> int:
        level = self.levels[0]
        return max(
            (int(level.box(box).max(initial=0)) for box in level.boxes()), default=0
        )


def _pyramid(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of all levels, the coarsest of which fits on a screen."""
    shapes = [shape]
    while max(shapes[-1][-2:]) > 2 * CHUNK_SIDE:
        *others, rows, cols = shapes[-1]
        shapes.append((*others, -(-rows // 2), -(-cols // 2)))
    return shapes


def _stored_chunks(folder: Path, ndim: int) -> set[_Chunk]:
    """Chunks that are on disk, by the names of their files (zarr version 3)."""
    keys = set()
    for file in (folder / "c").glob("/".join("*" * ndim)):
        # zarr writes into a file beside it first, which may be there still: after a
        # crash, or while another thread writes.
        if file.suffix != ".partial":
            keys.add(tuple(int(part) for part in file.parts[-ndim:]))
    return keys


def _ome(levels: list[SparseLevel], name: str) -> dict[str, Any]:
    """Say what the arrays are, as OME-NGFF 0.5 does."""
    ndim = levels[0].ndim
    names = ("t", "c", "z", "y", "x")[-ndim:]
    kinds = {"t": "time", "c": "channel"}
    return {
        "version": "0.5",
        "multiscales": [
            {
                "name": name,
                "axes": [{"name": n, "type": kinds.get(n, "space")} for n in names],
                "datasets": [
                    {
                        "path": str(number),
                        "coordinateTransformations": [
                            {
                                "type": "scale",
                                "scale": [1.0] * (ndim - 2) + [float(2**number)] * 2,
                            }
                        ],
                    }
                    for number in range(len(levels))
                ],
            }
        ],
        "image-label": {},
    }


def _flush_at_exit(labels: SparseLabels) -> None:
    reference = weakref.ref(labels)

    def flush() -> None:
        alive = reference()
        if alive is not None:
            alive._store_all()

    atexit.register(flush)
    weakref.finalize(labels, atexit.unregister, flush)
