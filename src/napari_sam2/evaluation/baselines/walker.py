"""Random walker: a pixel belongs to the marker that a walk from it reaches first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.evaluation.baselines.base import Baseline, Hints
from napari_sam2.evaluation.baselines.markers import BACKGROUND, OBJECT, place_markers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sam2.evaluation.baselines.patch import Patch


class RandomWalker(Baseline):
    """`skimage.segmentation.random_walker` from markers.

    After Grady 2006, "Random walks for image segmentation".
    """

    LARGEST = 128  # a system of equations with one unknown for each pixel
    # How little a walk likes to cross an edge. scikit-image's 130 lets it leave most
    # objects of the images this was tried on; beyond 1000 it follows the noise.
    BETA = 1000.0

    def segment(self, patch: Patch, hints: Hints) -> NDArray[np.float32]:
        """Find the object; see `Baseline.segment`."""
        import warnings

        from skimage.segmentation import random_walker

        markers = place_markers(patch, hints)
        if (markers > 0).all():
            return np.asarray(markers == OBJECT, np.float32)
        if not np.ptp(patch.pixels):  # nothing to tell apart
            return np.asarray(markers != BACKGROUND, np.float32)
        with warnings.catch_warnings():
            # That a chance is a little below 0 or above 1 changes nothing here.
            warnings.filterwarnings("ignore", category=UserWarning)
            chances = random_walker(
                patch.pixels.astype(np.float64),
                markers,
                beta=self.BETA,
                mode="cg_j",
                tol=1e-3,
                return_full_prob=True,
                channel_axis=-1,
            )
        return np.asarray(chances[0], np.float32)
