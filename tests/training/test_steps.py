"""One training step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.training.batches import collate
from napari_sam2.training.objective import DenseHead
from napari_sam2.training.start import build
from napari_sam2.training.steps import batch_loss
from napari_sam2.training.windows import Window

SIZE = 128


def window():
    """A bright square on dark ground."""
    labels = np.zeros((SIZE, SIZE), np.int64)
    labels[30:70, 40:90] = 1
    return Window(
        image=torch.from_numpy(labels.astype(np.float32)).expand(3, -1, -1),
        labels=labels,
        numbers=np.array([1]),
        boxes=np.array([[40, 30, 89, 69]], np.float32),
        origin=(0, 0),
        sparse=False,
    )


@pytest.mark.parametrize("rounds", [2, 3, 6])
def test_the_last_rounds_teach_to_read_the_mask_before(rounds):
    # In six rounds a mask is first read where nothing is learned.
    model = build(seed=0, tie=2.0, frequencies=[0.7, 4.0])
    batch = collate([window()], rounds, 0.0, np.random.default_rng(0))
    clicks = torch.Generator().manual_seed(0)
    loss, outcome = batch_loss(model, DenseHead(model.hidden_dim), batch, 0.0, clicks)
    loss.backward()
    reader = model.sam_prompt_encoder.mask_downscaling[0].weight
    assert reader.grad.abs().sum() > 0
    assert {f"iou_{n + 1}" for n in range(rounds)} <= outcome.values.keys()
