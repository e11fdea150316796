"""Going on with an object, and finding anew what somebody has painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.planes import Plane
from napari_sam2.segmentation.view import PlaneIndex
from tests.annotation.conftest import A, B, C
from tests.annotation.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession

BETWEEN = (30, 30)


@pytest.fixture
def notices(session: AnnotationSession) -> list[str]:
    said: list[str] = []
    session.notice.connect(said.append)
    return said


def paint(
    session: AnnotationSession, rows: slice, cols: slice, label: int
) -> np.ndarray:
    """Paint a rectangle as a brush does, and say so."""
    store = session.store
    assert store is not None
    mask = np.zeros(store.shape, bool)
    mask[rows, cols] = True
    where = np.nonzero(mask)
    change = PixelChange.between(store.shape, where, store.read(where), label)
    store.write(where, label)
    store.edited.emit([change])
    return mask


def test_an_object_is_gone_on_with_as_it_was(session: AnnotationSession) -> None:
    session.click(*A)
    session.remove(*BETWEEN)
    session.click(*B)
    session.wait()
    first = session.objects[1]
    session.edit_at(*A)
    session.wait()
    assert session.current is first
    session.add(*C)
    assert session.labels[C] == 1
    assert session.labels[B] == 2
    session.undo()
    assert session.labels[C] == 0
    assert session.current is first


def test_where_there_is_no_object_there_is_none_to_edit(
    session: AnnotationSession, notices: list[str]
) -> None:
    session.edit_at(*A)
    session.find_anew(*A)
    session.edit_at(-20, 500)
    assert len(notices) == 3
    assert session.objects == {}


def test_what_is_painted_is_found_anew(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    painted = paint(session, slice(10, 20), slice(12, 30), 7)
    assert session.label_at(*A) == 7
    session.find_anew(*A)
    # The model is told of all that is painted, and of its box and its middle.
    np.testing.assert_array_equal(session.labels == 7, image == 100)
    prompts = segmenter.decodes[-1]
    assert prompts.region is not None
    assert prompts.region.crop.sum() == painted.sum()
    found = session.current
    assert found is not None
    assert (found.label, found.prompts) == (7, prompts)
    session.add(*B)
    assert session.labels[B] == 7
    session.undo()
    session.undo()
    np.testing.assert_array_equal(session.labels == 7, painted)
    assert session.objects == {}
    session.redo()
    np.testing.assert_array_equal(session.labels == 7, image == 100)
    session.undo()
    # The id is still in use.
    session.click(*C)
    assert session.labels[C] == 8


def test_to_edit_what_has_no_prompts_is_to_find_it_anew(
    session: AnnotationSession, image: np.ndarray
) -> None:
    paint(session, slice(12, 18), slice(12, 18), 3)
    session.edit_at(*A)
    np.testing.assert_array_equal(session.labels == 3, image == 100)


def test_a_stroke_over_an_object_counts(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.click(*A)
    session.wait()
    before = session.labels.copy()
    paint(session, slice(12, 20), slice(14, 46), 1)
    session.find_anew(*A)
    session.wait()
    assert session.labels[B] == session.labels[A] == 1
    assert segmenter.decodes[-1].points == ()
    session.undo()
    session.undo()
    np.testing.assert_array_equal(session.labels, before)
    assert list(session.objects) == [1]


def test_others_keep_their_pixels(session: AnnotationSession) -> None:
    session.click(*B)
    paint(session, slice(12, 20), slice(12, 34), 5)
    mine = session.labels == 1
    session.find_anew(*A)
    assert session.labels[A] == 5
    np.testing.assert_array_equal(session.labels == 1, mine)


def test_it_is_done_in_its_turn(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    paint(session, slice(12, 18), slice(12, 18), 3)
    segmenter.hold_decode.clear()
    session.click(*B)
    session.find_anew(*A)
    session.add(*C)
    segmenter.hold_decode.set()
    labels = session.labels
    assert (labels[A], labels[B], labels[C]) == (3, 4, 3)


def test_only_the_plane_in_view_counts() -> None:
    from napari_sam2.annotation.session import AnnotationSession

    stack = np.stack([discs([A]), discs([A, B])])
    segmenter = FakeSegmenter("starter")
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    store = ArrayLabels(stack.shape)
    store.array()[:, 12:18, 12:18] = 4
    session.set_labels(store)
    index = PlaneIndex((1, 0, 0), 1, 2)
    session.set_plane(
        Plane("stack", stack.shape, index, Plane.of_array(stack[1]).source)
    )
    session.wait()
    session.find_anew(*A)
    session.wait()
    region = segmenter.decodes[-1].region
    assert region is not None
    assert region.crop.shape == (6, 6)
    assert (session.labels[0] == 4).sum() == 36
    np.testing.assert_array_equal(session.labels[1] == 4, stack[1] == 100)
    notices: list[str] = []
    session.notice.connect(notices.append)
    store.array()[0, 50, 50] = 9
    session.set_labels(None)
    session.set_labels(store)
    session.wait()
    session.find_label_anew(9)
    session.find_label_anew(77)
    session.wait()
    assert notices == [
        "Object 9 has no pixels in this plane.",
        "Object 77 has no pixels in this plane.",
    ]
    session.close()
