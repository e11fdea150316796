"""Where kept objects live."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from psygnal import Signal, SignalInstance

from napari_sam2.annotation.origins import LabelsOrigin
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt
    from dask.array import Array

    from napari_sam2.annotation.objects import Notes

__all__ = ["ArrayLabels", "LabelStore", "blocks_of", "dtype_for"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
_Indices = tuple["npt.NDArray[np.intp]", ...]
_Box = tuple[slice, ...]

_BLOCK = 1 << 20
"""Pixels that are looked through at a time: a few milliseconds."""

_GROWTH = tuple(map(np.dtype, ("uint8", "uint16", "uint32", "uint64")))


def dtype_for(largest: int, current: np.dtype[Any]) -> np.dtype[Any]:
    """Return the narrowest type, no narrower than ``current``, that holds an id.

    Raises
    ------
    LabelsError
        If no integer type holds it.
    """
    if largest <= np.iinfo(current).max:
        return current
    for wider in _GROWTH:
        if wider.itemsize >= current.itemsize and largest <= np.iinfo(wider).max:
            return wider
    raise LabelsError(f"No labels layer can hold the object id {largest}.")


def blocks_of(shape: tuple[int, ...], pixels: int = _BLOCK) -> Iterator[_Box]:
    """Cut an array into blocks of about so many pixels, whole planes if they fit."""
    steps, left = [], pixels
    for length in reversed(shape):
        step = max(min(length, left), 1)
        steps.append(step)
        left //= step
    starts = [
        range(0, length, step)
        for length, step in zip(shape, reversed(steps), strict=True)
    ]
    for corner in product(*starts):
        yield tuple(
            slice(start, min(start + step, length))
            for start, step, length in zip(corner, reversed(steps), shape, strict=True)
        )


class LabelStore(Protocol):
    """An n-D array of object ids, read and written a few pixels at a time.

    Used on the session's own thread only. ``indices`` are always one array of
    int, of shape (n,), for each axis.
    """

    @property
    def edited(self) -> SignalInstance:
        """Emits a list of :class:`PixelChange`: somebody else's finished edit."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array, without channels."""

    @property
    def origin(self) -> LabelsOrigin:
        """What the labels can be found again by."""

    def read(self, indices: _Indices) -> _Ids:
        """Return a copy of the ids at some places."""

    def write(self, indices: _Indices, values: _Ids | int) -> None:
        """Set the ids of some places; a type too narrow for them grows."""

    def max_id(self) -> int:
        """Return the largest id in use; may be called on any thread."""

    def box(self, box: _Box) -> _Ids:
        """Return the ids within a box, not to be written to; on any thread."""

    def blocks(self) -> Iterable[_Box]:
        """Boxes that hold every object, one beside the other; on any thread.

        Where it is known that there is nothing, there need not be any.
        """

    def notes(self) -> Mapping[int, Notes]:
        """Return what was noted on its objects before, by id; on any thread."""

    def array(self) -> _Ids | Array:
        """Return the whole array, not a copy; of labels on disk, a lazy one."""


class ArrayLabels:
    """Labels in a numpy array of their own.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    dtype : dtype, optional
        Of the ids, uint16 until more are needed.
    """

    edited = Signal(list)

    def __init__(
        self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint16
    ) -> None:
        self._array: _Ids = np.zeros(shape, dtype=dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self._array.shape)

    @property
    def origin(self) -> LabelsOrigin:
        """What the labels can be found again by."""
        return LabelsOrigin("labels", self.shape, self._array.dtype.str)

    def read(self, indices: _Indices) -> _Ids:
        """Return a copy of the ids at some places."""
        return self._array[indices]

    def write(self, indices: _Indices, values: _Ids | int) -> None:
        """Set the ids of some places; a type too narrow for them grows."""
        if np.size(values):
            dtype = dtype_for(int(np.max(values)), self._array.dtype)
            self._array = self._array.astype(dtype, copy=False)
        self._array[indices] = values

    def max_id(self) -> int:
        """Return the largest id in use."""
        return int(self._array.max(initial=0))

    def box(self, box: _Box) -> _Ids:
        """Return the ids within a box."""
        return self._array[box]

    def blocks(self) -> Iterable[_Box]:
        """Boxes that hold every object."""
        return blocks_of(self.shape)

    def notes(self) -> Mapping[int, Notes]:
        """Return nothing: an array has no place for notes."""
        return {}

    def array(self) -> _Ids:
        """Return the array itself."""
        return self._array
