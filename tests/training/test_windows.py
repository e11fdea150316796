from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.synthesis import generate
from napari_sam2.training.data import Sample
from napari_sam2.training.network import encode_points
from napari_sam2.training.windows import (
    STRIDE,
    VIEW,
    _orient,
    _orient_boxes,
    cut,
    window_encoding,
)


@pytest.fixture
def sample():
    scene = generate("nuclei", (200, 300), seed=2)
    return Sample.of(scene.image, scene.labels)


def test_the_encoding_of_a_window_is_a_part_of_the_whole(model):
    whole = model.sam_prompt_encoder.get_dense_pe()
    part = window_encoding(whole, (128, 256), 256)
    assert part.shape == (1, 128, 16, 16)
    torch.testing.assert_close(part[0, :, 3, 5], whole[0, :, 11, 21])


def test_a_point_is_encoded_as_the_cell_it_lies_in(model):
    whole = model.sam_prompt_encoder.get_dense_pe()
    part = window_encoding(whole, (128, 64), 256)
    # The centre of row 3, column 7 of the window's grid, in pixels of the view.
    x, y = 64 + 7.5 * STRIDE, 128 + 3.5 * STRIDE
    points = encode_points(model, torch.tensor([[[x, y]]]), torch.ones(1, 1))
    place = points[0, 0] - model.sam_prompt_encoder.point_embeddings[1].weight[0]
    torch.testing.assert_close(place, part[0, :, 3, 7], atol=1e-4, rtol=0)


@pytest.mark.parametrize("turn", range(8))
def test_boxes_turn_with_the_labels(sample, turn):
    labels = _orient(sample.labels, turn)
    for number, *box in _orient_boxes(sample.boxes, turn, sample.labels.shape):
        rows, columns = np.nonzero(labels == number)
        found = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert found == box


@pytest.mark.parametrize("whole_view", [True, False])
@pytest.mark.parametrize("size", [128, 256, VIEW])
def test_a_window_lies_in_the_view_and_shows_its_objects(sample, size, whole_view):
    rng = np.random.default_rng(0)
    for _ in range(5):
        window = cut(sample, size, whole_view, 4, 20, rng)
        if window is None:
            continue
        assert window.image.shape == (3, size, size)
        assert 0 <= float(window.image.min()) <= float(window.image.max()) <= 1
        assert 1 <= len(window.numbers) <= 4
        for origin in window.origin:
            assert origin % STRIDE == 0
            assert 0 <= origin <= VIEW - size
        for number, box in zip(window.numbers, window.boxes, strict=True):
            rows, columns = np.nonzero(window.labels == number)
            x0, y0, x1, y1 = box
            # Boxes are those of whole objects, of which a window may show a part.
            slack = 6 * size / 128
            assert x0 <= columns.min() + slack
            assert y0 <= rows.min() + slack
            assert x1 >= columns.max() - slack
            assert y1 >= rows.max() - slack


def test_at_whole_view_scale_a_window_is_where_inference_would_see_it():
    # One bright square; its place in the view follows from its place in the image.
    image = np.zeros((384, 192), np.uint8)
    labels = np.zeros((384, 192), np.uint16)
    image[300:320, 40:60], labels[300:320, 40:60] = 255, 1
    sample = Sample.of(image, labels)
    for seed in range(8):
        window = cut(sample, 256, True, 4, 20, np.random.default_rng(seed))
        assert window is not None
        x0, y0, x1, y1 = window.boxes[0]
        centre = (window.origin[1] + (x0 + x1) / 2, window.origin[0] + (y0 + y1) / 2)
        row, column = 310 * VIEW / 384, 50 * VIEW / 192
        expected = {
            (flip_x, flip_y)
            for a, b in ((column, row), (row, column))
            for flip_x in (a, VIEW - a)
            for flip_y in (b, VIEW - b)
        }
        nearest = min(np.hypot(centre[0] - x, centre[1] - y) for x, y in expected)
        assert nearest < 4


def test_the_smallest_side_may_be_smaller_than_a_window():
    labels = np.zeros((40, 600), np.uint16)
    labels[10:30, 100:130] = 1
    image = (labels * 200).astype(np.uint8)
    sample = Sample.of(image, labels)
    rng = np.random.default_rng(1)
    windows = [cut(sample, 256, bool(k % 2), 4, 20, rng) for k in range(10)]
    assert any(window is not None for window in windows)
