"""Watershed: two floods that meet where the image changes most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.evaluation.baselines.base import Baseline, Hints
from napari_sam2.evaluation.baselines.markers import OBJECT, place_markers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sam2.evaluation.baselines.patch import Patch


class Watershed(Baseline):
    """`skimage.segmentation.watershed` of the gradient, from markers.

    The gradient is that of the channel in which it is greatest, at a scale of one
    pixel: Meyer & Beucher 1990, "Morphological segmentation".
    """

    SMOOTH = 1.0  # pixels

    def segment(self, patch: Patch, hints: Hints) -> NDArray[np.float32]:
        """Find the object; see `Baseline.segment`."""
        from scipy import ndimage as ndi
        from skimage.segmentation import watershed

        gradient = np.max(
            [
                ndi.gaussian_gradient_magnitude(channel, self.SMOOTH)
                for channel in np.moveaxis(patch.pixels, 2, 0)
            ],
            axis=0,
        )
        parts = watershed(gradient, place_markers(patch, hints))
        return np.asarray(parts == OBJECT, np.float32)
