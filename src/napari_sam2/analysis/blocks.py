"""Labels that are read block by block, whatever array they are in.

numpy, dask and zarr arrays are looked through from the first pixel to the last. Sparse
labels say themselves where there is something: they have a method ``boxes``.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    _Box = tuple[slice, ...]

__all__ = ["blocks_in", "is_lazy"]

_SIDE = 4096
"""Rows and columns of a block: a power of two, for the levels of a pyramid."""

_SMALL = 1 << 28
"""Bytes up to which an array is read as a whole."""


def is_lazy(labels: Any) -> bool:
    """Whether an array is better not read as a whole."""
    if isinstance(labels, np.ndarray) or not hasattr(labels, "dtype"):
        return False
    pixels = int(np.prod(labels.shape, dtype=object))
    return bool(pixels * np.dtype(labels.dtype).itemsize > _SMALL)


def blocks_in(
    labels: Any, side: int = _SIDE
) -> Iterator[tuple[_Box, npt.NDArray[np.integer[Any]]]]:
    """Read labels plane by plane, block by block, where there may be objects.

    Parameters
    ----------
    labels : array-like of int, shape (..., rows, cols)
        Anything that is sliced as numpy arrays are.
    side : int
        Rows and columns of a block.

    Yields
    ------
    tuple of slice
        Where the block lies.
    ndarray of int
        Its ids, not to be written to.
    """
    shape = tuple(labels.shape)
    steps = (1,) * (len(shape) - 2) + (side, side)
    counts = (-(-length // step) for length, step in zip(shape, steps, strict=True))
    places: Iterator[tuple[int, ...]] = product(*map(range, counts))
    if hasattr(labels, "boxes"):
        corners = {
            tuple(part.start // step for part, step in zip(box, steps, strict=True))
            for box in labels.boxes()
        }
        places = iter(sorted(corners))
    for place in places:
        box = tuple(
            slice(number * step, min((number + 1) * step, length))
            for number, step, length in zip(place, steps, shape, strict=True)
        )
        yield box, np.asarray(labels[box])
