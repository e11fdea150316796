from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_sam2.evaluation.clicks import NoisyAim
from napari_sam2.evaluation.cut import Cut
from napari_sam2.evaluation.user import patient, use
from tests.evaluation.scenes import Oracle, Scripted, rectangle, squares

TRUTH = rectangle(10, 10, 20, 30)
HALF = rectangle(10, 10, 20, 20)
GOOD = TRUTH ^ rectangle(10, 10, 11, 24)  # IoU 0.93


def test_the_first_click_is_into_the_object_and_the_next_into_the_error():
    segmenter = Scripted([HALF, HALF | rectangle(0, 0, 12, 9), TRUTH])
    steps = list(use(segmenter, Cut.of(TRUTH)))
    assert [step.click for step in steps] == [(14, 14, 1), (14, 24, 1), (4, 4, 0)]
    assert [step.iou for step in steps] == [0.5, 100 / 308, 1.0]
    first, second, third = segmenter.calls
    assert first == ([(14, 14)], [1], None, None)
    assert second[:2] == ([(14, 14), (14, 24)], [1, 1])
    assert third[:2] == ([(14, 14), (14, 24), (4, 4)], [1, 1, 0])
    assert second[3] is steps[0].prediction  # what was there is refined


def test_a_box_stays_when_clicks_correct_what_it_brought():
    segmenter = Scripted([HALF, TRUTH])
    first, second = use(segmenter, Cut.of(TRUTH), box=True)
    assert first.click is None
    assert second.click == (14, 24, 1)
    assert segmenter.calls[0] == (None, None, (10, 10, 19, 29), None)
    assert segmenter.calls[1] == (
        *([(14, 24)], [1], (10, 10, 19, 29)),
        first.prediction,
    )


def test_an_empty_answer_is_clicked_on_the_object_once_more():
    segmenter = Scripted([np.zeros_like(TRUTH)])
    steps = list(itertools.islice(use(segmenter, Cut.of(TRUTH)), 30))
    places = [step.click for step in steps]
    assert len(set(places)) == 30
    assert all(TRUTH[row, column] and label for row, column, label in places)


def test_a_user_stops_when_all_is_right():
    steps = patient(use(Oracle(squares((10, 20))), Cut.of(squares((10, 20)) == 1)), 20)
    assert [step.iou for step in steps] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("good", "most", "given_"), [(3, 20, 10), (14, 20, 14), (99, 20, 20), (3, 5, 5)]
)
def test_after_ten_clicks_a_good_mask_is_enough(good, most, given_):
    segmenter = Scripted([HALF] * (good - 1) + [GOOD])
    assert len(patient(use(segmenter, Cut.of(TRUTH)), most)) == given_


@given(
    st.lists(arrays(bool, (12, 15)), min_size=1, max_size=8),
    arrays(bool, (12, 15)).filter(np.any),
    st.booleans(),
    st.booleans(),
)
def test_every_click_is_new_and_true_and_into_an_error(answers, truth, box, noisy):
    segmenter = Scripted(answers)
    aim = {"aim": NoisyAim(np.random.default_rng(0))} if noisy else {}
    steps = patient(use(segmenter, Cut.of(truth), box=box, **aim), 12)
    clicks = [step.click for step in steps if step.click]
    assert len({click[:2] for click in clicks}) == len(clicks)
    before = [np.zeros_like(truth), *(step.prediction.mask for step in steps)]
    for mask, step in zip(before, steps, strict=False):
        if step.click:
            row, column, label = step.click
            assert truth[row, column] == bool(label) != mask[row, column]
