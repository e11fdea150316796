"""What clicking, correcting, undoing and switching do to the labels."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.errors import (
    LabelsError,
    PromptError,
)
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex
from tests.annotation.conftest import A, B, C
from tests.annotation.fakes import FakeSegmenter, discs

BETWEEN = (30, 30)


def ids_at(session: AnnotationSession, *places: tuple[int, int]) -> list[int]:
    labels = session.labels
    assert labels is not None
    return [int(labels[place]) for place in places]


def test_a_click_keeps_the_object_under_it_at_once(
    session: AnnotationSession, image: np.ndarray
) -> None:
    session.click(*A)
    np.testing.assert_array_equal(session.labels > 0, image == 100)
    assert session.current is not None
    assert session.current.label == 1


def test_each_click_is_one_object(session: AnnotationSession) -> None:
    for place in (A, B, C):
        session.click(*place)
    assert ids_at(session, A, B, C, BETWEEN) == [1, 2, 3, 0]
    assert list(session.objects) == [1, 2, 3]


def test_adding_and_removing_correct_the_current_object(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    session.add(*B)
    assert ids_at(session, A, B) == [1, 1]
    session.remove(*A)
    assert ids_at(session, A, B) == [0, 1]
    assert len(session.objects[1].prompts.points) == 3
    session.undo()
    assert ids_at(session, A, B) == [1, 1]
    session.undo()
    assert ids_at(session, A, B) == [1, 0]
    session.redo()
    assert ids_at(session, A, B) == [1, 1]


def test_a_correction_refines_the_mask_that_was_there(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.click(*A)
    session.add(*B)
    session.wait()
    first, second = segmenter.decodes
    assert first.mask is None
    assert second.mask is not None


def test_adding_without_an_object_begins_one(session: AnnotationSession) -> None:
    session.add(*A)
    session.remove(*B)
    session.done()
    session.remove(*A)
    assert ids_at(session, A, B) == [1, 0]


def test_clicks_in_a_hurry_are_carried_out_in_order(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_decode.clear()
    session.click(*A)
    session.add(*B)
    session.click(*C)
    session.undo()
    session.click(*C)
    segmenter.hold_decode.set()
    assert ids_at(session, A, B, C) == [1, 1, 2]


def test_other_objects_are_not_painted_over_unless_asked(
    session: AnnotationSession,
) -> None:
    labels = session.labels
    assert labels is not None
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.click(*A)
    session.click(*A)
    assert ids_at(session, A) == [1]
    assert len(notices) == 1
    session.overwrite = True
    session.click(*A)
    assert ids_at(session, A) == [2]
    session.undo()
    assert ids_at(session, A) == [1]


def test_correcting_an_object_gives_back_what_it_had_taken(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    session.overwrite = True
    session.click(*B)
    session.add(*A)
    assert ids_at(session, A, B) == [2, 2]
    session.remove(*A)
    assert ids_at(session, A, B) == [1, 2]


def test_undo_and_redo_leave_every_byte_as_it_was(session: AnnotationSession) -> None:
    states = [session.labels.copy()]
    for act, place in [
        (session.click, A),
        (session.add, B),
        (session.remove, A),
        (session.click, C),
    ]:
        act(*place)
        states.append(session.labels.copy())
    for state in reversed(states):
        np.testing.assert_array_equal(session.labels, state)
        session.undo()
    for state in states:
        np.testing.assert_array_equal(session.labels, state)
        session.redo()


def test_an_undone_id_is_used_again(session: AnnotationSession) -> None:
    session.click(*A)
    session.click(*B)
    session.undo()
    session.click(*C)
    assert ids_at(session, A, B, C) == [1, 0, 2]


def test_new_objects_go_on_after_the_largest_id_in_use(
    session: AnnotationSession, image: np.ndarray
) -> None:
    store = ArrayLabels(image.shape)
    store.write((np.array([60]), np.array([60])), 41)
    session.set_labels(store)
    session.click(*A)
    assert ids_at(session, A) == [42]


def test_labels_grow_when_the_ids_run_out(
    session: AnnotationSession, image: np.ndarray
) -> None:
    store = ArrayLabels(image.shape)
    store.write((np.array([60]), np.array([60])), 65535)
    session.set_labels(store)
    session.click(*A)
    assert session.labels.dtype == np.uint32
    assert ids_at(session, A, (60, 60)) == [65536, 65535]


def test_labels_that_are_gone_leave_nothing_in_memory(
    session: AnnotationSession, image: np.ndarray
) -> None:
    session.click(*A)
    session.wait()
    gone = weakref.ref(session.store)
    session.forget_labels(session.store)
    assert session.store is None
    assert not session.can_undo
    assert gone() is None


def test_each_labels_array_has_a_history_of_its_own(
    session: AnnotationSession, image: np.ndarray
) -> None:
    first, second = session.store, ArrayLabels(image.shape)
    session.click(*A)
    session.wait()
    session.set_labels(second)
    session.click(*B)
    session.undo()
    assert not session.labels.any()
    assert not session.can_undo
    session.set_labels(first)
    assert ids_at(session, A) == [1]
    session.undo()
    assert not session.labels.any()


def test_a_late_answer_goes_to_the_labels_that_were_clicked_for(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    first, second = session.store, ArrayLabels(image.shape)
    segmenter.hold_decode.clear()
    session.click(*A)
    session.set_labels(second)
    session.set_plane(Plane.of_array(image[::-1]))
    segmenter.hold_decode.set()
    session.wait()
    assert first.array()[A] == 1
    assert not second.array().any()
    assert session.current is None


def test_a_late_answer_to_an_image_without_labels_makes_some_for_it(
    segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    made: list[tuple[str, ArrayLabels]] = []

    def make_labels(plane: Plane) -> ArrayLabels:
        made.append((plane.name, ArrayLabels(plane.array_shape)))
        return made[-1][1]

    session = AnnotationSession(
        segmenter_factory=lambda *_: segmenter, make_labels=make_labels
    )
    session.set_plane(Plane.of_array(image, name="first"))
    session.wait()
    segmenter.hold_decode.clear()
    session.click(*A)
    session.click(*B)
    session.set_labels(second := ArrayLabels(image.shape))
    session.set_plane(Plane.of_array(image[::-1], name="second"))
    segmenter.hold_decode.set()
    session.wait()
    ((name, labels),) = made
    assert name == "first"
    assert labels.array()[A] == 1
    assert labels.array()[B] == 2
    assert session.store is second
    assert not second.array().any()
    session.close()


# ------------------------------------------------------------------------ strokes


def paint(session: AnnotationSession, rows: slice, cols: slice, label: int) -> None:
    """Do as napari's brush does: write, then tell."""
    store = session.store
    assert store is not None
    grid = np.indices(store.shape)[:, rows, cols]
    indices = tuple(axis.ravel() for axis in grid)
    change = PixelChange.between(store.shape, indices, store.read(indices), label)
    store.write(indices, label)
    store.edited.emit([change])


def test_strokes_and_objects_are_one_history(session: AnnotationSession) -> None:
    before = session.labels.copy()
    session.click(*A)
    session.wait()
    paint(session, slice(0, 20), slice(0, 20), 7)
    session.click(*B)
    assert ids_at(session, A, B, (1, 1)) == [7, 8, 7]
    session.undo()
    session.undo()
    assert ids_at(session, A, B, (1, 1)) == [1, 0, 0]
    session.undo()
    np.testing.assert_array_equal(session.labels, before)


def test_undo_leaves_pixels_alone_that_were_changed_behind_its_back(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    session.wait()
    session.store.write((np.array([A[0]]), np.array([A[1]])), 99)
    session.undo()
    assert ids_at(session, A) == [99]
    assert np.count_nonzero(session.labels) == 1


# ------------------------------------------------------------------- collect mode


def test_collected_clicks_reach_the_labels_with_done(
    session: AnnotationSession,
) -> None:
    session.collect = True
    session.click(*A)
    session.click(*B)
    assert not session.labels.any()
    assert session.preview is not None
    session.done()
    assert ids_at(session, A, B) == [1, 1]
    session.click(*C)
    session.done()
    assert ids_at(session, C) == [2]


def test_drop_forgets_a_draft_and_nothing_that_is_kept(
    session: AnnotationSession,
) -> None:
    session.collect = True
    session.click(*A)
    session.done()
    session.click(*B)
    session.wait()
    session.drop()
    assert session.preview is None
    session.drop()
    assert ids_at(session, A, B) == [1, 0]
    session.undo()
    assert ids_at(session, A) == [0]


def test_undo_takes_back_the_last_click_of_a_draft(session: AnnotationSession) -> None:
    session.collect = True
    session.click(*A)
    session.click(*B)
    session.undo()
    session.done()
    assert ids_at(session, A, B) == [1, 0]


def test_a_draft_is_kept_when_the_plane_is_left(
    session: AnnotationSession, image: np.ndarray
) -> None:
    session.collect = True
    session.click(*A)
    session.wait()
    session.set_plane(Plane.of_array(image[::-1]))
    assert ids_at(session, A) == [1]


def test_undoing_a_kept_draft_and_leaving_keeps_it_undone(
    session: AnnotationSession, image: np.ndarray
) -> None:
    session.collect = True
    session.click(*A)
    session.done()
    session.undo()
    session.wait()
    session.set_plane(Plane.of_array(image[::-1]))
    assert not session.labels.any()
    session.redo()
    assert ids_at(session, A) == [1]


def test_a_correction_that_leaves_nothing_is_said(session: AnnotationSession) -> None:
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.click(*A)
    session.click(*B)
    session.wait()
    # Only what belongs to the first object is left of the second.
    session.add(*A)
    session.remove(*B)
    assert ids_at(session, A, B) == [1, 0]
    assert len(notices) == 1
    assert "object 2" in notices[0]


# -------------------------------------------------------------- images and models


def test_a_stack_is_labelled_plane_by_plane() -> None:
    stack = np.stack([discs([A]), discs([B]), discs([C])])
    segmenter = FakeSegmenter()
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    for z, place in [(0, A), (2, C)]:
        index = PlaneIndex((z, 0, 0), 1, 2)
        session.set_plane(
            Plane("stack", stack.shape, index, ArraySource([stack], index))
        )
        session.click(*place)
        session.wait()
    labels = session.labels
    assert labels.shape == stack.shape
    np.testing.assert_array_equal(labels[0] > 0, stack[0] > 0)
    assert not labels[1].any()
    np.testing.assert_array_equal(labels[2] == 2, stack[2] > 0)
    session.close()


def test_a_transposed_plane_is_written_where_it_was_seen() -> None:
    stack = np.stack([discs([(10, 40)], (32, 64))] * 2)
    segmenter = FakeSegmenter()
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    index = PlaneIndex((1, 0, 0), row_axis=2, col_axis=1)
    session.set_plane(Plane("t", stack.shape, index, ArraySource([stack], index)))
    session.click(40, 10)
    np.testing.assert_array_equal(session.labels[1] > 0, stack[1] > 0)
    assert not session.labels[0].any()
    session.close()


@pytest.mark.parametrize("collect", [False, True])
@pytest.mark.parametrize("leave", ["plane", "off", "labels", "collect"])
def test_a_correction_reaches_its_object_although_that_was_let_go_of(
    session: AnnotationSession,
    segmenter: FakeSegmenter,
    image: np.ndarray,
    collect: bool,
    leave: str,
) -> None:
    store = session.store
    session.collect = collect
    session.click(*A)
    session.wait()
    segmenter.hold_decode.clear()
    session.add(*B)
    if leave == "plane":
        session.set_plane(Plane.of_array(discs([C])))
    elif leave == "off":
        session.active = False
    elif leave == "labels":
        session.set_labels(ArrayLabels(image.shape))
    else:
        session.collect = not collect
    segmenter.hold_decode.set()
    session.wait()
    assert [int(store.array()[place]) for place in (A, B)] == [1, 1]
    assert (session.current is None) == (leave != "collect")
    assert session.preview is None


@pytest.mark.parametrize("leave", ["plane", "off"])
def test_a_collected_click_is_kept_if_its_answer_comes_too_late_for_a_draft(
    session: AnnotationSession, segmenter: FakeSegmenter, leave: str
) -> None:
    session.collect = True
    segmenter.hold_decode.clear()
    session.click(*A)
    if leave == "plane":
        session.set_plane(Plane.of_array(discs([C])))
    else:
        session.active = False
    segmenter.hold_decode.set()
    assert ids_at(session, A) == [1]
    assert session.current is None
    assert session.preview is None


def test_labels_of_another_shape_are_refused_in_words(
    session: AnnotationSession,
) -> None:
    session.set_labels(ArrayLabels((5, 5)))
    session.click(*A)
    with pytest.raises(LabelsError, match="shape"):
        session.wait()


def test_a_click_outside_of_the_image_is_an_error_and_changes_nothing(
    session: AnnotationSession,
) -> None:
    session.click(-3, 500)
    with pytest.raises(PromptError, match="outside"):
        session.wait()
    assert not session.labels.any()
