"""What all engines have in common, whatever computes."""

from __future__ import annotations

from threading import Event, Thread, Timer
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.engines.base import Embedding
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.engines.torch import TorchEngine
from napari_sam2.errors import Cancelled, EngineError
from tests.engines.official import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from napari_sam2.engines.base import Engine

POINT = np.full((1, 1, 2), 100, dtype=np.float32)
INSIDE = np.ones((1, 1), dtype=np.int32)


@pytest.fixture(scope="module")
def embedding(engine: Engine) -> Embedding:
    return engine.encode(picture(100, 150))


def test_says_what_it_is(engine: Engine) -> None:
    assert engine.device == "cpu"
    assert engine.precision == "fp32"
    assert engine.image_size == 256
    assert engine.mask_size == 64


def test_the_same_prompts_give_the_same_answer(
    engine: Engine, embedding: Embedding
) -> None:
    one = engine.decode(embedding, points=POINT, labels=INSIDE, multimask=True)
    two = engine.decode(embedding, points=POINT, labels=INSIDE, multimask=True)
    np.testing.assert_array_equal(one.logits, two.logits)
    np.testing.assert_array_equal(one.scores, two.scores)


def test_what_is_decoded_while_another_image_is_encoded_is_the_same(
    engine: Engine, embedding: Embedding
) -> None:
    alone = engine.decode(embedding, points=POINT, labels=INSIDE, multimask=True)
    began, over = Event(), Event()
    made: list[Embedding] = []

    def encode() -> None:
        while not over.is_set():
            made[:] = [engine.encode(picture(100, 150), progress=lambda _: began.set())]

    encoding = Thread(target=encode)
    encoding.start()
    try:
        assert began.wait(60)
        for _ in range(10):
            found = engine.decode(
                embedding, points=POINT, labels=INSIDE, multimask=True
            )
            np.testing.assert_array_equal(found.logits, alone.logits)
    finally:
        over.set()
        encoding.join(60)
    again = engine.decode(made[0], points=POINT, labels=INSIDE, multimask=True)
    np.testing.assert_array_equal(again.logits, alone.logits)


def test_read_only_prompts_are_taken(engine: Engine, embedding: Embedding) -> None:
    masks = np.zeros((1, 1, 64, 64), dtype=np.float32)
    masks.flags.writeable = False
    engine.decode(embedding, masks=masks)


@pytest.mark.parametrize(
    "prompts",
    [
        {},
        {"points": POINT},
        {"labels": INSIDE},
        {"points": POINT, "labels": np.ones((1, 2), np.int32)},
        {"points": POINT[0], "labels": INSIDE},
        {"points": np.zeros((2, 1, 2)), "labels": np.ones((2, 1)), "boxes": [[0] * 4]},
        {"boxes": np.zeros((1, 3))},
        {"masks": np.zeros((1, 1, 32, 32))},
        {"masks": np.zeros((1, 64, 64))},
    ],
)
def test_prompts_that_form_no_batch_are_an_error(
    engine: Engine, embedding: Embedding, prompts: dict[str, Any]
) -> None:
    arrays = {name: np.asarray(value) for name, value in prompts.items()}
    with pytest.raises(EngineError, match="do not form one batch"):
        engine.decode(embedding, **arrays)


def test_the_embedding_of_another_engine_or_model_is_an_error(
    engine: Engine, small_model: nn.Module
) -> None:
    other = TorchEngine(small_model, "cpu").encode(picture(64, 64))
    for embedding in (Embedding("something", 9), other):
        with pytest.raises(EngineError, match="another engine or model"):
            engine.decode(embedding, points=POINT, labels=INSIDE)


def test_more_prompts_than_go_into_one_batch_are_answered_in_order(
    engine: Engine, embedding: Embedding
) -> None:
    places = np.linspace(10, 240, 70, dtype=np.float32)
    points = np.repeat(places[:, None, None], 2, axis=2)
    labels = np.ones((70, 1), dtype=np.int32)
    together = engine.decode(embedding, points=points, labels=labels, multimask=True)
    assert together.logits.shape == (70, 3, 64, 64)
    assert together.scores.shape == (70, 3)
    for k in (0, 9, 69):
        alone = engine.decode(
            embedding, points=points[k : k + 1], labels=labels[:1], multimask=True
        )
        np.testing.assert_allclose(together.logits[k], alone.logits[0], atol=1e-4)


def test_an_encode_that_was_cancelled_before_does_not_begin(engine: Engine) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.encode(picture(64, 64), cancel=token)


class CancelledOnTheWay(CancelToken):
    """Raised as soon as a native call can be ended by it."""

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        remove = super().on_cancel(callback)
        self.cancel()
        return remove


def test_a_cancelled_encode_ends_and_the_engine_goes_on(engine: Engine) -> None:
    image = picture(200, 100)
    before = engine.decode(engine.encode(image), points=POINT, labels=INSIDE)
    token = CancelledOnTheWay()
    with pytest.raises(Cancelled):
        # torch looks at the token itself, between the blocks.
        engine.encode(
            image,
            cancel=token,
            progress=lambda _: token.cancel() if engine.name == "torch" else None,
        )
    after = engine.decode(engine.encode(image), points=POINT, labels=INSIDE)
    np.testing.assert_array_equal(before.logits, after.logits)


def test_an_encode_can_be_cancelled_at_any_instant(engine: Engine) -> None:
    image = picture(256, 256)
    whole = engine.encode(image)
    start = perf_counter()
    engine.encode(image)
    takes = perf_counter() - start
    cancelled = 0
    for share in np.linspace(0.05, 0.9, 12):
        token = CancelToken()
        timer = Timer(float(share) * takes, token.cancel)
        timer.start()
        try:
            embedding = engine.encode(image, cancel=token)
        except Cancelled:
            cancelled += 1
        else:
            # It was over before: then it is as good as any.
            answer = engine.decode(embedding, points=POINT, labels=INSIDE)
            expected = engine.decode(whole, points=POINT, labels=INSIDE)
            np.testing.assert_array_equal(answer.logits, expected.logits)
        timer.join()
    assert cancelled > 0
    after = engine.decode(engine.encode(image), points=POINT, labels=INSIDE)
    before = engine.decode(whole, points=POINT, labels=INSIDE)
    np.testing.assert_array_equal(after.logits, before.logits)


def test_progress_begins_at_nothing_and_ends_at_all(engine: Engine) -> None:
    fractions: list[float] = []
    engine.encode(picture(64, 64), progress=fractions.append)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)


@pytest.mark.parametrize("engine", ["OpenVINO"], indirect=True)
def test_an_engine_that_computes_no_numbers_says_so(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = engine._run

    def spoilt(graph: Any, *arguments: Any) -> Any:
        found = run(graph, *arguments)
        if graph is engine._graphs["encoder"]:
            found[0] = np.full_like(engine._array(found[0]), np.nan)
        return found

    monkeypatch.setattr(engine, "_run", spoilt)
    with pytest.raises(EngineError, match="OpenVINO computes no numbers in fp32"):
        engine.encode(picture(64, 64))


def test_a_gray_image_is_one_of_equal_channels(engine: Engine) -> None:
    gray = picture(90, 120)[..., 0]
    wide = np.broadcast_to(gray[..., None], (*gray.shape, 3))
    for image in (wide, np.ascontiguousarray(wide)):
        answer = engine.decode(engine.encode(image), points=POINT, labels=INSIDE)
        if image is wide:
            first = answer
    np.testing.assert_array_equal(first.logits, answer.logits)
