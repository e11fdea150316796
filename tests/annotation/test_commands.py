"""What a session does to objects that are there, in turn with its clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.objects import Notes
from napari_sam2.annotation.overlap import Overlap, OverlapRule
from napari_sam2.errors import LabelsError
from tests.annotation.conftest import A, B, C

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from tests.annotation.fakes import FakeSegmenter


def ids_at(session: AnnotationSession, *places: tuple[int, int]) -> list[int]:
    return [int(session.labels[place]) for place in places]


def test_operations_wait_for_the_clicks_before_them(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_decode.clear()
    session.click(*A)
    session.click(*B)
    session.merge([1, 2])
    session.click(*C)
    session.delete([3])
    segmenter.hold_decode.set()
    assert ids_at(session, A, B, C) == [1, 1, 0]
    session.undo()
    session.undo()
    session.undo()
    assert ids_at(session, A, B, C) == [1, 2, 0]
    session.redo()
    assert ids_at(session, A, B, C) == [1, 1, 0]


def test_what_is_asked_for_twice_is_done_once(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    """A key that is held down repeats while the model is at work."""
    notices: list[str] = []
    session.notice.connect(notices.append)
    for place in (A, B, C):
        session.click(*place)
    session.wait()
    segmenter.hold_decode.clear()
    session.add(20, 16)
    for _ in range(2):
        session.delete([2])
        session.merge([3, 1])
    session.delete([2, 3])
    session.review([3, 1])
    session.split(1)
    segmenter.hold_decode.set()
    assert ids_at(session, A, B, C) == [0, 0, 0]
    assert notices == []
    session.undo()
    assert ids_at(session, A, B, C) == [3, 0, 3]
    session.undo()
    assert ids_at(session, A, B, C) == [1, 0, 3]


def test_what_was_asked_for_is_done_where_it_was_asked_for(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    """Other labels, chosen before its turn has come, have an object 1 as well."""
    first = session.store
    session.click(*A)
    session.wait()
    segmenter.hold_decode.clear()
    session.add(20, 16)
    session.delete([1])
    other = ArrayLabels(session.plane.array_shape)
    other.array()[5, 5] = 1
    session.set_labels(other)
    segmenter.hold_decode.set()
    session.wait()
    assert other.array()[5, 5] == 1
    assert not first.array().any()


def test_a_deleted_object_is_no_longer_the_current_one(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    session.delete([1])
    session.wait()
    assert session.current is None
    session.undo()
    assert session.current is session.objects[1]


def test_a_merged_object_is_corrected_by_all_its_prompts(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.click(*A)
    session.click(*B)
    session.merge([2, 1])
    session.wait()
    assert session.current is session.objects[2]
    session.add(*C)
    session.wait()
    assert len(segmenter.decodes[-1].points) == 3
    assert ids_at(session, A, B, C) == [2, 2, 2]


def test_a_split_after_a_correction_over_two_discs(session: AnnotationSession) -> None:
    session.click(*A)
    session.add(*B)
    session.split(1)
    assert ids_at(session, A, B) in ([1, 2], [2, 1])
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.split(1)
    assert notices == ["Object 1 is in one piece."]


def test_new_objects_get_the_chosen_class(session: AnnotationSession) -> None:
    session.category = "nucleus"
    session.click(*A)
    session.category = None
    session.click(*B)
    session.classify([2], "debris")
    session.review([1])
    session.wait()
    assert session.notes(1) == Notes("nucleus", reviewed=True)
    assert session.notes(2) == Notes("debris")
    for _ in range(3):
        session.undo()
    session.undo()
    session.wait()
    assert session.notes(1) == session.notes(2) == Notes()


def test_a_named_object_is_the_one_at_hand_when_it_was_named(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_decode.clear()
    session.click(*A)
    session.name("nucleus")
    session.click(*B)
    session.name("debris")
    session.done()
    session.name("fiber")
    segmenter.hold_decode.set()
    session.wait()
    assert session.notes(1).category == "nucleus"
    assert session.notes(2).category == "debris"
    assert session.category == "fiber"


def test_a_class_does_not_stop_an_object_from_being_corrected(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    session.classify([1], "nucleus")
    session.add(*B)
    assert ids_at(session, A, B) == [1, 1]
    assert session.notes(1).category == "nucleus"


def test_objects_lie_inside_of_another_one_only(session: AnnotationSession) -> None:
    session.labels[10:20, 10:16] = 7
    session.overlap = Overlap(OverlapRule.INSIDE, 7)
    session.click(*A)
    session.wait()
    labels = session.labels
    assert np.count_nonzero(labels[10:20, 10:16]) == 60
    (label,) = session.objects
    assert (labels[:, 16:] == 0).all()
    assert labels[16, 15] == label
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.click(*B)
    session.wait()
    assert notices == [
        "Nothing here belongs to object 7, inside of which new objects lie."
    ]


def test_objects_from_before_are_known_and_told_of(session: AnnotationSession) -> None:
    told: list[object] = []
    session.touched.connect(told.append)
    store = ArrayLabels((64, 64))
    store.write((np.arange(9), np.arange(9)), 4)
    session.set_labels(store)
    session.wait()
    assert told[-1] is None
    assert session.extents is not None
    assert session.extents[4].area == 9
    assert session.extents[4].center == (4, 4)
    session.click(*C)
    session.wait()
    assert told[-1] == {5}
    session.delete([4])
    session.wait()
    assert told[-1] == {4}
    assert session.extents.labels == {5}


def test_an_object_is_taken_up_again(session: AnnotationSession) -> None:
    session.click(*A)
    session.click(*B)
    session.edit(1)
    session.add(*C)
    assert ids_at(session, A, B, C) == [1, 2, 1]


def test_what_cannot_be_done_is_said_and_the_session_goes_on(
    session: AnnotationSession,
) -> None:
    session.delete([3])
    with pytest.raises(LabelsError, match="There is no object 3"):
        session.wait()
    session.click(*A)
    assert ids_at(session, A) == [1]
