"""Where to point, and how good the answer is, when the truth is known."""

from __future__ import annotations

import math
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
    """Return the pixel of a mask that is farthest from all that is outside of it."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return Place(*map(int, np.unravel_index(np.argmax(depth), mask.shape)))


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
    """Choose objects that lie whole in the image: typical ones, far apart.

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
    candidates = [
        Target(int(id_), deepest(truth == id_))
        for id_ in ids[large & ~np.isin(ids, frame)]
    ]
    chosen: list[Target] = []
    while candidates and len(chosen) < count:
        # The one that is farthest from all before it; the first from the corner.
        places = [target.place for target in chosen] or [Place(0, 0)]
        best = max(candidates, key=lambda target: _nearest(target.place, places))
        candidates.remove(best)
        chosen.append(best)
    return chosen


def _nearest(place: Place, others: list[Place]) -> float:
    return min(math.hypot(place.row - o.row, place.col - o.col) for o in others)
