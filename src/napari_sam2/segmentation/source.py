"""Reading what is seen of a plane, and nothing else of it.

Whatever the array is (numpy, memory-mapped, dask, zarr, …), of one resolution or of
several: a rectangle is read from the coarsest level that is fine enough, and what
is finer than needed is averaged. So neither time nor memory depend on the size of
the plane, only on what is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_sam2.segmentation.view import PlaneIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_sam2.segmentation.view import BBox

__all__ = ["ArraySource", "PlaneSource"]

# Pixels along each axis that are averaged to one at most; of more, some are left out.
_AVERAGED = 4

# An overview of more pixels than this is made of patches.
_OVERVIEW = 1 << 22
_PATCHES, _PATCH = 5, 64


class PlaneSource(Protocol):
    """Somewhere that the pixels of one plane can be read from."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, cols)`` of the plane at full resolution."""

    def read(
        self, window: BBox, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        """Return the pixels of a rectangle of the plane.

        Parameters
        ----------
        window : tuple of int
            ``(row_start, col_start, row_stop, col_stop)``, half-open.
        shape : tuple of int, optional
            Rows and columns that are enough: there are at least as many, unless the
            rectangle itself has fewer. By default, full resolution.

        Returns
        -------
        ndarray, shape (h, w) or (h, w, channels)
            Covers exactly the rectangle.
        """

    def overview(self) -> npt.NDArray[Any]:
        """Return pixels from all over the plane, to know its intensities by.

        Returns
        -------
        ndarray, shape (h, w) or (h, w, channels)
            A bounded number of them, however large the plane is.
        """

    def moved(self, steps: tuple[int, ...]) -> PlaneSource:
        """Return the plane that lies so many steps away.

        Parameters
        ----------
        steps : tuple of int
            Along each axis of the array; those of the plane itself do not count.

        Raises
        ------
        IndexError
            If there is none.
        """


class ArraySource:
    """Pixels of one plane of an n-D array.

    Parameters
    ----------
    levels : sequence of array_like
        The same image at one or several resolutions, the full one first: anything
        that has a shape and is sliced as numpy arrays are. Channels are last.
    index : PlaneIndex
        Which plane of the full resolution.
    fixed : int, optional
        An axis along which it stays where it is, however it is moved: that of the
        channels, if it is one of them.
    """

    def __init__(
        self, levels: Sequence[Any], index: PlaneIndex, fixed: int | None = None
    ) -> None:
        self._levels = [(level, _index_in(level, levels[0], index)) for level in levels]
        self._index = index
        self._fixed = fixed

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, cols)`` of the plane at full resolution."""
        return _plane_shape(*self._levels[0])

    def read(
        self, window: BBox, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        """Return the pixels of a rectangle; see :meth:`PlaneSource.read`."""
        height, width = window[2] - window[0], window[3] - window[1]
        wanted = shape or (height, width)
        level, index = self._level_for(window, wanted)
        scale = [
            size / full
            for size, full in zip(_plane_shape(level, index), self.shape, strict=True)
        ]
        exact = [
            (window[axis] * scale[axis], window[axis + 2] * scale[axis])
            for axis in (0, 1)
        ]
        # The pixels of a coarser level need not end where the rectangle does.
        starts = [_floor(low) for low, _ in exact]
        stops = [
            min(max(_ceil(high), start + 1), size)
            for start, (_, high), size in zip(
                starts, exact, _plane_shape(level, index), strict=True
            )
        ]
        factors = [
            max(1, int((stop - start) // max(1, length)))
            for start, stop, length in zip(starts, stops, wanted, strict=True)
        ]
        pixels = _averaged(level, index, starts, stops, factors)
        return _fitted(pixels, exact, starts, stops)

    def overview(self) -> npt.NDArray[Any]:
        """Return pixels from all over the plane; see :meth:`PlaneSource.overview`."""
        level, index = self._levels[0]
        rows, cols = _plane_shape(level, index)
        if rows * cols <= _OVERVIEW or _in_memory(level):
            return _thinned(level, index, _OVERVIEW)
        # Of an array in chunks, only those that a patch lies in are read.
        found = [
            np.asarray(index.take(level, rows_of_patch, cols_of_patch))
            for rows_of_patch in _patches(rows)
            for cols_of_patch in _patches(cols)
        ]
        coarse, index = self._levels[-1]
        rows, cols = _plane_shape(coarse, index)
        if rows * cols <= _OVERVIEW:
            # It shows what lies between the patches, but where pixels are averaged
            # it lacks the darkest and the brightest.
            found.append(_thinned(coarse, index, _PATCHES**2 * _PATCH**2))
        return np.concatenate(
            [pixels.reshape(-1, 1, *pixels.shape[2:]) for pixels in found]
        )

    def moved(self, steps: tuple[int, ...]) -> ArraySource:
        """Return the plane so many steps away; see :meth:`PlaneSource.moved`."""
        levels = [level for level, _ in self._levels]
        index = self._index.moved(
            tuple(0 if axis == self._fixed else step for axis, step in enumerate(steps))
        )
        for axis, (place, length) in enumerate(
            zip(index.position, levels[0].shape, strict=False)
        ):
            if axis not in (index.row_axis, index.col_axis) and not (
                0 <= place < length
            ):
                raise IndexError(f"Axis {axis} has no place {place}.")
        return ArraySource(levels, index, self._fixed)

    def _level_for(
        self, window: BBox, wanted: tuple[int, int]
    ) -> tuple[Any, PlaneIndex]:
        """Return the coarsest level that has enough pixels in a rectangle."""
        extent = window[2] - window[0], window[3] - window[1]
        for level, index in reversed(self._levels):
            pixels = (
                length * size / full
                for length, size, full in zip(
                    extent, _plane_shape(level, index), self.shape, strict=True
                )
            )
            if all(
                # Sizes of levels are rounded.
                count >= 0.98 * min(want, length)
                for count, want, length in zip(pixels, wanted, extent, strict=True)
            ):
                return level, index
        return self._levels[0]


def _index_in(level: Any, full: Any, index: PlaneIndex) -> PlaneIndex:
    """Return which plane of a coarser level is the one of the full resolution."""
    position = tuple(
        min(int((place + 0.5) * size / length), size - 1)
        for place, size, length in zip(
            index.position, level.shape, full.shape, strict=False
        )
    )
    return PlaneIndex(position, index.row_axis, index.col_axis)


def _plane_shape(array: Any, index: PlaneIndex) -> tuple[int, int]:
    return int(array.shape[index.row_axis]), int(array.shape[index.col_axis])


def _averaged(
    level: Any,
    index: PlaneIndex,
    starts: list[int],
    stops: list[int],
    factors: list[int],
) -> npt.NDArray[Any]:
    """Read a rectangle, and average blocks of it."""
    slices, counts = [], []
    for start, stop, factor in zip(starts, stops, factors, strict=True):
        step = max(1, -(-factor // _AVERAGED))
        slices.append(slice(start + step // 2 if step > 1 else start, stop, step))
        counts.append(max(1, factor // step))
    pixels = np.asarray(index.take(level, *slices))
    if counts == [1, 1]:
        return pixels
    return _blocks_averaged(pixels, *counts)


def _blocks_averaged(
    pixels: npt.NDArray[Any], rows: int, cols: int
) -> npt.NDArray[Any]:
    """Average blocks of about a size, that cover the pixels evenly."""
    kind = pixels.dtype
    real = np.float64 if kind.itemsize > 2 and kind != np.float32 else np.float32
    result = pixels
    for axis, count in ((0, rows), (1, cols)):
        length = result.shape[axis]
        blocks = max(1, length // count)
        starts = np.arange(blocks) * length // blocks
        sums = np.add.reduceat(result, starts, axis=axis, dtype=real)
        sizes = np.diff(np.append(starts, length)).astype(real)
        shape = [1] * result.ndim
        shape[axis] = -1
        result = sums / sizes.reshape(shape)
    if kind.kind == "b":
        return np.asarray(result >= 0.5)
    if kind.kind in "ui":
        result = np.rint(result)
    return result.astype(kind)


def _fitted(
    pixels: npt.NDArray[Any],
    exact: list[tuple[float, float]],
    starts: list[int],
    stops: list[int],
) -> npt.NDArray[Any]:
    """Resample what reaches beyond a rectangle by parts of pixels."""
    ends = [
        (low - start, stop - high)
        for (low, high), start, stop in zip(exact, starts, stops, strict=True)
    ]
    if all(abs(rest) < 1e-3 for axis in ends for rest in axis):
        return pixels
    for axis, (before, after) in enumerate(ends):
        size = pixels.shape[axis]
        # The pixels that were read, each of which may stand for several.
        each = (stops[axis] - starts[axis]) / size
        low, high = before / each - 0.5, size - after / each - 0.5
        count = max(1, round(high - low))
        at = low + (np.arange(count) + 0.5) * (high - low) / count
        pixels = _resampled(pixels, np.clip(at, 0, size - 1), axis)
    return pixels


def _resampled(
    pixels: npt.NDArray[Any], at: npt.NDArray[np.float64], axis: int
) -> npt.NDArray[Any]:
    """Interpolate linearly along one axis."""
    kind = pixels.dtype
    low = at.astype(np.intp)
    high = np.minimum(low + 1, pixels.shape[axis] - 1)
    shape = [1] * pixels.ndim
    shape[axis] = -1
    real = np.float64 if kind.itemsize > 2 and kind != np.float32 else np.float32
    weight = (at - low).astype(real).reshape(shape)
    result = np.take(pixels, low, axis) * (1 - weight)
    result = result + np.take(pixels, high, axis) * weight
    if kind.kind == "b":
        return np.asarray(result >= 0.5)
    if kind.kind in "ui":
        result = np.rint(result)
    return np.asarray(result.astype(kind))


def _thinned(level: Any, index: PlaneIndex, pixels: int) -> npt.NDArray[Any]:
    """Read every n-th row and column, so that there are about so many pixels."""
    rows, cols = _plane_shape(level, index)
    step = max(1, int(np.sqrt(rows * cols / pixels)))
    return np.asarray(index.take(level, slice(0, rows, step), slice(0, cols, step)))


def _patches(length: int) -> list[slice]:
    """Stretches from all along an axis."""
    size = min(_PATCH, length)
    # Chunks are mostly as large as some patches: none shall lie in two of them.
    starts = np.linspace(0, length - size, _PATCHES).astype(int) // _PATCH * _PATCH
    return [slice(int(start), int(start) + size) for start in starts]


def _in_memory(array: Any) -> bool:
    return isinstance(array, np.ndarray) and not isinstance(array, np.memmap)


def _floor(place: float) -> int:
    # What is a whole number but for rounding is one.
    return int(np.floor(place + 1e-6))


def _ceil(place: float) -> int:
    return int(np.ceil(place - 1e-6))
