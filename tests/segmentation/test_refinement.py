"""Masks that are cut out of the same logits in other ways."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.segmentation.view import View

SIZE = 64
VIEW = View.whole((128, 192), 256)


def hill(height: float = 8.0) -> np.ndarray:
    rows, cols = np.indices((SIZE, SIZE))
    return (height - np.hypot(rows - 30, cols - 30)).astype(np.float32)


def predicted(logits: np.ndarray, **how: object) -> Prediction:
    return Prediction(0.9, logits, VIEW).refined(Refinement(**how))  # type: ignore[arg-type]


def test_nothing_to_do_costs_nothing() -> None:
    logits = hill()
    answer = predicted(logits, threshold=2.0)
    assert answer.surface is logits
    assert answer.refined(answer.refinement) is answer


@given(st.lists(st.floats(-6, 6), min_size=2, max_size=5, unique=True))
def test_the_higher_the_threshold_the_smaller_the_mask(steps: list[float]) -> None:
    masks = [predicted(hill(), threshold=step).mask for step in sorted(steps)]
    for larger, smaller in pairwise(masks):
        assert not (smaller & ~larger).any()


def test_a_hole_is_filled_and_a_bay_is_not() -> None:
    logits = hill(20)
    logits[28:32, 28:32] = -3
    logits[:30, 20] = -3
    assert not predicted(logits).mask[60, 87]
    filled = predicted(logits, fill_holes=True)
    assert filled.mask[60, 87]
    np.testing.assert_array_equal(filled.surface[:26, 20], logits[:26, 20])


@pytest.mark.parametrize("threshold", [-2.0, 0.0, 2.0])
def test_small_islands_are_left_out(threshold: float) -> None:
    logits = hill()
    logits[5:8, 50:53] = 6
    # One pixel of the logits is six of the plane.
    answer = predicted(logits, threshold=threshold, min_area=60)
    _, count = ndi.label(answer.mask)
    assert count == 1
    _, count = ndi.label(predicted(logits, threshold=threshold, min_area=50).mask)
    assert count == 2


def test_an_object_that_is_too_small_is_nothing() -> None:
    assert predicted(hill(), min_area=1e6).area == 0


def test_smoothing_is_as_wide_as_it_says_along_both_axes() -> None:
    logits = np.full((SIZE, SIZE), -5, np.float32)
    logits[20:40, 20:40] = 5
    logits[30, 45] = 5
    answer = predicted(logits, smoothing=9.0)
    assert not answer.mask[60:62, 135:138].any()
    corner = answer.mask[38:46, 57:69]
    assert 0 < corner.mean() < predicted(logits).mask[38:46, 57:69].mean()
    # Nine pixels of the plane are 4.5 rows and 3 columns of the logits.
    expected = ndi.gaussian_filter(logits, (4.5, 3.0), mode="nearest")
    np.testing.assert_allclose(answer.surface, expected, atol=1e-5)


def test_candidates_are_cut_in_the_same_way() -> None:
    one, other = Prediction(0.5, hill(4), VIEW), Prediction(0.9, hill(9), VIEW)
    answer = Prediction(0.9, hill(9), VIEW, alternatives=(one, other))
    for candidate in answer.refined(Refinement(2.0)).alternatives:
        assert candidate.threshold == 2


def test_a_crop_that_was_computed_is_not_that_of_another_cut() -> None:
    answer = Prediction(0.9, hill(), VIEW)
    answer.cut()
    assert answer.refined(Refinement(3.0)).area < answer.area


@pytest.mark.parametrize(
    "how", [{"threshold": math.nan}, {"smoothing": -1}, {"min_area": -2}]
)
def test_what_is_no_refinement_is_refused(how: dict[str, float]) -> None:
    with pytest.raises(PromptError, match="finite"):
        Refinement(**how)  # type: ignore[arg-type]


def test_equal_refinements_are_equal_however_they_were_given() -> None:
    one = Refinement(np.float32(1), 2, np.bool_(True), np.int64(3))  # type: ignore[arg-type]
    assert one == Refinement(1.0, 2.0, True, 3.0)
    assert hash(one) == hash(Refinement(1.0, 2.0, True, 3.0))
    assert type(one.threshold) is float
