"""The rearranged decoder gives what the official one gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from napari_sam2.engines.thin import ThinDecoder
from napari_sam2.models.build import build_model
from napari_sam2.models.catalog import get_model

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import nn


@pytest.fixture(scope="module", params=["starter", "random small"])
def model(request: pytest.FixtureRequest, small_model: nn.Module) -> SAM2Base:
    if request.param == "starter":
        return build_model(get_model("starter"))
    return small_model  # type: ignore[return-value]


@pytest.mark.parametrize("masks", [False, True], ids=["no mask", "mask"])
@pytest.mark.parametrize("points", [1, 8, 20])
@pytest.mark.parametrize("n", [1, 3])
@torch.inference_mode()
def test_logits_and_scores_are_the_official_ones(
    model: SAM2Base, n: int, points: int, masks: bool
) -> None:
    seeded = torch.Generator().manual_seed(n * 100 + points)
    width, side = model.hidden_dim, model.sam_image_embedding_size

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=seeded)

    embedding = random(width, side, side)
    fine = random(width // 8, 4 * side, 4 * side)
    medium = random(width // 4, 2 * side, 2 * side)
    places = torch.rand(n, points, 2, generator=seeded) * model.image_size
    sparse, dense = model.sam_prompt_encoder(
        points=(places, torch.ones(n, points, dtype=torch.int)),
        boxes=None,
        masks=5 * random(n, 1, 4 * side, 4 * side) if masks else None,
    )
    logits, scores, _, _ = model.sam_mask_decoder.predict_masks(
        embedding[None].expand(n, -1, -1, -1),
        model.sam_prompt_encoder.get_dense_pe(),
        sparse,
        dense,
        False,
        [fine[None], medium[None]],
    )
    thin = ThinDecoder(model)
    prepared = thin.prepare(embedding, fine, medium)
    ours, judged = thin(prepared, sparse, dense if masks else None)
    assert ours.shape == logits.shape
    assert (ours - logits).abs().max() <= 1e-4 * logits.std()
    torch.testing.assert_close(judged, scores, atol=1e-5, rtol=0)
