"""The mask prompt: what is known of the object at every place of a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.prediction import resampled
from napari_sam2.segmentation.strokes import filled

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.prompts import MaskPrompt, Prompts
    from napari_sam2.segmentation.region import Region
    from napari_sam2.segmentation.view import View

__all__ = ["CERTAINTY", "mask_logits"]

CERTAINTY = 6.0
"""Logit of a place that the user has marked: a probability of 99.8 %."""


def mask_logits(
    prompts: Prompts, view: View, size: int
) -> npt.NDArray[np.float32] | None:
    """Draw everything that prompts say about areas into one array of logits.

    First the mask that is to be refined, and what belongs to the object beside it;
    without one, the marked region. Then the
    lassos that this mask does not answer to yet, in their order: what they go around
    becomes plus or minus :data:`CERTAINTY`.

    Parameters
    ----------
    prompts : Prompts
        What was said.
    view : View
        What the model sees.
    size : int
        Side of its low-resolution logits.

    Returns
    -------
    ndarray of float32, shape (size, size), or None
        None if nothing was said of what is inside: what is taken away is taken from
        something.

    Raises
    ------
    PromptError
        If the mask to refine has another size.
    """
    logits = _known(prompts, view, size)
    new = prompts.lassos[prompts.answered :]
    if not new or (logits is None and not any(lasso.inside for lasso in new)):
        return logits
    if logits is None:
        logits = np.full((size, size), -CERTAINTY, dtype=np.float32)
    logits = logits.copy()
    (height, width), (row, col) = view.logits_scale_translate(size)
    rows, cols = np.arange(size) * height + row, np.arange(size) * width + col
    for lasso in new:
        marked = filled(lasso.path, rows, cols)
        logits[marked] = CERTAINTY if lasso.inside else -CERTAINTY
    return logits


def _known(prompts: Prompts, view: View, size: int) -> npt.NDArray[np.float32] | None:
    if prompts.mask is not None:
        refined = _refined(prompts.mask, view, size)
        return _with_beyond(refined, prompts.beyond, view, size)
    if prompts.region is not None:
        share = prompts.region.share_over(view, size)
        return (CERTAINTY * (2 * share - 1)).astype(np.float32)
    return None


def _with_beyond(
    logits: npt.NDArray[np.float32],
    beyond: tuple[Region, ...],
    view: View,
    size: int,
) -> npt.NDArray[np.float32]:
    """Draw what the mask to refine does not show of an object that a view does."""
    for region in beyond:
        share = region.share_over(view, size)
        marked = (CERTAINTY * (2 * share - 1)).astype(np.float32)
        logits = np.where(share > 0, np.maximum(logits, marked), logits)
    return logits


def _refined(mask: MaskPrompt, view: View, size: int) -> npt.NDArray[np.float32]:
    if mask.logits.shape != (size, size):
        raise PromptError(
            f"A mask prompt of this model has the shape {(size, size)}, not "
            f"{mask.logits.shape}: it comes from another model."
        )
    if mask.view is None:
        return mask.logits
    return resampled(mask.logits, mask.view, view)
