"""What takes long, fails, or is changed meanwhile: nothing is lost, all is said."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.errors import (
    CheckpointError,
    EngineError,
    ImageError,
    OutOfMemoryError,
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
