"""How a mask is cut out of logits: what may be changed without asking the model again.

All of it works on the logits, before they are interpolated: so the outline that is
drawn by the graphics card is that of the mask which is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import PromptError

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.view import View

__all__ = ["Refinement"]

# By how much a place that changes sides is at least on the other one.
_CLEARLY = 0.5


@dataclass(frozen=True)
class Refinement:
    """How a mask is cut out of logits.

    Attributes
    ----------
    threshold : float
        Logits above it are inside: 0 is even odds, 2 means 88 %.
    smoothing : float
        Standard deviation, in pixels of the plane, of a Gaussian that the logits are
        blurred with.
    fill_holes : bool
        Whether what the mask goes around belongs to it.
    min_area : float
        Pixels of the plane; smaller islands are left out.
    """

    threshold: float = 0.0
    smoothing: float = 0.0
    fill_holes: bool = False
    min_area: float = 0.0

    def __post_init__(self) -> None:
        for name in ("threshold", "smoothing", "min_area"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "fill_holes", bool(self.fill_holes))
        numbers = (self.threshold, self.smoothing, self.min_area)
        if not all(map(math.isfinite, numbers)) or min(numbers[1:]) < 0:
            raise PromptError(
                "Threshold, smoothing and smallest area are finite numbers, the last "
                "two not below zero."
            )

    def applied(
        self, logits: npt.NDArray[np.float32], view: View
    ) -> npt.NDArray[np.float32]:
        """Return logits of which the mask is what lies above the threshold.

        Parameters
        ----------
        logits : ndarray of float32, shape (mask_size, mask_size)
            As the model gives them.
        view : View
            Over which they lie.

        Returns
        -------
        ndarray of float32, shape (mask_size, mask_size)
            The same array where there is nothing to do.
        """
        if not (self.smoothing or self.fill_holes or self.min_area):
            return logits
        from scipy import ndimage as ndi

        (height, width), _ = view.logits_scale_translate(logits.shape[0])
        if self.smoothing:
            sigma = self.smoothing / height, self.smoothing / width
            logits = ndi.gaussian_filter(logits, sigma, mode="nearest")
        if self.fill_holes:
            inside = logits > self.threshold
            logits = self._turned(logits, ndi.binary_fill_holes(inside) & ~inside)
        if self.min_area:
            islands, _ = ndi.label(logits > self.threshold)
            small = np.bincount(islands.ravel()) * (height * width) < self.min_area
            small[0] = False
            logits = self._turned(logits, small[islands])
        return logits

    def _turned(
        self, logits: npt.NDArray[np.float32], where: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        """Bring places to the other side of the threshold, as far as they were off."""
        if not where.any():
            return logits
        off = logits - self.threshold
        away = np.maximum(np.abs(off), _CLEARLY)
        turned = self.threshold + np.where(off > 0, -away, away)
        return np.where(where, turned, logits).astype(np.float32)
