"""After a click, objects become sharper without anybody waiting for it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.overlap import OVERWRITE
from napari_sam2.annotation.planes import Plane
from napari_sam2.engines.cancellation import CancelToken
from tests.annotation.conftest import A, B, C
from tests.annotation.fakes import discs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.annotation.ledger import Ledger
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.segmentation.prediction import Prediction
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


def test_the_mouse_is_answered_while_an_object_is_looked_at_again(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    at_once = click_held(session, segmenter, A)
    # Hovers, and waits for the answer.
    assert click_held(session, segmenter, B) > 0
    assert session.store is not None
    assert np.count_nonzero(session.store.array() == 1) == at_once
    segmenter.hold_look.set()
    assert area(session) > at_once


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


def paint(store: ArrayLabels, places: tuple[np.ndarray, ...], label: int) -> None:
    """Do what a brush does."""
    change = PixelChange.between(store.shape, places, store.read(places), label)
    change.apply(store)
    store.edited.emit([change])


def look_of(
    session: AnnotationSession, segmenter: FakeSegmenter, label: int
) -> Prediction:
    found = session.objects[label]
    encoded = session._inference.encoded
    assert encoded is not None
    return segmenter.look_closer(encoded.image, found.prompts, found.prediction)


@pytest.fixture
def ledger(session: AnnotationSession, segmenter: FakeSegmenter) -> Ledger:
    """Two objects, one pixel apart, that have not been looked at more closely."""
    session.sharpen = False
    session.overwrite = True
    session.set_plane(Plane.of_array(discs([A, (16, 30), C])))
    session.click(*A)
    session.click(16, 30)
    session.wait()
    assert session._ledgers.chosen is not None
    return session._ledgers.chosen


def test_it_takes_nothing_of_a_later_object(
    session: AnnotationSession, segmenter: FakeSegmenter, ledger: Ledger
) -> None:
    first, second = (area(session, label) for label in (1, 2))
    old = session.objects[1]
    wide = look_of(session, segmenter, 1)
    for _ in range(2):
        wide = replace(wide, logits=ndimage.grey_dilation(wide.logits, 3))
    ledger.sharpen(old, wide, overlap=OVERWRITE)
    assert area(session, 1) > first
    assert area(session, 2) == second
    session.undo()
    assert area(session, 2) == 0
    session.undo()
    assert not session.labels.any()
    session.redo()
    session.redo()
    assert area(session, 2) == second
    assert session.objects[1].prediction is wide


def test_what_was_taken_back_can_be_done_again_exactly(
    session: AnnotationSession, segmenter: FakeSegmenter, ledger: Ledger
) -> None:
    sharper = look_of(session, segmenter, 1)
    session.undo()
    one = ledger.sharpen(session.objects[1], sharper)
    assert session.objects[1] is one
    alone = session.labels.copy()
    session.redo()
    both = session.labels.copy()
    session.undo()
    np.testing.assert_array_equal(session.labels, alone)
    assert session.current is one
    session.redo()
    np.testing.assert_array_equal(session.labels, both)


def test_a_correction_that_was_taken_back_can_be_made_again_exactly(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.sharpen = False
    session.click(*A)
    session.wait()
    sharper = look_of(session, segmenter, 1)
    before = session.labels.copy()
    session.add(*B)
    after = session.labels.copy()
    session.undo()
    assert session._ledgers.chosen is not None
    session._ledgers.chosen.sharpen(session.objects[1], sharper)
    session.redo()
    np.testing.assert_array_equal(session.labels, after)
    session.undo()
    np.testing.assert_array_equal(session.labels, before)


@pytest.mark.parametrize("erased", [slice(None), slice(5)])
def test_what_somebody_has_erased_meanwhile_does_not_come_back(
    session: AnnotationSession, segmenter: FakeSegmenter, erased: slice
) -> None:
    click_held(session, segmenter, A)
    store = session.store
    assert isinstance(store, ArrayLabels)
    rows, cols = np.nonzero(store.array())
    paint(store, (rows[erased], cols[erased]), 0)
    painted = store.array().copy()
    segmenter.hold_look.set()
    session.wait()
    np.testing.assert_array_equal(session.labels, painted)


def test_labels_that_were_forgotten_meanwhile_are_left_alone(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    at_once = click_held(session, segmenter, A)
    store = session.store
    assert store is not None
    session.forget_labels(store)
    segmenter.hold_look.set()
    session.wait()
    assert np.count_nonzero(store.array()) == at_once


def test_it_paints_over_others_if_the_click_did(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    store = session.store
    assert store is not None
    store.write((np.array([16]), np.array([23])), 9)
    session.overwrite = True
    click_held(session, segmenter, A)
    session.overwrite = False
    segmenter.hold_look.set()
    session.wait()
    assert area(session, 9) == 0


def test_a_draft_whose_keeping_was_undone_is_not_kept_by_leaving_it(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.collect = True
    click_held(session, segmenter, A)
    session.done()
    segmenter.hold_look.set()
    session._inference.wait_for_answer(5)
    session.undo()
    session.wait()
    session.active = False
    assert not session.labels.any()


@pytest.mark.parametrize("off", [False, True])
def test_no_preview_appears_where_the_mouse_rests(
    session: AnnotationSession, segmenter: FakeSegmenter, off: bool
) -> None:
    click_held(session, segmenter, A)
    session.active = not off
    segmenter.hold_look.set()
    session.wait()
    assert session.objects[1].prediction.score == pytest.approx(0.95)
    assert session.preview is None


def test_a_preview_of_the_next_object_stays(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    click_held(session, segmenter, A)
    session.hover(*B)
    previews: list[object] = []
    session.preview_changed.connect(previews.append)
    segmenter.hold_look.set()
    session.wait()
    assert None not in previews
    assert session.preview is not None
    assert session.preview.prompts.points[0][:2] == B


def test_switching_it_off_takes_back_what_was_asked_for(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    click_held(session, segmenter, A)
    session.sharpen = False
    session.wait(timeout=5)  # would time out: the closer look is held up
    assert session.objects[1].prediction.score == pytest.approx(0.9)


def _otherwise(prediction: Prediction, seed: int) -> Prediction:
    """See an object larger, smaller, or elsewhere."""
    mask = prediction.logits > 0
    seen = (
        ndimage.binary_dilation(mask, iterations=6),
        ndimage.binary_erosion(mask, iterations=3),
        np.roll(mask, 4, axis=0),
    )[seed % 3]
    logits = np.where(seen, 8.0, -8.0).astype(np.float32)
    return replace(prediction, score=0.95, logits=logits)


@pytest.mark.parametrize("seed", range(30))
def test_whenever_it_comes_undo_and_redo_are_exact(
    session: AnnotationSession, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    places = [(10, 10), (10, 23), (10, 36), (23, 10), (23, 23)]
    chosen = random.Random(seed)
    session.set_plane(Plane.of_array(discs(places)))
    session.wait()
    store = session.store
    assert isinstance(store, ArrayLabels)
    looks: list[tuple[CancelToken, Callable[[], None]]] = []

    def later(
        _: Any, __: Any, found: Prediction, done: Callable[[Prediction], None], ___: Any
    ) -> CancelToken:
        sharper = _otherwise(found, seed + len(looks))
        looks.append((CancelToken(), lambda: done(sharper)))
        return looks[-1][0]

    def look() -> None:
        if looks:
            token, answer = looks.pop(chosen.randrange(len(looks)))
            # Some were cancelled when they had just been answered.
            if not token.cancelled or chosen.random() < 0.5:
                answer()

    def stroke() -> None:
        row, col = chosen.randrange(40), chosen.randrange(40)
        rows, cols = np.mgrid[row : row + 6, col : col + 6]
        paint(store, (rows.ravel(), cols.ravel()), chosen.choice([0, 0, 1, 2, 30]))

    def switch(mode: str) -> None:
        setattr(session, mode, not getattr(session, mode))

    monkeypatch.setattr(session._inference.decoding, "look_closer", later)
    acts: list[Callable[[], None]] = [
        *(lambda: session.click(*chosen.choice(places)),) * 4,
        lambda: session.add(*chosen.choice(places)),
        lambda: session.remove(*chosen.choice(places)),
        *(session.undo,) * 3,
        session.redo,
        session.done,
        session.drop,
        session.wait,
        stroke,
        *(look,) * 4,
        lambda: switch("overwrite"),
        lambda: switch("collect"),
    ]
    for _ in range(30):
        chosen.choice(acts)()
    session.wait()
    while looks:
        look()
    session.done()

    def every(step: Callable[[], None]) -> list[np.ndarray]:
        states = [store.array().copy()]
        while session.can_redo if step == session.redo else session.can_undo:
            step()
            states.append(store.array().copy())
        return states

    every(session.redo)
    back = every(session.undo)
    forth = every(session.redo)
    assert not back[-1].any()
    assert len(back) == len(forth)
    for one, other in zip(back, reversed(forth), strict=True):
        np.testing.assert_array_equal(one, other)
