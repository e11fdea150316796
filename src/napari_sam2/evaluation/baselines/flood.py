"""Flood fill: all that has about the color of the clicked place, and touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.evaluation.baselines.base import Baseline, Hints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sam2.evaluation.baselines.patch import Patch


class FloodFill(Baseline):
    """`skimage.segmentation.flood` of what is near to the clicked colors.

    A user turns the tolerance until it fits. Here it is the threshold (Otsu 1979)
    that best divides the distances in the patch into near and far. A place that was
    clicked away takes with it what has a color nearer to its own and touches it.
    Holes are filled, as long as nothing was clicked away.
    """

    SMOOTH = 1.0  # pixels, so that noise does not stop the flood

    def segment(self, patch: Patch, hints: Hints) -> NDArray[np.float32]:
        """Find the object; see `Baseline.segment`."""
        from scipy import ndimage as ndi
        from skimage.filters import threshold_otsu

        smooth = ndi.gaussian_filter(patch.pixels, (self.SMOOTH, self.SMOOTH, 0))
        distance = _distance(smooth, hints.inside)
        if distance.max() == 0:  # nothing to tell apart
            return np.ones(distance.shape, np.float32)
        near = distance <= threshold_otsu(distance)
        if hints.box is not None:
            r0, c0, r1, c1 = hints.box
            boxed = np.zeros(near.shape, bool)
            boxed[r0:r1, c0:c1] = True
            near &= boxed
        found = _flood(near, hints.inside)
        for place in hints.outside:
            nearer = found & (_distance(smooth, (place,)) <= distance)
            found &= ~_flood(nearer, (place,))
        if hints.outside:  # what was cut off
            found = _flood(found, hints.inside)
        else:
            found = ndi.binary_fill_holes(found)
        return found.astype(np.float32)


def _distance(
    pixels: NDArray[np.float32], places: tuple[tuple[int, int], ...]
) -> NDArray[np.float32]:
    """Distance of each pixel's color from the nearest of some places' colors."""
    nearest = np.full(pixels.shape[:2], np.inf, np.float32)
    for row, column in places:
        differences = pixels - pixels[row, column]
        np.minimum(nearest, np.linalg.norm(differences, axis=2), out=nearest)
    return nearest


def _flood(
    open_: NDArray[np.bool_], places: tuple[tuple[int, int], ...]
) -> NDArray[np.bool_]:
    """Parts of a mask that are connected with one of some places."""
    from skimage.segmentation import flood

    found = np.zeros(open_.shape, bool)
    for place in places:
        if open_[place] and not found[place]:
            found |= flood(open_.view(np.uint8), place, connectivity=1)
    return found
