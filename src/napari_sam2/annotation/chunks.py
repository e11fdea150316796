"""One resolution of labels that are nearly empty: chunks in memory, then on disk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.analysis.ngff import CHUNK_SIDE
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

__all__ = ["HELD", "SparseLevel", "box_around"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
_Indices = tuple["npt.NDArray[np.intp]", ...]
_Box = tuple[slice, ...]
_Chunk = tuple[int, ...]

HELD = 1 << 28
"""What chunks in memory may take, besides those that are not on disk yet."""

# So many times as many pixels as there are places are copied for them.
_DENSE = 8

# An array of more pixels is not made in memory.
_LARGEST = 1 << 31


class SparseView:
    """A box of a level that is not read before it is known what of it is wanted.

    napari cuts all planes of a stack to what is in view, and then takes one of them.

    Parameters
    ----------
    level : SparseLevel
        What it is a part of.
    box : tuple of slice
        Which part; start and stop are given.
    """

    def __init__(self, level: SparseLevel, box: _Box) -> None:
        self._level, self._box = level, box
        self.shape = tuple(part.stop - part.start for part in box)
        self.ndim = len(box)
        self.dtype = level.dtype
        self.size = int(np.prod(self.shape, dtype=object))

    def __getitem__(self, index: Any) -> Any:
        """Return an array; of several planes, cut along their axes, another view."""
        box: list[slice] = []
        rest: list[slice | int] = []
        parts = zip(_full(index, self.ndim), self._box, self.shape, strict=True)
        for part, whole, length in parts:
            if isinstance(part, slice):
                places = range(*part.indices(length))
                low, high = min(places, default=0), max(places, default=-1) + 1
                box.append(slice(whole.start + low, whole.start + high))
                rest.append(slice(None, None, places.step))
            else:
                place = int(part) + (length if part < 0 else 0)
                if not 0 <= place < length:
                    raise IndexError(f"{part} lies outside of an axis of {length}.")
                box.append(slice(whole.start + place, whole.start + place + 1))
                rest.append(0)
        planes = np.prod([part.stop - part.start for part in box[:-2]], dtype=object)
        if planes > 1 and all(part == slice(None, None, 1) for part in rest):
            return SparseView(self._level, tuple(box))
        return self._level.box(tuple(box))[tuple(rest)]

    def __array__(self, dtype: Any = None, copy: Any = None) -> _Ids:
        if self.size > _LARGEST:
            raise LabelsError(
                f"Labels of {' x '.join(f'{n:,}' for n in self.shape)} pixels do not "
                "fit into memory as one array. They are on disk as OME-Zarr: read "
                "from there what you need."
            )
        found = self._level.box(self._box)
        return found.astype(dtype or self.dtype, copy=False)


def _full(index: Any, ndim: int) -> tuple[Any, ...]:
    """Give each axis an index of its own."""
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in index:
        at = index.index(Ellipsis)
        missing = ndim - len(index) + 1
        return (*index[:at], *[slice(None)] * missing, *index[at + 1 :])
    return (*index, *[slice(None)] * (ndim - len(index)))


def box_around(indices: _Indices) -> _Box | None:
    """Return the box around some places, if most of it is them; None if it is not.

    Boxes are copied many times as quickly as places are looked for.
    """
    if indices[0].size == 0:
        return None
    box = tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in indices)
    size = int(np.prod([part.stop - part.start for part in box], dtype=object))
    return box if size <= _DENSE * indices[0].size else None


class SparseLevel:
    """One resolution of sparse labels, to be sliced as numpy arrays are.

    May be used by several threads.

    Parameters
    ----------
    shape : tuple of int
        Of the array; its last two axes are rows and columns.
    held : int
        Bytes of chunks that stay in memory.
    """

    dtype = np.dtype(np.uint32)

    def __init__(self, shape: tuple[int, ...], held: int = HELD) -> None:
        self.shape = shape
        self.ndim = len(shape)
        self.size = int(np.prod(shape, dtype=object))
        self.chunk_shape = (1,) * (len(shape) - 2) + (CHUNK_SIDE, CHUNK_SIDE)
        self.keys: set[_Chunk] = set()
        self.disk: Any = None
        """The zarr array, once there is one."""
        self.owner: Any = None
        """The labels that this is a resolution of."""
        self._held = held
        self._chunks: OrderedDict[_Chunk, _Ids] = OrderedDict()
        # Chunks that are not on disk as they are now, and how often they changed.
        self._dirty: dict[_Chunk, int] = {}
        self._lock = threading.RLock()

    def __getitem__(self, index: Any) -> Any:
        return SparseView(self, tuple(slice(0, length) for length in self.shape))[index]

    def __array__(self, dtype: Any = None, copy: Any = None) -> _Ids:
        whole = SparseView(self, tuple(slice(0, length) for length in self.shape))
        return whole.__array__(dtype)

    @property
    def coarser(self) -> list[SparseLevel]:
        """The levels after this one."""
        levels = [] if self.owner is None else self.owner.levels
        return levels[levels.index(self) + 1 :] if self in levels else []

    def read(self, indices: _Indices) -> _Ids:
        """Return a copy of the ids at some places."""
        around = box_around(indices)
        if around is not None:
            here = tuple(
                axis - part.start for axis, part in zip(indices, around, strict=True)
            )
            ids: _Ids = self.box(around)[here]
            return ids
        found = np.zeros(indices[0].shape, dtype=self.dtype)
        with self._lock:
            for key, chosen, inside in self._by_chunk(indices):
                chunk = self._chunk(key)
                if chunk is not None:
                    found[chosen] = chunk[inside]
        return found

    def write(self, indices: _Indices, values: _Ids) -> None:
        """Set the ids of some places."""
        with self._lock:
            for key, chosen, inside in self._by_chunk(indices):
                chunk = self._chunk(key)
                if chunk is None:
                    chunk = self._chunks[key] = np.zeros(self.chunk_shape, self.dtype)
                    self.keys.add(key)
                chunk[inside] = values[chosen]
                self._dirty[key] = self._dirty.get(key, 0) + 1
            self._let_go()

    def paint(
        self, corner: tuple[int, ...], mask: npt.NDArray[np.bool_], values: _Ids
    ) -> None:
        """Set the ids of the places of a mask.

        Parameters
        ----------
        corner : tuple of int
            Where the mask begins.
        mask : ndarray of bool
            Which places of a box.
        values : ndarray of int, same shape
            Their ids.
        """
        stops = [at + length for at, length in zip(corner, mask.shape, strict=True)]
        with self._lock:
            for key in self._keys_in(corner, stops):
                here, there = self._shared(key, corner, stops)
                chosen = mask[there]
                if not chosen.any():
                    continue
                chunk = self._chunk(key)
                if chunk is None:
                    chunk = self._chunks[key] = np.zeros(self.chunk_shape, self.dtype)
                    self.keys.add(key)
                np.copyto(chunk[here], values[there], where=chosen)
                self._dirty[key] = self._dirty.get(key, 0) + 1
            self._let_go()

    def _keys_in(self, starts: Sequence[int], stops: Sequence[int]) -> list[_Chunk]:
        """Return the chunks that a box touches, whether there are such or not."""
        return list(
            product(
                *(
                    range(start // side, (stop - 1) // side + 1)
                    for start, stop, side in zip(
                        starts, stops, self.chunk_shape, strict=True
                    )
                )
            )
        )

    def _shared(
        self, key: _Chunk, starts: Sequence[int], stops: Sequence[int]
    ) -> tuple[_Box, _Box]:
        """Say what a chunk and a box share, as a part of each."""
        here, there = [], []
        for k, side, start, stop in zip(
            key, self.chunk_shape, starts, stops, strict=True
        ):
            low, high = max(k * side, start), min((k + 1) * side, stop)
            here.append(slice(low - k * side, high - k * side))
            there.append(slice(low - start, high - start))
        return tuple(here), tuple(there)

    def become(self, indices: _Indices, values: _Ids, *, others: bool) -> None:
        """Set the ids of some places, touching only chunks that hold anything else.

        Parameters
        ----------
        indices, values
            Which places, and their ids.
        others : bool
            Whether all other places stay as they are; if not, there is nothing there.
        """
        left = set(self.keys)
        for key, chosen, inside in self._by_chunk(indices):
            left.discard(key)
            self._become(key, inside, values[chosen], others=others)
        if not others:
            nowhere = (np.zeros(0, np.intp),) * self.ndim
            for key in left:
                self._become(key, nowhere, np.zeros(0, self.dtype), others=False)

    def _become(
        self, key: _Chunk, inside: _Indices, values: _Ids, *, others: bool
    ) -> None:
        with self._lock:
            try:
                before = self._chunk(key)
            except (OSError, RuntimeError, ValueError):
                # The machine went down while it was written.
                before = None
            after = np.zeros(self.chunk_shape, self.dtype)
            if before is not None and others:
                after[:] = before
            after[inside] = values
            needed = key in self.keys or after.any()
            if needed and (before is None or not np.array_equal(before, after)):
                self._chunks[key] = after
                self.keys.add(key)
                self._dirty[key] = self._dirty.get(key, 0) + 1
            self._let_go()

    def box(self, box: _Box) -> _Ids:
        """Return a copy of the ids within a box."""
        starts = [part.start for part in box]
        stops = [part.stop for part in box]
        extent = [max(b - a, 0) for a, b in zip(starts, stops, strict=True)]
        found = np.zeros(extent, dtype=self.dtype)
        if found.size == 0:
            return found
        ranges = [
            range(start // side, (stop - 1) // side + 1)
            for start, stop, side in zip(starts, stops, self.chunk_shape, strict=True)
        ]
        with self._lock:
            count = int(np.prod([len(one) for one in ranges], dtype=object))
            keys: Iterable[_Chunk] = product(*ranges)
            if count > len(self.keys):
                keys = [
                    key
                    for key in self.keys
                    if all(k in one for k, one in zip(key, ranges, strict=True))
                ]
        for key in keys:
            # One at a time: while a whole image is read, an object is written between.
            with self._lock:
                chunk = self._chunk(key)
                if chunk is not None:
                    here, there = self._shared(key, starts, stops)
                    found[there] = chunk[here]
                self._let_go()
        return found

    def boxes(self) -> list[_Box]:
        """Return where there are chunks."""
        with self._lock:
            keys = sorted(self.keys)
        return [self._place(key) for key in keys]

    def store(self) -> bool:
        """Write one chunk to disk that is not there yet; False if all are."""
        with self._lock:
            key = next(iter(self._dirty), None)
            if key is None:
                return False
            changes, ids = self._dirty[key], self._chunks[key].copy()
        place = self._place(key)
        self.disk[place] = ids[tuple(slice(0, p.stop - p.start) for p in place)]
        with self._lock:
            # It may have changed in the meantime.
            if self._dirty[key] == changes:
                del self._dirty[key]
        return True

    @property
    def dirty(self) -> bool:
        """Whether something is not on disk yet."""
        return bool(self._dirty)

    def _place(self, key: _Chunk) -> _Box:
        return tuple(
            slice(k * side, min((k + 1) * side, length))
            for k, side, length in zip(key, self.chunk_shape, self.shape, strict=True)
        )

    def _by_chunk(
        self, indices: _Indices
    ) -> Iterator[tuple[_Chunk, npt.NDArray[np.intp], _Indices]]:
        """Sort places by chunk: key, which places, and where they lie in it."""
        if indices[0].size == 0:
            return
        keys = [
            axis // side for axis, side in zip(indices, self.chunk_shape, strict=True)
        ]
        lows = [int(axis.min()) for axis in keys]
        counts = [
            int(axis.max()) - low + 1 for axis, low in zip(keys, lows, strict=True)
        ]
        relative = [axis - low for axis, low in zip(keys, lows, strict=True)]
        flat = np.ravel_multi_index(tuple(relative), tuple(counts))
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], ordered.size], strict=True):
            chosen = order[start:stop]
            key = tuple(int(axis[chosen[0]]) for axis in keys)
            inside = tuple(
                axis[chosen] - k * side
                for axis, k, side in zip(indices, key, self.chunk_shape, strict=True)
            )
            yield key, chosen, inside

    def _chunk(self, key: _Chunk) -> _Ids | None:
        chunk = self._chunks.get(key)
        if chunk is not None:
            self._chunks.move_to_end(key)
            return chunk
        if key not in self.keys:
            return None
        chunk = np.zeros(self.chunk_shape, self.dtype)
        stored = np.asarray(self.disk[self._place(key)])
        chunk[tuple(slice(0, length) for length in stored.shape)] = stored
        self._chunks[key] = chunk
        return chunk

    def _let_go(self) -> None:
        """Hold no more in memory than was asked for, but all that is not on disk."""
        most = max(self._held // (CHUNK_SIDE * CHUNK_SIDE * self.dtype.itemsize), 1)
        if len(self._chunks) <= most + len(self._dirty):
            return
        for key in list(self._chunks):
            if len(self._chunks) <= most:
                return
            if key not in self._dirty:
                del self._chunks[key]
