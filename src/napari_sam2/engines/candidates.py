"""Which of the decoder's masks are the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_sam2.engines.base import Decoded

if TYPE_CHECKING:
    import numpy.typing as npt

    Answer = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

__all__ = ["LOGIT_LIMIT", "Stability", "answered", "joined"]

LOGIT_LIMIT = 32.0
"""The official predictor clips what it returns, so that an answer that is fed back as
a mask prompt stays within what the model was trained on."""


class Stability(NamedTuple):
    """When the decoder's single mask is to be trusted.

    Attributes
    ----------
    delta : float
        Logits by which the threshold is moved up and down.
    threshold : float
        IoU of the two masks from which the single one is taken.
    """

    delta: float
    threshold: float

    @classmethod
    def of(cls, decoder: Any) -> Stability | None:
        """Read it off a ``sam2`` mask decoder; None if its single mask is final."""
        if not decoder.dynamic_multimask_via_stability:
            return None
        return cls(
            float(decoder.dynamic_multimask_stability_delta),
            float(decoder.dynamic_multimask_stability_thresh),
        )


def joined(answers: list[Answer]) -> Answer:
    """Join the logits and scores of the parts of a batch, in their order."""
    if len(answers) == 1:
        return answers[0]
    logits, scores = zip(*answers, strict=True)
    return np.concatenate(logits), np.concatenate(scores)


def answered(
    logits: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    multimask: bool,
    stability: Stability | None,
) -> Decoded:
    """Take what was asked for out of all that the decoder gives.

    As ``sam2.modeling.sam.mask_decoder.MaskDecoder.forward`` does it: three candidates;
    or the single mask, or the best candidate in its place where it is not stable.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, 4, h, w)
        The single mask first.
    scores : ndarray of float32, shape (n, 4)
        The IoU predicted of each.
    multimask : bool
        Three candidates instead of one.
    stability : Stability or None
        None takes the single mask as it is.
    """
    if multimask:
        return Decoded(logits[:, 1:], scores[:, 1:])
    taken = np.zeros(len(logits), dtype=np.intp)
    if stability is not None:
        single = logits[:, 0]
        inner = (single > stability.delta).sum(axis=(1, 2), dtype=np.float32)
        outer = (single > -stability.delta).sum(axis=(1, 2), dtype=np.float32)
        stable = inner / np.maximum(outer, 1) >= np.float32(stability.threshold)
        unstable = ~stable & (outer > 0)
        taken[unstable] = 1 + scores[unstable, 1:].argmax(axis=1)
    each = np.arange(len(logits))
    return Decoded(logits[each, taken][:, None], scores[each, taken][:, None])
