from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch

from napari_sam2.models.starter.trunk import ConvTrunk
from napari_sam2.training.network import decode, encode, encode_points

IMAGE = np.random.default_rng(0).integers(0, 256, (512, 512, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def predictor(model):
    """The official predictor on the same weights, told the feature sizes."""
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it uses torch.jit
        predictor = SAM2ImagePredictor(copy.deepcopy(model).eval())
    predictor._bb_feat_sizes = [(128, 128), (64, 64), (32, 32)]
    predictor.set_image(IMAGE)
    return predictor


@pytest.mark.parametrize("kind", ["click", "box", "correction"])
@torch.inference_mode()
def test_training_decodes_as_the_official_predictor_does(model, predictor, kind):
    rng = np.random.default_rng(1)
    mask = rng.normal(0, 3, (1, 128, 128)).astype(np.float32)
    box = np.array([100.0, 200, 340, 380])
    click = np.array([[300.0, 420]])
    expected, scores, logits = predictor.predict(
        point_coords=None if kind == "box" else click,
        point_labels=None if kind == "box" else np.array([1]),
        box=box if kind == "box" else None,
        mask_input=mask if kind == "correction" else None,
        multimask_output=True,
    )
    del expected
    ours = copy.deepcopy(model).eval()
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float() / 255
    index = torch.zeros(2, dtype=torch.int64)  # two objects: both the same
    points = box.reshape(2, 2) if kind == "box" else click
    labels = [2, 3] if kind == "box" else [1]
    given = torch.from_numpy(points).float().expand(2, -1, -1) + 0.5
    found, predicted = decode(
        ours,
        encode(ours, image).of(index),
        ours.sam_prompt_encoder.get_dense_pe()[index],
        given,
        torch.tensor([labels, labels], dtype=torch.int32),
        torch.from_numpy(mask).expand(2, 1, -1, -1) if kind == "correction" else None,
    )
    for k in range(2):
        np.testing.assert_allclose(found[k, 1:], logits, atol=2e-3 * logits.std())
        np.testing.assert_allclose(predicted[k, 1:], scores, atol=1e-4)


@torch.inference_mode()
def test_at_the_start_a_click_attends_to_its_place(model):
    decoder = model.sam_mask_decoder
    attention = decoder.transformer.layers[0].cross_attn_token_to_image
    click = torch.tensor([[[200.0, 488.0]]])
    prompt = encode_points(model, click, torch.ones(1, 1, dtype=torch.int32))[:, :1]
    places = model.sam_prompt_encoder.get_dense_pe().flatten(2).transpose(1, 2)
    query = attention._separate_heads(attention.q_proj(prompt), 8)
    key = attention._separate_heads(attention.k_proj(places), 8)
    weight = (query @ key.transpose(-1, -2)).sum(1).flatten()
    row, column = divmod(int(weight.argmax()), 32)
    assert abs(row - 488 / 16) < 2
    assert abs(column - 200 / 16) < 2


@torch.inference_mode()
def test_a_fused_trunk_gives_the_same_features():
    torch.manual_seed(0)
    trunk = ConvTrunk(widths=(8, 16, 24, 32), blocks=(1, 2, 1, 1))
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.5, 1.5)
    trunk.eval()
    image = torch.randn(1, 3, 64, 64)
    before = trunk(image)
    trunk.fuse()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in trunk.modules())
    for old, new, stride in zip(before, trunk(image), (4, 8, 16, 32), strict=True):
        assert new.shape[-1] == 64 // stride
        torch.testing.assert_close(old, new, atol=1e-4, rtol=1e-4)


def test_the_model_is_small_enough_to_ship(model):
    assert sum(p.numel() for p in model.parameters()) <= 9.7e6
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith("memory") for name in trained)
    assert "no_mem_embed" in trained
