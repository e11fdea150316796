"""A second look, and what becomes of two answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.segmentation.choice import followed
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import Box, MaskPrompt, Point, Prompts
from napari_sam2.segmentation.second import agreed, second_view
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.view import View
from tests.segmentation.fakes import FakeEngine

IMAGE = np.random.default_rng(0).integers(0, 255, (300, 400)).astype(np.uint8)


@given(st.data())
def test_a_second_view_shows_the_first_and_more(
    data: st.DataObject,
) -> None:
    rows, cols = data.draw(st.integers(1, 3000)), data.draw(st.integers(1, 3000))
    r0, c0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1))
    r1 = data.draw(st.integers(r0 + 1, rows))
    c1 = data.draw(st.integers(c0 + 1, cols))
    first = View((rows, cols), (r0, c0, r1, c1), 512)
    second = second_view(first)
    s0, t0, s1, t1 = second.window
    assert 0 <= s0 <= r0 < r1 <= s1 <= rows
    assert 0 <= t0 <= c0 < c1 <= t1 <= cols
    assert second.transposed
    assert second.image_size == 512


def test_two_answers_meet_in_the_middle() -> None:
    view = View.whole((40, 40), 64)
    low = Prediction(0.4, np.full((16, 16), -1, np.float32), view)
    high = Prediction(0.8, np.full((16, 16), 2, np.float32), view)
    both = agreed(low, high)
    assert both.score == pytest.approx(0.6)
    np.testing.assert_allclose(both.logits, 0.5)
    assert both.logits.dtype == np.float32


def test_of_several_second_answers_the_one_about_the_same_object_counts() -> None:
    view = View.whole((40, 40), 64)
    left, right = np.full((2, 16, 16), -4, np.float32)
    left[:, :8], right[:, 8:] = 4, 4
    one, other = Prediction(0.5, left, view), Prediction(0.9, right, view)
    both = agreed(one, replace(other, alternatives=(other, one)))
    np.testing.assert_array_equal(both.logits, left)


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts((Point(120, 250),)),
        Prompts((Point(120, 250), Point(30, 20, False))),
        Prompts(box=Box(100, 240, 140, 260)),
        Prompts(
            (Point(120, 250),),
            mask=MaskPrompt(np.arange(256, dtype=np.float32).reshape(16, 16)),
        ),
    ],
)
def test_a_transposed_view_gives_the_same_answer_of_a_model_without_a_bias(
    prompts: Prompts,
) -> None:
    engine = FakeEngine()
    segmenter = Segmenter(engine=engine)
    image = segmenter.embed(IMAGE)
    turned = segmenter.embed_view(image, replace(image.view, transposed=True))
    np.testing.assert_array_equal(engine.images[1], engine.images[0].swapaxes(0, 1))
    one = segmenter.predict_prompts(image, prompts)
    other = segmenter.predict_prompts(turned, prompts)
    np.testing.assert_allclose(other.mask, one.mask)
    upright, sideways = engine.prompts
    if prompts.mask is not None:
        np.testing.assert_array_equal(
            sideways["masks"], upright["masks"].swapaxes(-1, -2)
        )
    if prompts.box is not None:
        np.testing.assert_allclose(
            sideways["boxes"][0], upright["boxes"][0][[1, 0, 3, 2]]
        )


def test_a_second_look_is_taken_once_of_large_objects_too() -> None:
    engine = FakeEngine()
    segmenter = Segmenter(engine=engine, zoom=True).set_image(IMAGE)
    segmenter.second_look = True
    first = segmenter.predict(points=[(150, 200)])
    assert len(engine.images) == 2
    assert first.view == View.whole((300, 400), 64)
    assert len(first.alternatives) == 3
    segmenter.predict(points=[(150, 200)])
    assert len(engine.images) == 2


def test_a_candidate_that_was_chosen_is_not_chosen_anew() -> None:
    segmenter = Segmenter(engine=FakeEngine())
    segmenter.second_look = True
    image = segmenter.embed(IMAGE)
    prompts = Prompts((Point(150, 200),))
    several = segmenter.predict_prompts(image, prompts).alternatives
    part = replace(several[2], alternatives=several)
    found = segmenter.look_closer(image, prompts, part)
    # An object in a session comes without alternatives, and is answered alike.
    alone = segmenter.look_closer(image, prompts, part.alone())
    assert found.score == alone.score == pytest.approx(0.7)
    np.testing.assert_array_equal(found.logits, alone.logits)
    np.testing.assert_array_equal(found.logits, found.alternatives[2].logits)


class Reaching(FakeEngine):
    """Sees an arm of the object in the second view; in the first, nearly its hand."""

    def decode(self, embedding, **prompts):  # type: ignore[no-untyped-def]
        decoded = super().decode(embedding, **prompts)
        if embedding.payload == 1:
            decoded.logits[..., 0, 8] = -1
        else:
            decoded.logits[..., 8, :8] = np.maximum(decoded.logits[..., 8, :8], 1)
            decoded.logits[..., 8, 0] = 9
        return decoded


@pytest.mark.parametrize("clean", [True, False])
def test_the_mean_of_two_answers_has_no_specks(clean: bool) -> None:
    segmenter = Segmenter(engine=Reaching(), zoom=True).set_image(IMAGE)
    segmenter.second_look = True
    segmenter.clean = clean
    found = segmenter.predict(points=[(150, 200)])
    assert found.logits[8, 8] > 0
    for one in (found, *found.alternatives[1:]):
        assert (one.logits[0, 8] > 0) != clean


class Forgetful(FakeEngine):
    """Loses the object whenever it is shown a mask."""

    def decode(self, embedding, **prompts):  # type: ignore[no-untyped-def]
        decoded = super().decode(embedding, **prompts)
        if prompts["masks"] is not None:
            decoded.logits[:] = -5
        return decoded


@pytest.mark.parametrize("clean", [True, False])
def test_a_correction_that_loses_the_object_is_asked_anew(clean: bool) -> None:
    segmenter = Segmenter(engine=Forgetful()).set_image(IMAGE)
    segmenter.clean = clean
    found = segmenter.predict(points=[(150, 200)])
    corrected = segmenter.predict(
        points=[(150, 200), (20, 30)], labels=[1, 0], mask=found
    )
    assert (corrected.area > 0) == clean


class Unsure(FakeEngine):
    """Loses the object in its single mask as soon as there are two points."""

    def decode(self, embedding, **prompts):  # type: ignore[no-untyped-def]
        decoded = super().decode(embedding, **prompts)
        if not prompts["multimask"] and prompts["points"].shape[1] > 1:
            decoded.logits[:] = -5
        return decoded


def test_an_object_that_every_single_mask_loses_is_among_the_candidates() -> None:
    segmenter = Segmenter(engine=Unsure()).set_image(IMAGE)
    segmenter.clean = True
    found = segmenter.predict(points=[(150, 200)])
    corrected = segmenter.predict(
        points=[(150, 200), (20, 30)], labels=[1, 0], mask=found
    )
    np.testing.assert_array_equal(corrected.mask, found.mask)


def test_without_the_mask_places_beside_the_object_say_nothing() -> None:
    engine = Forgetful()
    segmenter = Segmenter(engine=engine).set_image(IMAGE)
    segmenter.clean = True
    found = segmenter.predict(points=[(150, 200)])
    corrected = segmenter.predict(points=[(20, 30)], labels=[0], mask=found)
    assert corrected.area == 0  # rather nothing than what was pointed away from
    assert engine.prompts[-1]["masks"] is not None
    segmenter.predict(points=[(9, 9)], labels=[0], box=(90, 90, 200, 300), mask=found)
    assert engine.prompts[-1]["masks"] is None


def test_points_count_as_followed_on_their_side_of_the_outline() -> None:
    logits = np.full((16, 16), -1, np.float32)
    logits[:8] = 1
    found = Prediction(0.5, logits, View.whole((160, 160), 64))
    points = (Point(20, 20), Point(20, 120, False), Point(120, 20, False))
    assert followed(found, Prompts(points)) == pytest.approx(2 / 3)
    assert followed(found, Prompts(box=Box(0, 0, 9, 9))) == 1
