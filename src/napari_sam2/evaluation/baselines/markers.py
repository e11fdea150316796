"""From prompts to the markers that watershed and random walker begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.evaluation.baselines.base import CORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sam2.evaluation.baselines.base import Hints
    from napari_sam2.evaluation.baselines.patch import Patch

OBJECT = 1
BACKGROUND = 2


def place_markers(patch: Patch, hints: Hints) -> NDArray[np.int32]:
    """Mark what is known.

    A box says that all outside of it is background and that the object is in its
    middle, unless that was clicked away. Without a box, the frame of the patch is
    background, except where it is the frame of the whole image, at which objects may
    end. A click marks a square of 3 pixels.

    Parameters
    ----------
    patch : Patch
        Where to look.
    hints : Hints
        The prompts.

    Returns
    -------
    numpy.ndarray
        int32 of the patch's rows and columns: 1 object, 2 background, 0 unknown.
    """
    rows, columns = patch.pixels.shape[:2]
    markers = np.zeros((rows, columns), np.int32)
    if hints.box is None:
        _mark_frame(markers, patch)
    else:
        r0, c0, r1, c1 = hints.box
        markers[:] = BACKGROUND
        markers[r0:r1, c0:c1] = 0
        high, wide = CORE * (r1 - r0) / 2, CORE * (c1 - c0) / 2
        if len(hints.inside) == 1 and not hints.outside:
            row, column = hints.inside[0]
            top, left = max(r0, int(row - high)), max(c0, int(column - wide))
            bottom, right = (
                min(r1, int(row + high) + 1),
                min(c1, int(column + wide) + 1),
            )
            markers[top:bottom, left:right] = OBJECT
    for places, kind in ((hints.inside, OBJECT), (hints.outside, BACKGROUND)):
        for row, column in places:
            near = markers[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            near[near == 0] = kind
    # The clicked pixels themselves, whatever else is near.
    for places, kind in ((hints.inside, OBJECT), (hints.outside, BACKGROUND)):
        for row, column in places:
            markers[row, column] = kind
    if not (markers == BACKGROUND).any():
        markers[[0, -1]] = markers[:, [0, -1]] = BACKGROUND
    for row, column in hints.inside:
        markers[row, column] = OBJECT
    return markers


def _mark_frame(markers: NDArray[np.int32], patch: Patch) -> None:
    r0, c0, r1, c1 = patch.window
    if r0 > 0:
        markers[0] = BACKGROUND
    if c0 > 0:
        markers[:, 0] = BACKGROUND
    if r1 < patch.shape[0]:
        markers[-1] = BACKGROUND
    if c1 < patch.shape[1]:
        markers[:, -1] = BACKGROUND


def _middle(first: int, stop: int) -> slice:
    half = CORE * (stop - first) / 2
    center = (first + stop - 1) / 2
    return slice(int(np.ceil(center - half)), int(np.floor(center + half)) + 1)
