"""After a click, small objects become sharper without anybody waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.annotation.conftest import A, B

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from tests.annotation.fakes import FakeSegmenter


@pytest.fixture(autouse=True)
def _zoom(session: AnnotationSession, segmenter: FakeSegmenter) -> None:
    segmenter.zoom = True


def area(session: AnnotationSession, label: int = 1) -> int:
    return int(np.count_nonzero(session.labels == label))


def click_held(
    session: AnnotationSession, segmenter: FakeSegmenter, place: tuple[int, int]
) -> int:
    """Click while closer looks are held up; return the area of the new object."""
    segmenter.hold_look.clear()
    session.hover(*place)
    while session.preview is None or session.preview.prompts.points[0][:2] != place:
        session._inference.wait_for_answer(5)
        session.process()
    session.click(*place)  # the preview is kept: at once
    store = session.store
    assert store is not None
    return int(np.count_nonzero(store.array() == session.next_label - 1))


def test_a_kept_object_is_there_at_once_and_sharper_a_little_later(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    at_once = click_held(session, segmenter, A)
    assert at_once > 0
    segmenter.hold_look.set()
    assert area(session) > at_once
    assert session.current is session.objects[1]
    assert session.objects[1].prediction.score == pytest.approx(0.95)


def test_one_undo_takes_back_the_object_and_its_sharpening(
    session: AnnotationSession,
) -> None:
    before = session.labels.copy()
    session.click(*A)
    after = session.labels.copy()
    session.undo()
    np.testing.assert_array_equal(session.labels, before)
    assert not session.can_undo
    session.redo()
    np.testing.assert_array_equal(session.labels, after)


def test_an_object_clicked_meanwhile_keeps_its_pixels(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    click_held(session, segmenter, A)
    store = session.store
    assert store is not None
    # Somebody paints right beside it while the closer look is on its way.
    near = (np.array([16]), np.array([23]))
    assert store.read(near) == 0
    store.write(near, 9)
    segmenter.hold_look.set()
    session.wait()
    assert store.read(near) == 9
    session.undo()
    assert store.read(near) == 9
    assert area(session) == 0


def test_both_of_two_quick_clicks_become_sharper_and_undo_in_order(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_look.clear()
    session.click(*A)
    session.click(*B)
    segmenter.hold_look.set()
    session.wait()
    assert {o.prediction.score for o in session.objects.values()} == {0.95}
    session.undo()
    assert area(session, 2) == 0
    assert session.current is session.objects[1]
    session.undo()
    assert not session.labels.any()


def test_an_object_that_was_undone_stays_undone(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    click_held(session, segmenter, A)
    session.undo()
    segmenter.hold_look.set()
    assert area(session) == 0
    session.redo()
    assert area(session) > 0


def test_a_draft_that_was_kept_meanwhile_becomes_sharper_too(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.collect = True
    segmenter.hold_look.clear()
    session.click(*A)
    session.done()
    segmenter.hold_look.set()
    session.wait()
    assert session.objects[1].prediction.score == pytest.approx(0.95)


def test_a_draft_shows_its_sharper_mask(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.collect = True
    session.click(*A)
    session.wait()
    assert session.preview is not None
    assert session.preview.prediction.score == pytest.approx(0.95)
    session.undo()
    session.wait()
    assert session.current is None


def test_a_correction_becomes_sharper_and_undo_gives_the_one_before_back(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    first = session.labels.copy()
    session.add(*B)
    assert area(session) > np.count_nonzero(first)
    session.undo()
    np.testing.assert_array_equal(session.labels, first)


def test_nothing_is_looked_at_while_hovering(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_look.clear()
    session.hover(*A)
    session.wait(timeout=5)  # would time out if a closer look were asked for
    assert session.preview is not None
    segmenter.hold_look.set()


def test_it_is_taken_where_it_pays_unless_the_user_says_otherwise(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    assert session.sharpen
    segmenter.zoom = False
    assert not session.sharpen
    session.click(*A)
    session.wait()
    assert session.objects[1].prediction.score == pytest.approx(0.9)
    session.sharpen = True
    session.click(*B)
    session.wait()
    assert session.objects[2].prediction.score == pytest.approx(0.95)
