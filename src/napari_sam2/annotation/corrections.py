"""Which pixels change when an object gets another mask.

An object remembers what it has taken and what lay under it. Another mask gives back
what it no longer needs, takes what it needs beyond that, and leaves alone what
somebody else has changed since.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.overlap import Overlap

__all__ = ["correction", "indices_of", "looked_up", "still_held"]

# Places of the labels to a pixel of an object, up to which a table of them pays.
_SPREAD = 16

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]


def indices_of(
    candidate: AnnotatedObject, store: LabelStore
) -> tuple[npt.NDArray[np.intp], ...]:
    """Return where the mask of an object lies in the n-D labels.

    Raises
    ------
    LabelsError
        If the labels are not those of its image.
    """
    plane = candidate.plane
    if tuple(store.shape) != tuple(plane.array_shape):
        raise LabelsError(
            f"The labels have the shape {tuple(store.shape)}, the image "
            f"“{plane.name}” has {tuple(plane.array_shape)}: choose or make "
            "labels that fit the image."
        )
    return plane.index.indices(*candidate.places())


def still_held(kept: AnnotatedObject, store: LabelStore) -> npt.NDArray[np.bool_]:
    """Say which of the pixels that an object took are still its own."""
    if kept.written is None:
        raise ValueError("A draft has no pixels yet.")
    where = np.unravel_index(kept.written.where.astype(np.intp), store.shape)
    holds: npt.NDArray[np.bool_] = store.read(where) == kept.label
    return holds


def correction(
    old: AnnotatedObject,
    new: AnnotatedObject,
    store: LabelStore,
    overlap: Overlap,
    alive: Callable[[_Ids], _Ids],
    spared: npt.NDArray[np.unsignedinteger[Any]] | None = None,
) -> tuple[PixelChange, AnnotatedObject]:
    """Say which pixels change if an object gets another mask.

    Parameters
    ----------
    old, new : AnnotatedObject
        As it was kept, and with the other mask.
    store : LabelStore
        Where its pixels are.
    overlap : Overlap
        Which pixels it may take.
    alive : callable
        ``alive(ids)`` returns ids with 0 for objects that are no more: nothing is
        given back to them.
    spared : ndarray of uint, optional
        Places that stay as they are, as indices into the flattened labels.

    Returns
    -------
    PixelChange
        What to change.
    AnnotatedObject
        The new object, with the old one's id and with what it will have taken.
    """
    if old.written is None:
        raise ValueError("Only a kept object can be corrected.")
    shape, label = store.shape, old.label
    where = indices_of(new, store)
    will = np.ravel_multi_index(where, shape)
    ids = store.read(where)
    holds = still_held(old, store)
    was = old.written.where.astype(np.intp)[holds]
    # Most objects lie on one id, the background: it is looked at once.
    before = alive(old.written.before)
    under_was = (
        np.broadcast_to(before, was.shape) if before.size == 1 else before[holds]
    )
    at_will, at_was = _numbered(shape, will, was)
    under = looked_up(at_will, at_was, under_was, otherwise=ids)
    allowed = overlap.allows(under, label)
    stays = np.zeros(was.shape, dtype=bool)
    if spared is not None and spared.size:
        allowed &= ~np.isin(will, spared)
        stays = np.isin(was, spared)
    if not allowed.all():
        will, ids, under = will[allowed], ids[allowed], under[allowed]
        at_will = at_will[allowed]
    left = ~np.isin(at_was, at_will)
    left &= ~stays
    taken = ids != label
    change = PixelChange.at(
        shape,
        np.concatenate([was[left], will[taken]]),
        np.concatenate([np.full(left.sum(), label, ids.dtype), ids[taken]]),
        np.concatenate([under_was[left], np.full(taken.sum(), label, ids.dtype)]),
    )
    written = PixelChange.at(
        shape,
        np.concatenate([will, was[stays]]),
        np.concatenate([under, under_was[stays]]),
        label,
    )
    return change, replace(new, label=label, written=written)


def _numbered(
    shape: tuple[int, ...], *places: npt.NDArray[np.intp]
) -> list[npt.NDArray[np.intp]]:
    """Number places anew, so that those of one object lie close together.

    In a row of a huge image, the next one begins far away: tables would be as large.
    """
    some = [one for one in places if one.size]
    if not some:
        return list(places)
    span = max(int(one.max()) for one in some) - min(int(one.min()) for one in some)
    if span <= _SPREAD * sum(one.size for one in some):
        return list(places)
    rows = [one // shape[-1] for one in places]
    cols = [one - row * shape[-1] for one, row in zip(places, rows, strict=True)]
    top = min(int(one.min()) for one in rows if one.size)
    left = min(int(one.min()) for one in cols if one.size)
    width = max(int(one.max()) for one in cols if one.size) - left + 1
    return [
        (row - top) * width + (col - left) for row, col in zip(rows, cols, strict=True)
    ]


def looked_up(
    places: npt.NDArray[np.intp],
    known: npt.NDArray[np.intp],
    values: _Ids,
    otherwise: _Ids,
) -> _Ids:
    """Return ``values`` at the places that are ``known``, else ``otherwise``."""
    if known.size == 0:
        return otherwise
    first, span = int(known.min()), int(known.max() - known.min()) + 1
    if span > _SPREAD * known.size:
        order = np.argsort(known)
        at = np.minimum(np.searchsorted(known, places, sorter=order), known.size - 1)
        at = order[at]
        return np.where(known[at] == places, values[at], otherwise)
    # A table of all that lies between the first place and the last is much quicker.
    inside = np.zeros(span + 1, dtype=bool)
    inside[known - first] = True
    at = places - first
    # The last one stands for all that lies beside.
    at[(at < 0) | (at > span)] = span
    if values.strides == (0,):
        return np.where(inside[at], values[:1], otherwise)
    table = np.zeros(span + 1, dtype=values.dtype)
    table[known - first] = values
    return np.where(inside[at], table[at], otherwise)
