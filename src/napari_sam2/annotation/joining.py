"""What the model's answers become when objects are merged or split.

The pixels are exact, they lie in the labels. Here it is about what a later correction
starts from: prompts, logits, and the pixels that the object has taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.segmentation.prompts import Box, Prompts
from napari_sam2.segmentation.region import Region

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.segmentation.view import View

__all__ = ["joined", "without"]


def joined(kept: AnnotatedObject, other: AnnotatedObject) -> AnnotatedObject:
    """Return an object that has been given the pixels of another one.

    On the same plane, and by the same model, the prompts and the logits of both count
    from now on. Otherwise the pixels that were added are, to a later correction, as
    if they had been painted: they stay.
    """
    view, seen = kept.prediction.view, other.prediction.bbox
    if (
        kept.written is None
        or other.written is None
        or kept.model != other.model
        or (kept.plane.image, kept.plane.index)
        != (other.plane.image, other.plane.index)
        or not _within(seen, view)
        or other.beyond
    ):
        return kept
    one, two = kept.prediction, other.prediction
    over = two.logits_over(view) - two.threshold + one.threshold
    logits = np.maximum(one.logits, over)
    return replace(
        kept,
        prompts=_said_of_both(kept, other),
        prediction=replace(
            one, score=min(one.score, two.score), logits=logits, alternatives=()
        ),
        written=_together(kept.written, other.written, (kept.label, other.label)),
    )


def without(
    kept: AnnotatedObject, places: npt.NDArray[np.intp], shape: tuple[int, ...]
) -> AnnotatedObject | None:
    """Return an object that has given some of its pixels to others.

    Parameters
    ----------
    kept : AnnotatedObject
        As it was.
    places : ndarray of int, shape (n,)
        Pixels that it gave away, as indices into the flattened labels.
    shape : tuple of int
        Of the labels.

    Returns
    -------
    AnnotatedObject or None
        None if no prompt is left that is about it.
    """
    if kept.written is None:
        return kept
    mine = ~np.isin(kept.written.where, places)
    index = kept.plane.index
    axes = np.unravel_index(places, shape)
    here = np.ones(places.shape, dtype=bool)
    for axis, place in enumerate(index.position):
        if axis not in (index.row_axis, index.col_axis):
            here &= axes[axis] == place
    columns = kept.plane.shape[1]
    given = axes[index.row_axis][here] * columns + axes[index.col_axis][here]
    points = tuple(
        point
        for point in kept.prompts.points
        if not (point.inside and round(point.row) * columns + round(point.col) in given)
    )
    prompts = replace(kept.prompts, points=points)
    if not prompts:
        return None
    found = kept.prediction
    rows, cols = _grid(found.view, found.logits.shape)
    away = np.isin(rows[:, None] * columns + cols, given)
    away &= found.logits > found.threshold
    logits = np.where(away, 2 * found.threshold - found.logits, found.logits)
    return replace(
        kept,
        prompts=prompts,
        prediction=replace(found, logits=logits, alternatives=()),
        written=kept.written.only(mine),
        beyond=tuple(
            left
            for part in kept.beyond
            if (left := _less(part, given, columns)) is not None
        ),
    )


def _less(region: Region, given: npt.NDArray[np.intp], columns: int) -> Region | None:
    rows = np.arange(region.row, region.row + region.height)[:, None]
    cols = np.arange(region.col, region.col + region.width)
    left = region.crop & ~np.isin(rows * columns + cols, given)
    return Region.of(left, region.row, region.col) if left.any() else None


def _said_of_both(one: AnnotatedObject, two: AnnotatedObject) -> Prompts:
    """Return all prompts; what was marked as a whole object is now a part."""
    mine, theirs = one.prompts, two.prompts
    box = None
    if any((mine.box, theirs.box, mine.region, theirs.region)):
        (r0, c0, r1, c1), (r2, c2, r3, c3) = one.prediction.bbox, two.prediction.bbox
        box = Box(min(r0, r2), min(c0, c2), max(r1, r3) - 1, max(c1, c3) - 1)
    return Prompts(
        points=(*mine.points, *theirs.points),
        box=box,
        scribbles=(*mine.scribbles, *theirs.scribbles),
        lassos=(*mine.lassos, *theirs.lassos),
    )


def _together(
    one: PixelChange, two: PixelChange, labels: tuple[int, int]
) -> PixelChange:
    """Say what was under both; one of them under the other is nothing."""
    where = np.concatenate([one.where, two.where])
    under = np.concatenate([_each(one.before, len(one)), _each(two.before, len(two))])
    under = np.where(np.isin(under, labels), 0, under)
    # What both had taken, one after the other, is listed once.
    where, first = np.unique(where, return_index=True)
    return PixelChange(one.shape, where, under[first], one.after)


def _each(
    ids: npt.NDArray[np.integer[Any]], count: int
) -> npt.NDArray[np.integer[Any]]:
    return np.broadcast_to(ids, (count,))


def _within(bbox: tuple[int, int, int, int], view: View) -> bool:
    window = view.window
    return (
        window[0] <= bbox[0]
        and window[1] <= bbox[1]
        and bbox[2] <= window[2]
        and bbox[3] <= window[3]
    )


def _grid(
    view: View, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the pixels of the plane that lie under the rows and columns of logits."""
    lies = (view.logits_scale_translate(size) for size in shape)
    rows, cols = (
        np.clip(np.round(np.arange(size) * scale[axis] + start[axis]), 0, length - 1)
        for axis, (size, length, (scale, start)) in enumerate(
            zip(shape, view.plane_shape, lies, strict=True)
        )
    )
    return rows.astype(np.intp), cols.astype(np.intp)
