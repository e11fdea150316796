"""Coarser resolutions of an array that has only one, averaged when looked at."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.engines.cancellation import CancelToken

__all__ = ["Pyramid", "PyramidLevel"]

# Pixels along the longer side of the coarsest level, at most.
_COARSEST = 1024

# And of the finest one that is held in memory, once it was read.
_HELD_SIDE = 8192

# Planes of which the coarse levels are held.
_HELD_PLANES = 2

# Pixels of full resolution that are read at a time, along each axis.
_TILE = 4096


class Pyramid:
    """Levels of an n-D array, each half as large as the one before.

    Nothing is read before it is looked at. May be used by several threads.

    Parameters
    ----------
    data : array_like, shape (…, rows, cols) or (…, rows, cols, channels)
        The full resolution: anything that has a shape and is sliced as numpy arrays
        are.
    rgb : bool
        Whether the last axis holds channels.
    """

    def __init__(self, data: Any, *, rgb: bool = False) -> None:
        self.data = data
        self.lead = data.ndim - 2 - rgb
        rows, cols = data.shape[self.lead : self.lead + 2]
        # Halves are only taken of what is still longer than that.
        count = 0
        while max(rows, cols) >> count > _COARSEST and min(rows, cols) >> count > 1:
            count += 1
        self._factors = [2**number for number in range(1, count + 1)]
        self._held: OrderedDict[tuple[int, ...], dict[int, npt.NDArray[Any]]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    @property
    def levels(self) -> list[Any]:
        """The array itself, and after it what is coarser."""
        return [self.data, *(PyramidLevel(self, factor) for factor in self._factors)]

    def prepare(
        self, position: tuple[int, ...], cancel: CancelToken | None = None
    ) -> None:
        """Read a plane once, and hold its coarse levels, so that they are quick.

        Parameters
        ----------
        position : tuple of int
            Index along the axes before rows and columns.
        cancel : CancelToken, optional
            Ends it.

        Raises
        ------
        Cancelled
            If ``cancel`` was raised before the end.
        """
        fine = [f for f in self._factors if self._longest(f) <= _HELD_SIDE]
        if not fine or position in self._held:
            return
        factor = fine[0]
        level = PyramidLevel(self, factor)
        whole = np.empty(level.shape[self.lead :], level.dtype)
        step = max(1, _TILE // factor)
        for row, col in itertools.product(
            range(0, whole.shape[0], step), range(0, whole.shape[1], step)
        ):
            if cancel is not None:
                cancel.raise_if_cancelled()
            tile = slice(row, row + step), slice(col, col + step)
            whole[tile] = level[(*position, *tile)]
        held = {factor: whole}
        for coarser in fine[1:]:
            source = ArraySource([held[coarser // 2]], PlaneIndex())
            rows, cols = PyramidLevel(self, coarser).shape[self.lead : self.lead + 2]
            held[coarser] = source.read((0, 0, 2 * rows, 2 * cols), (rows, cols))
        with self._lock:
            self._held[position] = held
            while len(self._held) > _HELD_PLANES:
                self._held.popitem(last=False)

    def read(
        self, factor: int, position: tuple[int, ...], rows: slice, cols: slice
    ) -> npt.NDArray[Any]:
        """Return a rectangle of a level; rows and columns are those of the level."""
        with self._lock:
            held = self._held.get(position, {}).get(factor)
        if held is not None:
            return held[rows, cols]
        index = PlaneIndex((*position, 0, 0), self.lead, self.lead + 1)
        size = rows.stop - rows.start, cols.stop - cols.start
        bounds = (rows.start, cols.start, rows.stop, cols.stop)
        r0, c0, r1, c1 = (factor * bound for bound in bounds)
        return ArraySource([self.data], index).read((r0, c0, r1, c1), size)

    def _longest(self, factor: int) -> int:
        return int(max(self.data.shape[self.lead : self.lead + 2])) // factor


class PyramidLevel:
    """A level of a pyramid, to be sliced as numpy arrays are.

    Parameters
    ----------
    pyramid : Pyramid
        That it belongs to.
    factor : int
        Rows and columns of the full resolution that become one.
    """

    def __init__(self, pyramid: Pyramid, factor: int) -> None:
        self._pyramid = pyramid
        self._factor = factor
        data, lead = pyramid.data, pyramid.lead
        rows, cols = (length // factor for length in data.shape[lead : lead + 2])
        self.shape: tuple[int, ...] = (
            *data.shape[:lead],
            rows,
            cols,
            *data.shape[lead + 2 :],
        )
        self.dtype = np.dtype(data.dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape, dtype=object))

    def __getitem__(self, index: Any) -> Any:
        given = index if isinstance(index, tuple) else (index,)
        if Ellipsis in given:
            at = given.index(Ellipsis)
            missing = self.ndim - len(given) + 1
            given = (*given[:at], *[slice(None)] * missing, *given[at + 1 :])
        given = (*given, *[slice(None)] * (self.ndim - len(given)))
        lead = self._pyramid.lead
        places = [
            range(*one.indices(length))
            if isinstance(one, slice)
            else range(length)[int(one) :][:1]
            for one, length in zip(given[: lead + 2], self.shape, strict=False)
        ]
        places, spans = places[:lead], places[lead:]
        counts = [len(one) for one in (*places, *spans)]
        whole = np.zeros((*counts, *self.shape[lead + 2 :]), self.dtype)
        for number, position in enumerate(itertools.product(*places)):
            if all(spans):
                plane = np.unravel_index(number, counts[:lead]) if lead else ()
                whole[plane] = self._plane(position, *spans)
        # What was asked for by a number has no axis.
        return whole[
            tuple(
                slice(None) if isinstance(one, slice) else 0
                for one in given[: lead + 2]
            )
            + given[lead + 2 :]
        ]

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)

    def _plane(
        self, position: tuple[int, ...], rows: range, cols: range
    ) -> npt.NDArray[Any]:
        whole = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
        pixels = self._pyramid.read(self._factor, position, *whole)
        return pixels[:: rows.step, :: cols.step]
