"""The preview: what a click would do, at the price of few decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.objects import Pointing
from napari_sam2.annotation.planes import Plane
from tests.annotation.conftest import A, B, C
from tests.annotation.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession

BETWEEN = (30, 30)


def test_the_preview_says_what_a_click_would_do(session: AnnotationSession) -> None:
    session.hover(*A)
    session.wait()
    preview = session.preview
    assert preview.pointing is Pointing.NEW
    assert preview.label == 1
    assert not session.store.array().any()
    session.click(*A)
    session.hover(*B, Pointing.ADD)
    session.wait()
    assert session.preview.pointing is Pointing.ADD
    assert session.preview.label == 1
    assert len(session.preview.prompts.points) == 2
    session.hover(*B)
    session.wait()
    assert session.preview.label == 2


def test_a_previewed_mask_is_kept_without_computing_it_again(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.hover(*A)
    session.wait()
    shown = session.preview.prediction
    session.click(*A)
    np.testing.assert_array_equal(session.objects[1].prediction.logits, shown.logits)
    np.testing.assert_array_equal(session.labels == 1, shown.mask)
    assert len(segmenter.decodes) == 1


def test_hovering_where_the_mouse_rests_decodes_nothing_twice(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    for _ in range(3):
        session.hover(*A)
        session.wait()
    assert len(segmenter.decodes) == 1


def test_hovering_while_encoding_previews_as_soon_as_it_can(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.set_plane(Plane.of_array(discs([B])))
    session.hover(*B)
    segmenter.hold_encode.set()
    session.wait()
    assert session.preview.prompts.points[0][:2] == B


def test_a_mouse_that_comes_back_keeps_the_preview_of_its_place(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.hover(*A)
    session.wait()
    segmenter.hold_decode.clear()
    session.hover(*B)
    session.hover(*A)
    segmenter.hold_decode.set()
    session.wait()
    assert session.preview.prompts.points[0][:2] == A


def test_leaving_the_image_drops_the_preview_and_what_was_on_its_way(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.hover(*A)
    session.wait()
    segmenter.hold_decode.clear()
    session.hover(*B)
    session.hover(-9, -9)
    segmenter.hold_decode.set()
    session.wait()
    assert session.preview is None


def test_no_preview_of_an_older_generation_is_drawn(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    drawn: list[Any] = []
    session.preview_changed.connect(drawn.append)
    segmenter.hold_decode.clear()
    session.hover(*A)
    session.set_plane(Plane.of_array(image[::-1].copy()))
    segmenter.hold_decode.set()
    session.wait()
    assert all(p is None or p.generation == session.generation for p in drawn)
    assert session.preview is None


def test_a_thousand_moves_cost_few_decodes_and_end_at_the_last_place(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, 64, (999, 2)).tolist(), C]
    segmenter.hold_decode.clear()
    for number, (row, col) in enumerate(places):
        session.hover(row, col)
        if number % 100 == 99:
            # One decode gets through for every hundred moves.
            segmenter.hold_decode.set()
            session.wait()
            segmenter.hold_decode.clear()
    segmenter.hold_decode.set()
    session.wait()
    print(f"{len(places)} moves, {len(segmenter.decodes)} decodes")
    assert len(segmenter.decodes) <= 2 * 10 + 1
    np.testing.assert_array_equal(session.preview.prediction.mask, image == 140)
