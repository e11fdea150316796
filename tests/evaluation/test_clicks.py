from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi

from napari_sam2.evaluation import clicks
from napari_sam2.evaluation.clicks import (
    NoisyAim,
    deepest,
    deepest_point,
    error_click,
    tight_box,
)
from tests.evaluation.scenes import rectangle

masks = arrays(bool, (12, 15))
some = masks.filter(np.any)


def test_the_deepest_point_of_a_square_is_its_center():
    assert deepest_point(rectangle(10, 20, 19, 29)) == (14, 24)


def test_the_deepest_point_lies_in_the_thick_part():
    mask = rectangle(5, 5, 8, 45) | rectangle(5, 5, 20, 20)
    row, column = deepest_point(mask)
    assert 10 <= row <= 14
    assert 10 <= column <= 14


def test_beyond_the_border_is_outside():
    assert deepest_point(rectangle(0, 0, 11, 11)) == (5, 5)


@given(some)
def test_no_point_is_deeper_than_the_deepest(mask):
    row, column, depth = deepest(mask)
    depths = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    assert mask[row, column]
    assert depths[row, column] == depth == depths.max()


@given(some, st.randoms(use_true_random=False))
def test_what_was_clicked_is_not_clicked_again(mask, random):
    pixels = [tuple(place) for place in np.argwhere(mask).tolist()]
    taken = random.sample(pixels, random.randint(0, len(pixels)))
    place = deepest_point(mask, taken)
    if len(taken) == len(pixels):
        assert place is None
    else:
        assert place in set(pixels) - set(taken)


def test_a_large_region_is_looked_at_in_steps(monkeypatch):
    mask = rectangle(3, 4, 38, 49)
    exact = deepest(mask)
    monkeypatch.setattr(clicks, "EXACT", 500)
    row, column, depth = deepest(mask)
    assert mask[row, column]
    assert abs(depth - exact[2]) <= 2
    assert np.hypot(row - 20, column - 26) < 8
    again = deepest_point(mask, [(row, column)])
    assert again is not None
    assert again != (row, column)


def test_a_thin_region_is_not_lost_between_steps(monkeypatch):
    mask = np.zeros((64, 64), bool)
    mask[1, 1] = mask[63, 63] = True
    monkeypatch.setattr(clicks, "EXACT", 100)
    assert deepest_point(mask) == (1, 1)


@given(some, st.integers(0, 9))
def test_a_noisy_click_hits_the_region(mask, seed):
    row, column = NoisyAim(np.random.default_rng(seed))(mask)
    assert mask[row, column]


def test_noisy_clicks_are_about_the_deepest_point_and_repeatable():
    mask = rectangle(4, 4, 35, 35)
    first, again = (
        [NoisyAim(np.random.default_rng(seed))(mask) for seed in range(200)]
        for _ in range(2)
    )
    assert first == again
    assert len(set(first)) > 50
    np.testing.assert_allclose(np.mean(first, axis=0), (19, 19), atol=1.5)
    np.testing.assert_allclose(np.std(first, axis=0), (7, 7), atol=1.5)  # depth 16


def test_a_missed_part_gets_a_positive_click():
    truth = rectangle(10, 10, 20, 30)
    assert error_click(rectangle(10, 10, 20, 19), truth) == (14, 23, 1)


def test_a_leak_gets_a_negative_click():
    truth = rectangle(10, 10, 20, 20)
    row, column, label = error_click(rectangle(10, 10, 20, 31), truth)
    assert label == 0
    assert not truth[row, column]
    assert (row, column) == (14, 24)


def test_the_largest_error_comes_first_even_if_another_is_deeper():
    truth = rectangle(5, 5, 8, 45)  # missed: 120 pixels, thin
    mask = rectangle(20, 20, 29, 29)  # leaked: 81 pixels, thick
    row, _, label = error_click(mask, truth)
    assert label == 1
    assert row == 6


def test_a_perfect_mask_gets_no_click():
    truth = rectangle(5, 5, 10, 10)
    assert error_click(truth, truth) is None


def test_an_error_that_was_clicked_gives_way_to_the_next():
    truth = rectangle(5, 5, 10, 10)
    mask = truth | rectangle(20, 20, 21, 22) | rectangle(30, 30, 31, 31)
    assert error_click(mask, truth, taken=[(20, 20)]) == (20, 21, 0)
    assert error_click(mask, truth, taken=[(20, 20), (20, 21)]) == (30, 30, 0)
    assert error_click(mask, truth, taken=[(20, 20), (20, 21), (30, 30)]) is None


@given(masks, masks)
def test_a_click_tells_the_truth_about_an_error_of_the_largest_size(mask, truth):
    click = error_click(mask, truth)
    if click is None:
        np.testing.assert_array_equal(mask, truth)
        return
    row, column, label = click
    assert bool(label) == truth[row, column] != mask[row, column]
    sizes = {}
    for kind, error in ((1, truth & ~mask), (0, mask & ~truth)):
        parts, _ = ndi.label(error)
        sizes[kind] = np.bincount(parts.ravel(), minlength=2)[1:]
        if kind == label:
            size = sizes[kind][parts[row, column] - 1]
    assert size == max(sizes[0].max(), sizes[1].max())


def test_a_tight_box_names_the_pixels_at_the_edges():
    assert tight_box(rectangle(3, 4, 10, 20)) == (3, 4, 9, 19)


@pytest.mark.parametrize("seed", range(3))
def test_noise_draws_another_place_for_another_click(seed):
    aim, mask = NoisyAim(np.random.default_rng(seed)), rectangle(4, 4, 35, 35)
    assert aim(mask) != aim(mask)
