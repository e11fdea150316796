"""How large the objects of a labels array are, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    _Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
    _Box = tuple[slice, ...]

__all__ = ["Extent", "extents_in"]

# Ids up to this one are counted in a table, larger ones are sorted first.
_DENSE = 1 << 16


class Extent(NamedTuple):
    """What is known of the pixels of an object.

    Attributes
    ----------
    area : int
        How many there are.
    start, stop : tuple of int
        A box around them, half-open, one number for each axis. It may be too large
        where pixels were taken away since.
    """

    area: int
    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def box(self) -> _Box:
        """The box, as an index."""
        return tuple(map(slice, self.start, self.stop))

    @property
    def center(self) -> tuple[float, ...]:
        """Middle of the box, in pixels, pixel centres at integers."""
        return tuple(
            (a + b - 1) / 2 for a, b in zip(self.start, self.stop, strict=True)
        )

    def joined(self, other: Extent) -> Extent:
        """Return what both are together."""
        return Extent(
            self.area + other.area,
            tuple(map(min, self.start, other.start)),
            tuple(map(max, self.stop, other.stop)),
        )


def extents_in(
    blocks: Iterable[tuple[tuple[int, ...], _Ids]],
) -> dict[int, Extent]:
    """Find every object of an array that is looked through block by block.

    Parameters
    ----------
    blocks : iterable of (tuple of int, ndarray of int)
        Where each block begins, and its ids; 0 and less is background.

    Returns
    -------
    dict of int to Extent
        By id, in pixels of the whole array.
    """
    found: dict[int, Extent] = {}
    for corner, ids in blocks:
        for label, extent in _in_block(ids):
            moved = Extent(
                extent.area,
                tuple(map(sum, zip(corner, extent.start, strict=True))),
                tuple(map(sum, zip(corner, extent.stop, strict=True))),
            )
            before = found.get(label)
            found[label] = moved if before is None else before.joined(moved)
    return found


def _in_block(ids: _Ids) -> Iterator[tuple[int, Extent]]:
    largest = int(ids.max(initial=0))
    if largest == 0:
        return
    names: _Ids | None = None
    numbers = ids
    if largest > _DENSE or int(ids.min(initial=0)) < 0:
        names, flat = np.unique(ids, return_inverse=True)
        # From 1 on: find_objects takes 0 for background.
        numbers = flat.reshape(ids.shape) + 1
    numbers = numbers.astype(np.int32, copy=False)
    counts = np.bincount(numbers.ravel())
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        label = number if names is None else int(names[number - 1])
        if box is not None and label > 0:
            yield (
                label,
                Extent(
                    int(counts[number]),
                    tuple(place.start for place in box),
                    tuple(place.stop for place in box),
                ),
            )
