from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation.boundary import TOLERANCE, boundary_f
from napari_sam2.evaluation.cut import Cut
from tests.evaluation.scenes import rectangle

SHAPE = (40, 50)


def score(mask, truth, **more):
    return boundary_f(Cut.of(mask), Cut.of(truth), SHAPE, **more)


def test_equal_outlines_are_perfect():
    assert score(rectangle(5, 5, 20, 30), rectangle(5, 5, 20, 30)) == 1


def test_an_outline_counts_up_to_the_tolerance_and_not_beyond():
    truth = rectangle(10, 10, 30, 40)
    assert TOLERANCE == 2
    assert score(rectangle(8, 8, 32, 42), truth) > 0.9  # but for its corners
    assert score(rectangle(7, 7, 33, 43), truth) == 0


def test_precision_and_recall_are_weighed():
    # Of 26 pixels of one outline half lies on the other, of which it covers all.
    truth, mask = rectangle(5, 5, 6, 18), rectangle(5, 5, 6, 31)
    assert score(mask, truth, tolerance=0) == pytest.approx(2 * 0.5 / 1.5)


def test_where_the_image_ends_there_is_no_outline():
    truth, mask = rectangle(0, 0, 40, 20), rectangle(0, 0, 40, 30)
    assert score(truth, truth) == 1
    assert score(mask, truth) == 0
    whole = np.ones(SHAPE, bool)
    assert score(whole, whole) == 1
    assert score(whole, truth) == 0


def test_nothing_against_something_is_zero():
    nothing, something = rectangle(0, 0, 0, 0), rectangle(5, 5, 9, 9)
    assert score(nothing, something) == score(something, nothing) == 0
    assert score(nothing, nothing) == 1
