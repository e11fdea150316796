"""A model is fetched, prepared and loaded while the one before works on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.engines.variant import ENGINE_VARIABLE, Variant
from napari_sam2.errors import ExportError
from tests.annotation.conftest import A, B
from tests.annotation.fakes import FakeSegmenter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from napari_sam2.engines.cancellation import CancelToken


class Exporter:
    """Stands in for the export, which takes half a minute."""

    def __init__(self) -> None:
        self.under_way = threading.Event()
        self.go_on = threading.Event()
        self.error: Exception | None = None
        self.cancelled = False

    def __call__(self, spec: object, *, cancel: CancelToken) -> None:
        remove = cancel.on_cancel(self.go_on.set)
        self.under_way.set()
        assert self.go_on.wait(10)
        remove()
        self.cancelled = cancel.cancelled
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Engines that segmenters were made with."""
    made: list[str] = []

    def make(spec: Any, device: str, *, compute_with: str, cache: object) -> Any:
        made.append(compute_with)
        segmenter = FakeSegmenter(spec.name)
        segmenter.computes = f"{compute_with} {len(made)}"
        return segmenter

    monkeypatch.setattr("napari_sam2.segmentation.segmenter.Segmenter", make)
    return made


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Exporter:
    exporter = Exporter()
    monkeypatch.setattr("napari_sam2.engines.exports.make_export", exporter)
    monkeypatch.setattr("napari_sam2.engines.exports.find_export", lambda *_: None)
    return exporter


@pytest.fixture
def session(
    image: np.ndarray, made: list[str], exporter: Exporter
) -> Iterator[AnnotationSession]:
    session = AnnotationSession()
    session.set_plane(Plane.of_array(image))
    session.wait()
    yield session
    exporter.go_on.set()
    session.close()


def kept_at(session: AnnotationSession, place: tuple[int, int]) -> int:
    store = session.store
    return 0 if store is None else int(store.array()[place])


def click_and_wait(session: AnnotationSession, place: tuple[int, int]) -> None:
    session.click(*place)
    while session._clicks.busy:
        session._inference._threads.wait_for_answer(10)
        session.process()


def test_clicks_are_answered_while_an_engine_is_prepared(
    session: AnnotationSession, exporter: Exporter, made: list[str]
) -> None:
    session.set_engine("openvino")
    assert exporter.under_way.wait(10)
    assert session.status.phase is Phase.PREPARING
    assert session.status.text == "Preparing Starter for OpenVINO"
    assert session.status.cancellable
    click_and_wait(session, A)
    assert kept_at(session, A) == 1
    exporter.go_on.set()
    session.wait()
    assert made == ["auto", "openvino"]
    assert session.computes == "openvino 2"
    click_and_wait(session, B)
    assert kept_at(session, B) == 2


def test_preparing_an_engine_can_be_called_off(
    session: AnnotationSession, exporter: Exporter, made: list[str]
) -> None:
    session.set_engine("openvino")
    assert exporter.under_way.wait(10)
    session.cancel()
    session.wait()
    assert exporter.cancelled
    assert session.engine == "auto"
    assert made == ["auto"]
    assert session.status.phase is Phase.READY


def test_another_engine_takes_the_place_of_one_that_is_prepared(
    session: AnnotationSession, exporter: Exporter, made: list[str]
) -> None:
    session.set_engine("openvino")
    assert exporter.under_way.wait(10)
    session.set_engine("torch")
    session.wait()
    assert exporter.cancelled
    assert made == ["auto", "torch"]


def test_an_engine_that_cannot_be_prepared_leaves_the_one_before(
    session: AnnotationSession, exporter: Exporter, made: list[str]
) -> None:
    exporter.error = ExportError("There is no space left.")
    exporter.go_on.set()
    session.set_engine("openvino")
    with pytest.raises(ExportError, match="no space left"):
        session.wait()
    assert session.engine == "auto"
    click_and_wait(session, A)
    assert kept_at(session, A) == 1


@pytest.fixture
def better(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OpenVINO turns out to be best, at once."""
    monkeypatch.delenv(ENGINE_VARIABLE)
    monkeypatch.setattr("napari_sam2.engines.chooser.is_prepared", lambda *_: True)
    monkeypatch.setattr(
        "napari_sam2.engines.chooser.best_way", lambda *_: Variant("openvino")
    )
    return


@pytest.mark.usefixtures("better")
def test_a_better_engine_computes_the_next_image(
    session: AnnotationSession, image: np.ndarray, made: list[str]
) -> None:
    preparation = session._inference._loader._preparation._thread
    while preparation.busy:
        preparation.wait_for_answer(10)
        session.process()
    session.wait()
    assert made == ["auto", "auto"]
    # The image in view stays as it is: what is previewed does not change by itself.
    assert session.computes == "auto 1"
    session.set_plane(Plane.of_array(image.T.copy()))
    session.wait()
    assert session.computes == "auto 2"
