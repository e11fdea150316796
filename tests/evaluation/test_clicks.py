from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation.clicks import deepest_point, error_click, iou, tight_box


def rectangle(r0, c0, r1, c1, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[r0:r1, c0:c1] = True
    return mask


def test_the_deepest_point_of_a_square_is_its_centre():
    assert deepest_point(rectangle(10, 20, 19, 29)) == (14, 24)


def test_the_deepest_point_lies_in_the_thick_part():
    mask = rectangle(5, 5, 8, 45) | rectangle(5, 5, 20, 20)
    row, column = deepest_point(mask)
    assert 10 <= row <= 14
    assert 10 <= column <= 14


def test_beyond_the_border_is_outside():
    row, column = deepest_point(rectangle(0, 0, 11, 11))
    assert (row, column) == (5, 5)


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


def test_a_tight_box_names_the_pixels_at_the_edges():
    assert tight_box(rectangle(3, 4, 10, 20)) == (3, 4, 9, 19)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (rectangle(0, 0, 10, 10), 1.0),
        (rectangle(0, 5, 10, 15), 1 / 3),
        (rectangle(20, 20, 30, 30), 0.0),
    ],
)
def test_iou(mask, expected):
    assert iou(mask, rectangle(0, 0, 10, 10)) == pytest.approx(expected)
