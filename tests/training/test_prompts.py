from __future__ import annotations

import numpy as np
import torch

from napari_sam2.training.objective import (
    dense_targets,
    mask_loss,
    neighbourhood,
    overlap,
)
from napari_sam2.training.prompts import correction, first_click, loose_box


def test_a_first_click_hits_the_object():
    mask = np.zeros((64, 64), bool)
    mask[5:9, 10:50] = True
    mask[5:40, 10:14] = True
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, y = first_click(mask, rng)
        assert mask[int(y), int(x)]


def test_a_loose_box_stays_in_the_view_and_near_the_object():
    rng = np.random.default_rng(0)
    box = np.array([-20, 10, 50, 90], np.float32)
    corners = np.stack([loose_box(box, (256, 0), rng) for _ in range(100)])
    assert corners[:, :, 0].min() >= 0  # the window begins at the view's left edge
    assert corners[:, 1, 1].max() <= 256
    assert np.abs(corners[:, 1] - box[2:]).mean() < 8


def logits_of(mask):
    return torch.where(torch.from_numpy(mask), 5.0, -5.0)[None, None]


def test_a_correction_lies_in_the_error_and_says_what_is_wrong():
    truth = np.zeros((32, 32), bool)
    truth[8:24, 8:24] = True
    generator = torch.Generator().manual_seed(0)
    target = torch.from_numpy(truth).float()[None, None]
    for mask, expected in ((truth & False, 1), (truth | True, 0)):
        for _ in range(20):
            point, label = correction(logits_of(mask), target, generator)
            x, y = point[0, 0].tolist()
            assert label.item() == expected
            assert truth[int(y), int(x)] == bool(expected)


def test_a_perfect_mask_is_confirmed_by_a_click_on_it():
    truth = np.zeros((32, 32), bool)
    truth[8:24, 8:24] = True
    target = torch.from_numpy(truth).float()[None, None]
    generator = torch.Generator().manual_seed(0)
    point, label = correction(logits_of(truth), target, generator)
    x, y = point[0, 0].tolist()
    assert label.item() == 1
    assert truth[int(y), int(x)]


def test_an_object_smaller_than_a_cell_can_be_confirmed():
    target = torch.zeros(1, 1, 8, 8)
    target[0, 0, 2, 5] = 0.3
    point, label = correction(
        torch.full((1, 1, 8, 8), -5.0), target, torch.Generator().manual_seed(0)
    )
    assert label.item() == 1
    assert point[0, 0].int().tolist() == [5, 2]


def test_the_loss_prefers_the_right_mask():
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 4:10, 4:10] = 1
    weight = neighbourhood(torch.tensor([[4.0, 4, 10, 10]]), 16)
    right = truth * 12 - 6
    masks = torch.cat([right, -right, torch.full_like(right, -6)], 1)
    losses = mask_loss(masks, truth, weight)[0]
    assert losses[0] < 0.1
    assert (losses[1:] > 1).all()
    assert overlap(masks, truth)[0].tolist() == [1, 0, 0]


def test_the_neighbourhood_is_around_the_object():
    weight = neighbourhood(torch.tensor([[4.0, 20, 8, 24]]), 64)[0, 0]
    assert weight[22, 6] == weight[25, 10] == 1
    assert weight[40, 6] == weight[6, 22] < 0.1


def test_dense_targets_point_at_the_centre():
    labels = np.zeros((64, 64), np.int64)
    labels[16:48, 8:40] = 1
    foreground, boundary, down, across = dense_targets(labels)
    assert foreground.sum() == 64
    assert boundary[4, 4] == 1
    assert boundary[6, 6] == 0
    np.testing.assert_allclose([down[4, 2], across[4, 2]], 3.5 / 16)
