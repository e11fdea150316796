"""A mask as the model gives it, cut out of the plane only where it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.segmentation.prompts import MaskPrompt, digest_of
from napari_sam2.segmentation.refinement import Refinement

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.view import BBox, View

__all__ = ["Prediction", "resampled"]

_PLAIN = Refinement()
_NOWHERE: BBox = (0, 0, 0, 0)

# What a model says of places that are clearly not on the object.
_OUTSIDE = -10.0

# Pixels that are interpolated at a time: as many as a core's cache holds.
_BAND = 1 << 16


@dataclass(frozen=True, eq=False)
class Prediction:
    """One object on one plane.

    Nothing of the size of the plane is made unless :attr:`mask` is asked for.

    Attributes
    ----------
    score : float
        IoU with the object that the model expects of itself, about 0 to 1.
    logits : ndarray of float32, shape (mask_size, mask_size)
        Over the whole view, at the decoder's low resolution.
    view : View
        What the model saw.
    refinement : Refinement
        How the mask is cut out of them.
    alternatives : tuple of Prediction
        All candidates of an ambiguous prompt (part, object, whole) in the
        model's order, one of them with the same logits as this; empty if only
        one was asked for.
    rank : int, optional
        Which of the candidates it is, from the smallest (0); None if only one was
        asked for.
    """

    score: float
    logits: npt.NDArray[np.float32]
    view: View
    refinement: Refinement = _PLAIN
    alternatives: tuple[Prediction, ...] = ()
    rank: int | None = None

    @property
    def threshold(self) -> float:
        """The mask is where the :attr:`surface`, interpolated, is above it."""
        return self.refinement.threshold

    @cached_property
    def surface(self) -> npt.NDArray[np.float32]:
        """The logits, refined, shape (mask_size, mask_size): what is to be drawn."""
        return self.refinement.applied(self.logits, self.view)

    def refined(self, refinement: Refinement) -> Prediction:
        """Return the same answer, its mask and its candidates cut in another way."""
        if refinement == self.refinement:
            return self
        others = tuple(one.refined(refinement) for one in self.alternatives)
        return replace(self, refinement=refinement, alternatives=others)

    @property
    def bbox(self) -> BBox:
        """Smallest rectangle of plane pixels around the mask; zeros if empty."""
        return self._cut[0]

    @property
    def crop(self) -> npt.NDArray[np.bool_]:
        """The mask within :attr:`bbox`."""
        return self._cut[1]

    @property
    def area(self) -> int:
        """Number of pixels of the mask."""
        return int(np.count_nonzero(self.crop))

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The mask over the whole plane, made anew at each call."""
        mask = np.zeros(self.view.plane_shape, dtype=bool)
        r0, c0, r1, c1 = self.bbox
        mask[r0:r1, c0:c1] = self.crop
        return mask

    @property
    def stability(self) -> float:
        """How little the mask depends on the threshold, 0 to 1.

        Overlap of the masks at thresholds 2 above and below, as in SAM's automatic
        masks (Kirillov et al. 2023, arXiv:2304.02643, section 5); 0 if there is none.
        """
        low = np.count_nonzero(self.logits > self.threshold - 2)
        high = np.count_nonzero(self.logits > self.threshold + 2)
        return high / low if low else 0.0

    @cached_property
    def digest(self) -> bytes:
        """Names the logits."""
        return digest_of(self.logits)

    def as_prompt(self) -> MaskPrompt:
        """Return the mask prompt that refines this answer."""
        return MaskPrompt(self.logits, self.view)

    def cut(self) -> None:
        """Compute bounding box and crop now, in the thread that calls."""
        _ = self._cut

    def alone(self) -> Prediction:
        """Return the same without its alternatives, to be kept for long.

        All candidates of a prompt share the memory of their logits; this one gets
        its own.
        """
        alone = replace(self, logits=self.logits.copy(), alternatives=())
        if "_cut" in self.__dict__:
            alone.__dict__["_cut"] = self._cut
        return alone

    def logits_over(self, view: View) -> npt.NDArray[np.float32]:
        """Interpolate the logits where another view of the same plane has its own.

        Beyond what this view shows, all is taken to be outside.

        Parameters
        ----------
        view : View
            The other view.

        Returns
        -------
        ndarray of float32, shape (mask_size, mask_size)
        """
        return resampled(self.logits, self.view, view)

    @cached_property
    def _cut(self) -> tuple[BBox, npt.NDArray[np.bool_]]:
        above: npt.NDArray[np.bool_] = self.surface > self.threshold
        rows = _pixels_near(np.any(above, axis=1), self.view.height)
        cols = _pixels_near(np.any(above, axis=0), self.view.width)
        if rows is None or cols is None:
            return _NOWHERE, np.zeros((0, 0), dtype=bool)
        crop = _above(self.surface, rows, cols, self.view, self.threshold)
        return _tightened(crop, rows.start, cols.start, self.view)


def resampled(
    logits: npt.NDArray[np.float32], view: View, other: View
) -> npt.NDArray[np.float32]:
    """Interpolate logits over one view bilinearly at the places of another's.

    Parameters
    ----------
    logits : ndarray of float32, shape (mask_size, mask_size)
        Over ``view``.
    view, other : View
        Of the same plane.

    Returns
    -------
    ndarray of float32, shape (mask_size, mask_size)
        Over ``other``.
    """
    if other == view:
        return logits
    size = logits.shape[0]
    here = view.logits_scale_translate(size)
    there = other.logits_scale_translate(size)
    at = np.arange(size)
    rows, cols = (
        (at * there[0][axis] + there[1][axis] - here[1][axis]) / here[0][axis]
        for axis in (0, 1)
    )
    low, high, weight = _between(cols, size)
    wide: npt.NDArray[Any] = logits[:, low] * (1 - weight) + logits[:, high] * weight
    low, high, weight = _between(rows, size)
    weight = weight[:, np.newaxis]
    seen = wide[low] * (1 - weight) + wide[high] * weight
    for axis, places in ((0, rows), (1, cols)):
        beyond = (places < -0.5) | (places > size - 0.5)
        np.moveaxis(seen, axis, 0)[beyond] = _OUTSIDE
    return seen.astype(np.float32, copy=False)


def _pixels_near(above: npt.NDArray[np.bool_], length: int) -> range | None:
    """Pixels along one axis that interpolation can bring above the threshold.

    Bilinear values are averages of neighbours, so none lies further than one
    low-resolution pixel from one that is above.
    """
    where = np.flatnonzero(above)
    if where.size == 0:
        return None
    scale = length / above.size
    first = int(np.floor((where[0] - 0.5) * scale - 0.5))
    last = int(np.ceil((where[-1] + 1.5) * scale - 0.5))
    return range(max(first, 0), min(last + 1, length))


def _above(
    logits: npt.NDArray[np.float32],
    rows: range,
    cols: range,
    view: View,
    threshold: float,
) -> npt.NDArray[np.bool_]:
    """Interpolate a part of the logits as ``torch`` does the whole, and threshold.

    The same arithmetic as ``interpolate(mode="bilinear", align_corners=False)``
    with which the official predictor scales its masks up: along the columns
    first. Only a band of rows is held in floats at a time.
    """
    low, high, weight = _taps(cols, logits.shape[1], view.width)
    wide = logits[:, low] * (1 - weight)
    wide += logits[:, high] * weight
    low, high, weight = _taps(rows, logits.shape[0], view.height)
    weight = weight[:, np.newaxis]
    above = np.empty((len(rows), len(cols)), dtype=bool)
    step = max(1, _BAND // len(cols))
    for start in range(0, len(rows), step):
        band = slice(start, start + step)
        values = wide[low[band]]
        values *= 1 - weight[band]
        below = wide[high[band]]
        below *= weight[band]
        values += below
        np.greater(values, threshold, out=above[band])
    return above


def _taps(
    pixels: range, size: int, length: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    place = (np.arange(pixels.start, pixels.stop) + 0.5) * (size / length) - 0.5
    return _between(place, size)


def _between(
    place: npt.NDArray[np.floating], size: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Neighbours between which places lie, and the share of the second."""
    place = np.clip(place, 0, size - 1)
    low = place.astype(np.intp)
    high = np.minimum(low + 1, size - 1)
    weight: npt.NDArray[np.float32] = (place - low).astype(np.float32)
    return low, high, weight


def _tightened(
    crop: npt.NDArray[np.bool_], row: int, col: int, view: View
) -> tuple[BBox, npt.NDArray[np.bool_]]:
    rows = np.flatnonzero(crop.any(axis=1))
    cols = np.flatnonzero(crop.any(axis=0))
    if rows.size == 0:
        return _NOWHERE, np.zeros((0, 0), dtype=bool)
    r0, r1, c0, c1 = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    row, col = row + view.window[0], col + view.window[1]
    bbox = (int(row + r0), int(col + c0), int(row + r1), int(col + c1))
    return bbox, np.ascontiguousarray(crop[r0:r1, c0:c1])
