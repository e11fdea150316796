from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from napari_sam2.evaluation.cut import Cut, joint_window, overlap
from tests.evaluation.scenes import rectangle

masks = arrays(bool, (9, 11))


@given(masks)
def test_a_cut_keeps_the_mask(mask):
    cut = Cut.of(mask)
    np.testing.assert_array_equal(cut.within((0, 0, 9, 11)), mask)
    assert cut.area == mask.sum()
    assert cut.pixels.size <= mask.size


@given(masks, masks)
def test_iou_is_that_of_the_whole_masks(mask, truth):
    either = np.count_nonzero(mask | truth)
    expected = np.count_nonzero(mask & truth) / either if either else 1.0
    assert overlap(Cut.of(mask), Cut.of(truth)) == expected


@given(masks, masks)
def test_a_joint_window_holds_both(mask, truth):
    first, second = Cut.of(mask), Cut.of(truth)
    if first.area or second.area:
        window = joint_window(first, second)
        assert first.within(window).sum() == first.area
        assert second.within(window).sum() == second.area


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (rectangle(0, 0, 10, 10), 1.0),
        (rectangle(0, 5, 10, 15), 1 / 3),
        (rectangle(20, 20, 30, 30), 0.0),
        (rectangle(0, 0, 0, 0), 0.0),
    ],
)
def test_iou(mask, expected):
    truth = Cut.of(rectangle(0, 0, 10, 10))
    assert overlap(Cut.of(mask), truth) == pytest.approx(expected)


def test_a_window_may_reach_beyond_and_cut():
    cut = Cut.of(rectangle(5, 6, 10, 12))
    seen = cut.within((8, 0, 20, 8))
    assert seen.shape == (12, 8)
    np.testing.assert_array_equal(np.argwhere(seen), [(0, 6), (0, 7), (1, 6), (1, 7)])
    assert not cut.within((20, 20, 30, 30)).any()
