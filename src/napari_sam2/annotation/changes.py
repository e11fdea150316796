"""A change of some pixels of an n-D array of labels, kept compactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.annotation.labels import LabelStore

__all__ = ["PixelChange"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]


@dataclass(frozen=True, eq=False)
class PixelChange:
    """What some pixels held before, and what they hold after.

    Attributes
    ----------
    shape : tuple of int
        Of the whole array.
    where : ndarray of uint32 or uint64, shape (n,)
        Places, as indices into the flattened array (C order).
    before, after : ndarray of int, shape (n,) or (1,)
        Ids; a single one stands for all pixels.
    """

    shape: tuple[int, ...]
    where: npt.NDArray[np.unsignedinteger[Any]]
    before: _Ids
    after: _Ids

    @classmethod
    def between(
        cls,
        shape: tuple[int, ...],
        indices: tuple[npt.NDArray[np.intp], ...],
        before: _Ids | int,
        after: _Ids | int,
    ) -> PixelChange:
        """Describe a change; pixels that keep their id are left out.

        Parameters
        ----------
        shape : tuple of int
            Of the whole array.
        indices : tuple of ndarray of int, each of shape (n,)
            One array for each axis.
        before, after : ndarray of int, shape (n,), or int
            Ids of these places.
        """
        return cls.at(shape, np.ravel_multi_index(indices, shape), before, after)

    @classmethod
    def in_box(
        cls,
        shape: tuple[int, ...],
        box: tuple[slice, ...],
        mask: npt.NDArray[np.bool_] | None,
        before: _Ids,
        after: _Ids | int,
    ) -> PixelChange:
        """Describe a change within a box; pixels that keep their id are left out.

        Parameters
        ----------
        shape : tuple of int
            Of the whole array.
        box : tuple of slice
            One for each axis.
        mask : ndarray of bool, of the shape of the box, optional
            Which of its pixels; by default all.
        before, after : ndarray of int, or int
            Ids of these pixels.
        """
        # A million pixels in a few milliseconds: no array of indices for each axis.
        kind, stride = _place_type(shape), 1
        places: npt.NDArray[Any] = np.zeros((), dtype=kind)
        for axis, length in reversed(tuple(zip(box, shape, strict=True))):
            start, stop, _ = axis.indices(length)
            along = np.arange(start, stop, dtype=kind) * kind.type(stride)
            places = np.add.outer(along, places)
            stride *= length
        where = places.ravel() if mask is None else places[mask]
        return cls.at(shape, where, before, after)

    @classmethod
    def at(
        cls,
        shape: tuple[int, ...],
        where: npt.NDArray[np.integer[Any]],
        before: _Ids | int,
        after: _Ids | int,
    ) -> PixelChange:
        """Describe a change; pixels that keep their id are left out.

        Parameters
        ----------
        shape : tuple of int
            Of the whole array.
        where : ndarray of int, shape (n,)
            Places, as indices into the flattened array (C order).
        before, after : ndarray of int, shape (n,), or int
            Ids of these places.
        """
        old, new = np.broadcast_arrays(
            np.atleast_1d(before).ravel(), np.atleast_1d(after).ravel()
        )
        old, new = (np.broadcast_to(ids, where.shape) for ids in (old, new))
        changed = old != new
        if not changed.all():
            where, old, new = where[changed], old[changed], new[changed]
        places: npt.NDArray[np.unsignedinteger[Any]]
        places = where.astype(_place_type(shape), copy=False)
        return cls(tuple(shape), places, _compact(old), _compact(new))

    def __len__(self) -> int:
        return int(self.where.size)

    def apply(self, store: LabelStore) -> PixelChange:
        """Make the change, where the pixels still hold what they held before.

        Returns
        -------
        PixelChange
            What was changed indeed.
        """
        return self._replace(store, self.before, self.after)

    def revert(self, store: LabelStore) -> PixelChange:
        """Take the change back, where nobody else has changed it since.

        Returns
        -------
        PixelChange
            What was changed indeed, from what it was to what it was before.
        """
        return self._replace(store, self.after, self.before)

    def _replace(self, store: LabelStore, expected: _Ids, wanted: _Ids) -> PixelChange:
        whole = PixelChange(self.shape, self.where, expected, wanted)
        if len(self) == 0:
            return whole
        if tuple(store.shape) != self.shape:
            return whole.only(np.zeros(len(self), dtype=bool))
        indices = np.unravel_index(self.where.astype(np.intp), self.shape)
        untouched = store.read(indices) == expected
        made = whole if untouched.all() else whole.only(untouched)
        if len(made):
            values = np.broadcast_to(made.after, (len(made),))
            if made is not whole:
                indices = tuple(axis[untouched] for axis in indices)
            store.write(indices, values)
        return made

    def only(self, chosen: npt.NDArray[np.bool_]) -> PixelChange:
        """Return the change of some of the pixels."""

        def of(ids: _Ids) -> _Ids:
            return ids if ids.size == 1 else _compact(ids[chosen])

        return PixelChange(
            self.shape, self.where[chosen], of(self.before), of(self.after)
        )


def _place_type(shape: tuple[int, ...]) -> np.dtype[Any]:
    """Type that holds an index into the flattened array."""
    return np.dtype(np.uint32 if np.prod(shape, dtype=float) < 2**32 else np.uint64)


def _compact(ids: _Ids) -> _Ids:
    """Keep one id where all are the same: most objects, most strokes."""
    if ids.size and (ids.strides == (0,) or (ids == ids[0]).all()):
        return ids[:1].copy()
    return ids.copy()
