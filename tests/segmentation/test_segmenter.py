"""An image and prompts in, a mask out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.errors import Cancelled, ImageError, PromptError
from napari_sam2.segmentation.embeddings import EmbeddingCache
from napari_sam2.segmentation.prompts import Box, MaskPrompt, Point, Prompts
from napari_sam2.segmentation.segmenter import Segmenter
from tests.segmentation.fakes import FakeEngine

IMAGE = np.random.default_rng(0).integers(0, 5000, (100, 200)).astype(np.uint16)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def segmenter(engine: FakeEngine) -> Segmenter:
    return Segmenter(engine=engine).set_image(IMAGE)


def test_a_point_is_row_and_column(segmenter: Segmenter) -> None:
    prediction = segmenter.predict(points=[(40, 120)])
    rows, cols = np.nonzero(prediction.mask)
    assert prediction.mask.shape == (100, 200)
    assert rows.mean() == pytest.approx(40, abs=1)
    assert cols.mean() == pytest.approx(120, abs=1)


def test_prompts_reach_the_engine_in_the_models_pixels(
    segmenter: Segmenter, engine: FakeEngine
) -> None:
    segmenter.predict([(49.5, 99.5), (9.5, 19.5)], [1, 0], box=(-0.5, 0, 99.5, 100))
    (asked,) = engine.prompts
    np.testing.assert_allclose(asked["points"], [[[31.5, 31.5], [5.9, 5.9]]])
    np.testing.assert_array_equal(asked["labels"], [[1, 0]])
    assert asked["boxes"].shape == (1, 4)
    assert asked["masks"] is None
    dtypes = [asked[k].dtype for k in ("points", "labels", "boxes")]
    assert dtypes == [np.float32, np.int32, np.float32]


def test_a_single_point_gives_the_best_of_three(segmenter: Segmenter) -> None:
    prediction = segmenter.predict(points=(30, 150))
    scores = [candidate.score for candidate in prediction.alternatives]
    assert scores == pytest.approx([0.5, 0.9, 0.7])
    assert prediction.score == pytest.approx(0.9)
    assert prediction.logits is prediction.alternatives[1].logits


@pytest.mark.parametrize("cut", [False, True])
def test_an_answer_alone_holds_no_memory_of_the_others(
    segmenter: Segmenter, cut: bool
) -> None:
    prediction = segmenter.predict(points=(30, 150))
    if cut:
        prediction.cut()
    alone = prediction.alone()
    assert alone.alternatives == ()
    assert alone.logits.base is None
    assert alone.bbox == prediction.bbox
    np.testing.assert_array_equal(alone.logits, prediction.logits)
    np.testing.assert_array_equal(alone.crop, prediction.crop)
    assert (alone.crop is prediction.crop) == cut


@pytest.mark.parametrize(
    "prompts",
    [
        {"points": [(30, 150), (31, 151)]},
        {"box": (10, 20, 30, 40)},
        {"points": (30, 150), "box": (10, 20, 30, 40)},
        {"mask": np.zeros((16, 16))},
    ],
)
def test_clear_prompts_give_one_answer(
    segmenter: Segmenter, prompts: dict[str, Any]
) -> None:
    prediction = segmenter.predict(**prompts)
    assert prediction.alternatives == ()
    assert len(segmenter.predict(**prompts, multimask=True).alternatives) == 3


def test_one_answer_can_be_asked_of_a_single_point(segmenter: Segmenter) -> None:
    assert segmenter.predict(points=(30, 150), multimask=False).alternatives == ()


@pytest.mark.parametrize("labels", [None, [1, 1], [True, True], np.ones(2, np.uint8)])
def test_points_are_inside_unless_said_otherwise(
    segmenter: Segmenter, engine: FakeEngine, labels: Any
) -> None:
    segmenter.predict([(1, 2), (3, 4)], labels)
    np.testing.assert_array_equal(engine.prompts[0]["labels"], [[1, 1]])


def test_an_answer_is_refined_by_its_prediction_its_logits_or_a_mask_prompt(
    segmenter: Segmenter, engine: FakeEngine
) -> None:
    first = segmenter.predict(points=(30, 150))
    for mask in (first, first.logits, MaskPrompt(first.logits)):
        segmenter.predict(points=(30, 150), mask=mask)
        asked = engine.prompts[-1]["masks"]
        assert asked.dtype == np.float32
        np.testing.assert_array_equal(asked, first.logits[None, None])


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({}, "at least a point"),
        ({"points": []}, "at least a point"),
        ({"points": [(-0.6, 5)]}, "outside of the image"),
        ({"points": [(5, 5), (5, 199.5)]}, "outside of the image"),
        ({"points": [(100, 5)]}, "row 100, column 5"),
        ({"points": [(np.nan, 5)]}, "finite"),
        ({"points": [(1, 2, 3)]}, "shape"),
        ({"points": [[(1, 2)]]}, "shape"),
        ({"points": "here"}, "numbers"),
        ({"points": [(1, 2), (3,)]}, "numbers"),
        ({"points": (1, 2), "labels": [1, 0]}, "one number for each"),
        ({"points": (1, 2), "labels": [2]}, "1 inside, 0 outside"),
        ({"labels": [1]}, "without points"),
        ({"box": (1, 2, 3)}, "row_min"),
        ({"box": (5, 5, 1, 9)}, "turned around"),
        ({"box": (200, 5, 220, 9)}, "outside of the image"),
        ({"box": (5, -20, 9, -3)}, "outside of the image"),
        ({"mask": np.zeros((8, 8))}, "another model"),
        ({"mask": np.zeros((16, 8))}, "square"),
    ],
)
def test_bad_prompts_are_said_in_words(
    segmenter: Segmenter, prompts: dict[str, Any], message: str
) -> None:
    with pytest.raises(PromptError, match=message):
        segmenter.predict(**prompts)
    assert segmenter.predict(points=(5, 5))


def test_the_mask_of_another_image_is_not_refined_here(
    segmenter: Segmenter, engine: FakeEngine
) -> None:
    other = Segmenter(engine=engine).set_image(np.eye(50)).predict(points=(5, 5))
    with pytest.raises(PromptError, match="another image"):
        segmenter.predict(points=(5, 5), mask=other)


def test_a_box_is_cut_off_at_the_outermost_pixels(
    segmenter: Segmenter, engine: FakeEngine
) -> None:
    segmenter.predict(box=(-30, 20, 50, 1000))
    segmenter.predict(box=(0, 20, 50, 199))
    beyond, within = (asked["boxes"] for asked in engine.prompts)
    np.testing.assert_array_equal(beyond, within)


def test_an_image_comes_first(engine: FakeEngine) -> None:
    segmenter = Segmenter(engine=engine)
    with pytest.raises(ImageError, match="set_image first"):
        segmenter.predict(points=(5, 5))
    segmenter.set_image(IMAGE).reset()
    with pytest.raises(ImageError, match="set_image first"):
        segmenter.predict(points=(5, 5))


def test_an_image_that_fails_leaves_none_behind(segmenter: Segmenter) -> None:
    with pytest.raises(ImageError, match="empty"):
        segmenter.set_image(np.zeros((0, 3)))
    with pytest.raises(ImageError, match="set_image first"):
        segmenter.predict(points=(5, 5))


def test_the_same_pixels_are_encoded_once(
    segmenter: Segmenter, engine: FakeEngine
) -> None:
    first = segmenter.embed(IMAGE)
    again = segmenter.embed(IMAGE.copy())
    assert len(engine.images) == 1
    assert again.embedding is first.embedding
    assert again.key == first.key
    segmenter.embed(IMAGE, limits=(0, 100))
    segmenter.embed(IMAGE.T)
    assert len(engine.images) == 3


def test_segmenters_can_share_their_embeddings() -> None:
    cache = EmbeddingCache()
    engines = [FakeEngine("a"), FakeEngine("a"), FakeEngine("b")]
    for engine in engines:
        Segmenter(engine=engine, cache=cache).set_image(IMAGE)
    assert [len(engine.images) for engine in engines] == [1, 0, 1]


def test_the_engine_sees_rgb_bytes(engine: FakeEngine) -> None:
    segmenter = Segmenter(engine=engine)
    for image in (IMAGE, np.random.default_rng(0).random((7, 5, 4)), [[0, 1], [2, 3]]):
        segmenter.embed(image)
        assert engine.images[-1].dtype == np.uint8
        assert engine.images[-1].shape[2] == 3


def test_a_cancelled_embedding_is_not_kept(engine: FakeEngine) -> None:
    segmenter, cancel = Segmenter(engine=engine), CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        segmenter.embed(IMAGE, cancel=cancel)
    assert len(segmenter.cache) == 0
    segmenter.embed(IMAGE)
    assert len(engine.images) == 1


def test_progress_begins_before_the_engine_and_tells_of_no_cached_work(
    engine: FakeEngine,
) -> None:
    fractions: list[float] = []
    segmenter = Segmenter(engine=engine)
    segmenter.embed(IMAGE, progress=fractions.append)
    segmenter.embed(IMAGE, progress=fractions.append)
    assert fractions == [0.0, 1.0]


def test_prompts_as_a_value_give_the_same_as_arrays(segmenter: Segmenter) -> None:
    prompts = Prompts((Point(30, 150), Point(5, 5, inside=False)), Box(9, 9, 50, 180))
    value = segmenter.predict_prompts(segmenter.embed(IMAGE), prompts)
    arrays = segmenter.predict([(30, 150), (5, 5)], [1, 0], box=(9, 9, 50, 180))
    np.testing.assert_array_equal(value.logits, arrays.logits)
    assert value.bbox == arrays.bbox


def test_names_and_device_are_those_of_the_engine(segmenter: Segmenter) -> None:
    assert segmenter.model == "fake"
    assert segmenter.device == "cpu"
