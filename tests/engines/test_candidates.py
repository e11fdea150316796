"""Which of the decoder's masks are the answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder

from napari_sam2.engines.candidates import Stability, answered

STABILITY = Stability(0.05, 0.98)


def all_masks(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    # Some with a clear outline, some that waver about zero, some empty.
    gain = random.choice([0.01, 1.0, 100.0], size=(n, 4, 1, 1))
    shift = random.choice([-1000.0, 0.0], p=[0.2, 0.8], size=(n, 4, 1, 1))
    logits = random.normal(size=(n, 4, 16, 16)) * gain + shift
    return logits.astype(np.float32), random.uniform(size=(n, 4)).astype(np.float32)


def test_several_candidates_are_those_after_the_single_mask() -> None:
    logits, scores = all_masks(3, 0)
    decoded = answered(logits, scores, True, STABILITY)
    np.testing.assert_array_equal(decoded.logits, logits[:, 1:])
    np.testing.assert_array_equal(decoded.scores, scores[:, 1:])


def test_without_the_fallback_the_single_mask_is_final() -> None:
    logits, scores = all_masks(3, 0)
    decoded = answered(logits, scores, False, None)
    np.testing.assert_array_equal(decoded.logits, logits[:, :1])
    np.testing.assert_array_equal(decoded.scores, scores[:, :1])


@pytest.mark.parametrize("seed", range(5))
def test_a_single_mask_that_wavers_is_replaced_as_the_official_decoder_does_it(
    seed: int,
) -> None:
    logits, scores = all_masks(20, seed)
    decoder = MaskDecoder.__new__(MaskDecoder)
    torch.nn.Module.__init__(decoder)
    decoder.dynamic_multimask_stability_delta = STABILITY.delta
    decoder.dynamic_multimask_stability_thresh = STABILITY.threshold
    theirs, judged = decoder._dynamic_multimask_via_stability(
        torch.from_numpy(logits), torch.from_numpy(scores)
    )
    ours = answered(logits, scores, False, STABILITY)
    np.testing.assert_array_equal(ours.logits, theirs.numpy())
    np.testing.assert_array_equal(ours.scores, judged.numpy())
    # Both kinds are among them.
    kept = (ours.logits == logits[:, :1]).all(axis=(1, 2, 3))
    assert 0 < kept.sum() < len(kept)
