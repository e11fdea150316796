"""Where to point, and how good the answer is, when the truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer[Any]]
    Mask = npt.NDArray[np.bool_]

__all__ = ["Place", "Target", "choose", "deepest", "iou", "worst_error"]


class Place(NamedTuple):
    """A pixel."""

    row: int
    col: int


@dataclass(frozen=True)
class Target:
    """An object of the truth.

    Attributes
    ----------
    label : int
        Its id in the truth.
    place : Place
        Its deepest pixel, the one farthest from its edge.
    """

    label: int
    place: Place


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union of two masks of the same shape; 1 if both are empty."""
    union = np.count_nonzero(a | b)
    return 1.0 if union == 0 else np.count_nonzero(a & b) / union


def deepest(mask: Mask) -> Place:
    """Return the pixel of a mask that is farthest from all that is outside of it.

    The mask must not be empty.
    """
    from scipy.ndimage import distance_transform_edt, find_objects

    (rows, cols) = find_objects(mask.astype(np.uint8))[0]
    # Padded, since the frame of the image is an edge, too.
    depth = distance_transform_edt(np.pad(mask[rows, cols], 1))[1:-1, 1:-1]
    row, col = np.unravel_index(np.argmax(depth), depth.shape)
    return Place(int(row) + rows.start, int(col) + cols.start)


def worst_error(mask: Mask, truth: Mask) -> tuple[Place, bool]:
    """Return where a correction helps most, and whether the truth is there.

    The deepest pixel of the largest connected region that is missing or too
    much: the simulated user of interactive segmentation (Xu et al., 2016). Where
    nothing is wrong, it confirms the object.
    """
    from scipy.ndimage import label

    regions, _ = label(mask != truth)
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    if sizes.max() == 0:
        return deepest(truth), True
    place = deepest(regions == np.argmax(sizes))
    return place, bool(truth[place])


def choose(truth: Labels, count: int) -> list[Target]:
    """Choose objects to show: of typical size, whole, free-standing, all over.

    Parameters
    ----------
    truth : ndarray of int, shape (rows, cols)
        0 is background.
    count : int
        How many; there may be fewer.
    """
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    frame = np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1]])
    # Not the small ones: they are debris and fragments, on which nobody agrees.
    large = areas >= np.median(areas)
    whole = [int(id_) for id_ in ids[large & ~np.isin(ids, frame)]]
    masks = {id_: truth == id_ for id_ in whole}
    candidates = [
        Target(id_, deepest(mask))
        for id_, mask in masks.items()
        if _stands_free(mask, truth)
    ]
    # Evenly spread from left to right.
    candidates.sort(key=lambda target: target.place.col)
    count = min(count, len(candidates))
    middles = (np.arange(count) + 0.5) * len(candidates) / max(count, 1)
    return [candidates[int(middle)] for middle in middles]


def _stands_free(mask: Mask, truth: Labels) -> bool:
    from scipy.ndimage import binary_dilation

    around = binary_dilation(mask, iterations=3) & ~mask
    return not truth[around].any()
