"""What clicking, correcting, undoing and switching do to the labels."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.objects import Pointing
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.errors import (
    CheckpointError,
    EngineError,
    ImageError,
    LabelsError,
    OutOfMemoryError,
    PromptError,
)
from napari_sam2.models.catalog import ModelSpec
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex
from tests.annotation.conftest import A, B, C
from tests.annotation.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.engines.cancellation import CancelToken

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


def test_an_image_that_cannot_be_segmented_is_said_once(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    failures: list[Exception] = []
    notices: list[str] = []
    session.failed.connect(failures.append)
    session.notice.connect(notices.append)
    segmenter.error = ImageError("The image is empty.")
    session.set_plane(Plane.of_array(image[:10]))
    session.click(2, 2)
    with pytest.raises(ImageError):
        session.wait()
    assert failures == [segmenter.error]
    assert notices == []
    assert session.status.phase is Phase.FAILED
    assert session.status.text == "The image is empty."
    segmenter.error = None
    session.set_plane(Plane.of_array(image))
    session.click(*A)
    assert ids_at(session, A) == [1]


def test_a_click_tries_again_to_encode_what_failed(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    segmenter.error = OutOfMemoryError("cpu has too little memory.")
    session.set_plane(Plane.of_array(image.copy()))
    for _ in range(2):
        with pytest.raises(OutOfMemoryError):
            session.wait()
        session.click(*A)
    with pytest.raises(OutOfMemoryError):
        session.wait()
    segmenter.error = None
    session.click(*A)
    assert ids_at(session, A) == [1]


def test_a_click_waits_for_the_first_model_to_be_downloaded(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = threading.Event()
    segmenter = FakeSegmenter()
    downloads = import_module("napari_sam2.models.download")
    monkeypatch.setattr(downloads, "download", lambda *_, **__: here.wait(10))
    monkeypatch.setattr(
        "napari_sam2.segmentation.segmenter.Segmenter", lambda *_, **__: segmenter
    )
    session = AnnotationSession("sam2.1-tiny")
    session.set_plane(Plane.of_array(image))
    session.click(*A)
    assert session.status.phase is Phase.DOWNLOADING
    here.set()
    assert ids_at(session, A) == [1]
    session.close()


def test_a_click_that_nothing_will_answer_is_said_to_be_dropped(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: Any, cancel: CancelToken, **__: Any) -> None:
        cancelled = threading.Event()
        cancel.on_cancel(cancelled.set)
        assert cancelled.wait(10)
        cancel.raise_if_cancelled()

    downloads = import_module("napari_sam2.models.download")
    monkeypatch.setattr(downloads, "download", wait)
    notices: list[str] = []
    session = AnnotationSession("sam2.1-tiny")
    session.notice.connect(notices.append)
    session.set_plane(Plane.of_array(image, name="cells"))
    session.click(*A)
    session.cancel()
    assert notices == ["“cells” is not encoded: the click there was dropped."]
    assert session.status.text == "No model is loaded: choose one"
    session.close()


def test_a_download_that_is_cancelled_as_it_arrives_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        import_module("napari_sam2.models.download"), "download", lambda *_, **__: None
    )
    monkeypatch.setattr(
        "napari_sam2.segmentation.segmenter.Segmenter", lambda *_, **__: FakeSegmenter()
    )
    session = AnnotationSession("sam2.1-tiny")
    session._inference.wait_for_answer(10)
    session.cancel()
    session.wait()
    assert session.model is None
    session.set_model("sam2.1-tiny")
    session.wait()
    assert session.model == "fake"
    session.close()


def test_a_checkpoint_that_is_gone_is_named(tmp_path: Path) -> None:
    spec = ModelSpec("own", "Own", None, weights=tmp_path / "own.pt")
    session = AnnotationSession(spec)
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*own\.pt"):
        session.wait()
    session.close()


def test_a_plane_that_cannot_be_read_names_the_image(
    session: AnnotationSession,
) -> None:
    class Gone(ArraySource):
        def read(self, *_: Any) -> Any:
            raise OSError("disk gone")

    source = Gone([np.zeros((9, 9))], PlaneIndex())
    session.set_plane(Plane("remote", (9, 9), PlaneIndex(), source))
    with pytest.raises(ImageError, match=r"remote.*disk gone"):
        session.wait()


def test_clicks_made_while_encoding_are_kept_for_later(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.set_plane(Plane.of_array(discs([B, C])))
    session.click(*B)
    session.click(*C)
    segmenter.hold_encode.set()
    assert ids_at(session, B, C) == [1, 2]


def test_leaving_an_image_stops_its_encode_and_frees_the_thread(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    notices: list[str] = []
    session.notice.connect(notices.append)
    segmenter.hold_encode.clear()
    session.set_plane(Plane.of_array(discs([B]), name="slow"))
    session.click(*B)
    assert segmenter.encoding.wait(10)
    session.process()
    assert session.status.phase is Phase.ENCODING
    session.set_plane(Plane.of_array(image))
    segmenter.hold_encode.set()
    session.wait()
    assert segmenter.cancelled == 1
    assert session.status.phase is Phase.READY
    assert not session.labels.any()
    assert len(notices) == 1
    assert "slow" in notices[0]


def test_cancel_stops_an_encode_and_a_click_takes_it_up_again(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.set_plane(Plane.of_array(discs([B])))
    assert segmenter.encoding.wait(10)
    session.cancel()
    assert session.status.phase is Phase.STOPPED
    segmenter.hold_encode.set()
    session.wait()
    assert segmenter.cancelled == 1
    session.click(*B)
    assert ids_at(session, B) == [1]


def test_switched_off_it_neither_previews_nor_keeps(
    session: AnnotationSession,
) -> None:
    session.hover(*A)
    session.wait()
    session.active = False
    assert session.preview is None
    assert session.status.phase is Phase.OFF
    session.hover(*A)
    session.click(*A)
    assert not session.labels.any()
    session.active = True
    session.click(*A)
    assert ids_at(session, A) == [1]


def test_unavailable_says_why(session: AnnotationSession) -> None:
    session.set_unavailable("SAM 2 works in 2-D: switch off the 3-D display")
    assert session.status.phase is Phase.UNAVAILABLE
    assert "2-D" in session.status.text
    session.set_unavailable(None)
    session.wait()
    assert session.status.phase is Phase.READY


def test_changing_the_model_keeps_the_labels_and_the_object(
    image: np.ndarray,
) -> None:
    made: list[FakeSegmenter] = []

    def factory(spec: Any, device: str) -> FakeSegmenter:
        made.append(FakeSegmenter(f"model {len(made)}"))
        return made[-1]

    session = AnnotationSession(segmenter_factory=factory)
    session.set_plane(Plane.of_array(image))
    session.click(*A)
    session.wait()
    session.set_model("starter")
    session.wait()
    assert session.model == "model 1"
    session.add(*B)
    assert ids_at(session, A, B) == [1, 1]
    # The first model's logits mean nothing to the second.
    assert made[1].decodes[-1].mask is None
    assert len(made[1].decodes[-1].points) == 2
    session.close()


def test_other_weights_of_the_same_name_refine_no_logits(image: np.ndarray) -> None:
    made: list[FakeSegmenter] = []

    def factory(spec: Any, device: str) -> FakeSegmenter:
        made.append(FakeSegmenter("checkpoint"))
        made[-1].engine.model = f"weights {len(made)}"
        return made[-1]

    session = AnnotationSession(segmenter_factory=factory)
    session.set_plane(Plane.of_array(image))
    session.click(*A)
    session.wait()
    session.set_model("starter")
    session.wait()
    session.add(*B)
    session.wait()
    assert made[1].decodes[-1].mask is None
    session.close()


def test_a_model_that_cannot_be_loaded_leaves_the_last_one_at_work(
    image: np.ndarray,
) -> None:
    good = FakeSegmenter()
    answers = iter([good])

    def factory(spec: Any, device: str) -> FakeSegmenter:
        return next(answers)

    session = AnnotationSession(segmenter_factory=factory)
    session.set_plane(Plane.of_array(image))
    session.wait()
    session.set_model("starter")
    with pytest.raises(Exception, match="StopIteration"):
        session.wait()
    assert session.status.phase is Phase.READY
    session.click(*A)
    assert ids_at(session, A) == [1]
    session.close()


def test_a_device_that_failed_does_not_spoil_the_next_model(
    image: np.ndarray,
) -> None:
    devices: list[str] = []

    def factory(spec: Any, device: str) -> FakeSegmenter:
        devices.append(device)
        if device == "cuda":
            raise EngineError("There is no cuda here.")
        return FakeSegmenter()

    session = AnnotationSession(segmenter_factory=factory)
    session.wait()
    session.set_model("starter", "cuda")
    with pytest.raises(EngineError):
        session.wait()
    session.set_model("starter")
    session.wait()
    assert devices == ["auto", "cuda", "auto"]
    session.close()


def test_another_engine_is_for_the_model_that_works_not_for_one_that_failed(
    image: np.ndarray,
) -> None:
    loaded: list[str] = []

    def factory(spec: Any, device: str) -> FakeSegmenter:
        loaded.append(spec.name)
        if spec.name == "sam2.1-tiny":
            raise EngineError("It is damaged.")
        return FakeSegmenter()

    session = AnnotationSession(segmenter_factory=factory)
    session.wait()
    session.set_model("sam2.1-tiny")
    with pytest.raises(EngineError, match="damaged"):
        session.wait()
    session.set_engine("onnxruntime")
    session.wait()
    assert loaded == ["starter", "sam2.1-tiny", "starter"]
    assert session.engine == "onnxruntime"
    session.close()


def test_an_engine_that_failed_is_given_up_and_a_later_choice_is_not(
    image: np.ndarray,
) -> None:
    held, go = threading.Event(), threading.Event()
    engines: list[str] = []

    def factory(spec: Any, device: str) -> FakeSegmenter:
        engines.append(session_engine())
        if engines[-1] == "openvino":
            held.set()
            go.wait()
            raise EngineError("It does not start.")
        return FakeSegmenter()

    def session_engine() -> str:
        return "auto" if not engines else session.engine

    session = AnnotationSession(segmenter_factory=factory)
    session.wait()
    session.set_engine("openvino")
    held.wait()
    # While the one is still failing, the other is chosen.
    session.set_engine("torch")
    go.set()
    session.wait()
    assert session.engine == "torch"
    assert engines == ["auto", "openvino", "torch"]

    session.set_engine("openvino")
    with pytest.raises(EngineError, match="does not start"):
        session.wait()
    assert session.engine == "torch"
    with pytest.raises(EngineError, match="There is no engine"):
        session.set_engine("abacus")
    session.close()


# ------------------------------------------------------------------------- hover


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


@pytest.mark.parametrize("dropped", [False, True])
def test_a_long_wait_for_a_click_is_said_until_it_is_over(
    session: AnnotationSession, segmenter: FakeSegmenter, dropped: bool
) -> None:
    session._inference.decoding.seconds = 0.5  # as if the last one had taken long
    segmenter.hold_decode.clear()
    session.click(*A)
    assert session.status.phase is Phase.SEGMENTING
    if dropped:
        session.drop()
        assert session.status.phase is Phase.READY
    segmenter.hold_decode.set()
    session.wait()
    assert session.status.phase is Phase.READY


def test_a_store_that_breaks_does_not_hold_up_the_clicks_after(
    session: AnnotationSession, segmenter: FakeSegmenter, monkeypatch: Any
) -> None:
    session.wait()

    def broken(*_: Any) -> None:
        monkeypatch.undo()
        raise RuntimeError("the layer is gone")

    monkeypatch.setattr(session.store, "write", broken)
    segmenter.hold_decode.clear()
    session.click(*A)
    session.click(*B)
    segmenter.hold_decode.set()
    with pytest.raises(RuntimeError, match="layer is gone"):
        session.wait()
    assert ids_at(session, A, B) == [0, 1]


def test_a_failed_decode_is_reported_and_the_tool_goes_on(
    session: AnnotationSession, segmenter: FakeSegmenter, monkeypatch: Any
) -> None:
    good = segmenter.predict_prompts

    def bad(*_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr(segmenter, "predict_prompts", bad)
    session.click(*A)
    with pytest.raises(Exception, match="boom"):
        session.wait()
    monkeypatch.setattr(segmenter, "predict_prompts", good)
    session.click(*A)
    assert ids_at(session, A) == [1]


def test_a_model_that_fails_under_the_mouse_is_reported_once(
    session: AnnotationSession, segmenter: FakeSegmenter, monkeypatch: Any
) -> None:
    def bad(*_: Any, **__: Any) -> Any:
        raise EngineError("The device is gone.")

    failures: list[Exception] = []
    session.failed.connect(failures.append)
    good = segmenter.predict_prompts
    monkeypatch.setattr(segmenter, "predict_prompts", bad)
    for place in (A, B, C):
        session.hover(*place)
        with suppress(EngineError):
            session.wait()
    assert len(failures) == 1
    session.click(*A)
    with pytest.raises(EngineError):
        session.wait()
    assert len(failures) == 2
    monkeypatch.setattr(segmenter, "predict_prompts", good)
    session.hover(*B)
    session.wait()
    assert session.preview is not None


def test_a_draft_that_cannot_be_kept_does_not_keep_the_session_open(
    session: AnnotationSession, monkeypatch: Any
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the layer is gone")

    session.collect = True
    session.click(*A)
    session.wait()
    monkeypatch.setattr(session.store, "write", broken)
    threads = session._inference._threads
    with pytest.raises(RuntimeError, match="layer is gone"):
        session.close()
    threads.join(10)
    assert not any(one.thread and one.thread.is_alive() for one in threads._workers)
    monkeypatch.undo()


def test_closing_in_the_middle_of_an_encode_returns_at_once(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.set_plane(Plane.of_array(discs([B])))
    assert segmenter.encoding.wait(10)
    session.close()
    session.hover(*A)
    session.click(*A)
    session.process()
