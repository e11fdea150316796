"""What was looked at before, or prepared, needs no encoding."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.errors import CacheError
from napari_sam2.segmentation.embedding_files import CACHE_VARIABLE, EmbeddingFiles
from napari_sam2.segmentation.embeddings import EmbeddingCache
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex
from tests.segmentation.fakes import PackingEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

IMAGE = np.random.default_rng(0).integers(0, 4000, (60, 80), np.uint16)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddingFiles:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    return EmbeddingFiles(lambda: 1.0, tmp_path / "embeddings")


@pytest.fixture
def another_day(
    files: EmbeddingFiles,
) -> Iterator[Callable[[], tuple[AnnotationSession, PackingEngine]]]:
    """Begin a session with nothing in memory."""
    begun: list[AnnotationSession] = []

    def begin() -> tuple[AnnotationSession, PackingEngine]:
        for session in begun:
            session.close()
        files.flush()
        engine = PackingEngine()
        segmenter = Segmenter(engine=engine, cache=EmbeddingCache(files=files))
        session = AnnotationSession(
            segmenter_factory=lambda *_: segmenter, embeddings=files
        )
        begun.append(session)
        return session, engine

    yield begin
    for session in begun:
        session.close()


def test_the_image_of_yesterday_needs_no_encode(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
) -> None:
    session, engine = another_day()
    session.set_plane(Plane.of_array(IMAGE, name="yesterday"))
    session.wait()
    assert len(engine.images) == 1
    session, engine = another_day()
    session.set_plane(Plane.of_array(IMAGE.copy(), name="today"))
    session.wait()
    assert session.status.phase is Phase.READY
    assert not engine.images
    session.set_plane(Plane.of_array(IMAGE + 1, name="another"))
    session.wait()
    assert len(engine.images) == 1


def test_a_cache_that_is_damaged_costs_an_encode_and_nothing_else(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
    files: EmbeddingFiles,
) -> None:
    session, _ = another_day()
    session.set_plane(Plane.of_array(IMAGE))
    session.wait()
    files.flush()
    for path in files.folder.iterdir():
        path.write_bytes(b"nonsense")
    session, engine = another_day()
    session.set_plane(Plane.of_array(IMAGE))
    session.wait()
    assert len(engine.images) == 1
    session, engine = another_day()
    session.set_plane(Plane.of_array(IMAGE))
    session.wait()
    assert not engine.images


STACK = np.random.default_rng(1).integers(0, 4000, (2, 4, 60, 80), np.uint16)


def plane_at(*place: int, stack: np.ndarray = STACK, image: object = "stack") -> Plane:
    index = PlaneIndex((*place, 0, 0), 2, 3)
    source = ArraySource([stack], index)
    return Plane("stack", stack.shape, index, source, image=image)


@pytest.fixture
def idle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 0.0)


def until(session: AnnotationSession, condition: Callable[[], bool]) -> None:
    """Hand out answers until something is so."""
    end = monotonic() + 30
    changed = threading.Event()
    session._inference._threads._wake = changed.set
    while not condition():
        assert monotonic() < end
        changed.wait(0.05)
        changed.clear()
        session.process()


@pytest.mark.usefixtures("idle_at_once")
def test_a_stack_is_prepared_the_nearest_planes_first_and_skipped_the_next_time(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
) -> None:
    session, engine = another_day()
    told, statuses = [], []
    session.notice.connect(told.append)
    session.status_changed.connect(statuses.append)
    session.set_plane(plane_at(0, 1))
    session.wait()
    session.prepare_stack()
    assert session.preparing == (0, 8)
    until(session, lambda: session.preparing is None)
    assert told == ["All 8 planes are ready, also on another day."]
    assert len(engine.images) == 8
    some = [one for one in statuses if "preparing 5 of 8 planes" in one.text]
    assert some[0].cancellable
    assert some[0].progress == 5 / 8
    session, engine = another_day()
    for place in np.ndindex(2, 4):
        session.set_plane(plane_at(*place, stack=STACK.copy()))
        session.wait()
    assert not engine.images


@pytest.mark.usefixtures("idle_at_once")
def test_what_is_asked_for_comes_before_the_stack_which_goes_on(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
) -> None:
    session, engine = another_day()
    session.set_plane(plane_at(0, 0))
    session.wait()
    encode, asked = engine.encode, threading.Event()

    def held(image: np.ndarray, **options: Any) -> Any:
        # As an encode that takes for ever, unless something else is asked for.
        if not asked.is_set():
            asked.set()
            stopped = threading.Event()
            options["cancel"].on_cancel(stopped.set)
            assert stopped.wait(10)
        return encode(image, **options)

    engine.encode = held  # type: ignore[method-assign]
    session.prepare_stack()
    assert asked.wait(10)
    session.set_plane(plane_at(1, 3))
    session.wait()
    assert session.status.phase is Phase.READY
    until(session, lambda: session.preparing is None)
    assert len(engine.images) == 8


@pytest.mark.usefixtures("idle_at_once")
def test_a_stack_can_be_stopped_and_ends_with_its_image(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, _ = another_day()
    told: list[str] = []
    session.notice.connect(told.append)
    session.set_plane(plane_at(0, 0))
    session.wait()
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 1e9)
    session.prepare_stack()
    assert "preparing" in session.status.text
    session.cancel()
    assert session.preparing is None
    assert session.status.text.startswith("Ready · CPU")
    session.prepare_stack()
    session.set_plane(plane_at(0, 2))
    session.wait()
    assert session.preparing == (0, 8)
    session.set_plane(plane_at(0, 2, image="another"))
    assert session.preparing is None
    assert told == [
        "Stopped: 0 of 8 planes are ready.",
        "Another image: 0 of 8 planes are ready.",
    ]


@pytest.mark.usefixtures("idle_at_once")
def test_a_stack_that_does_not_fit_says_so(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, _ = another_day()
    told: list[str] = []
    session.notice.connect(told.append)
    session.set_plane(plane_at(0, 0))
    session.wait()
    monkeypatch.setenv(CACHE_VARIABLE, "0.000022")
    session.prepare_stack()
    until(session, lambda: session.preparing is None)
    assert "hold 5 views" in told[-1]
    assert told[-1].endswith("5 of 8 planes are ready.")
    monkeypatch.setenv(CACHE_VARIABLE, "0")
    with pytest.raises(CacheError, match="Preferences"):
        session.prepare_stack()


@pytest.mark.usefixtures("idle_at_once")
def test_the_planes_beside_are_ready_when_the_slider_gets_there(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
) -> None:
    session, engine = another_day()
    session.set_plane(plane_at(1, 1))
    session.wait()
    # Onward and back on the last slider, and on the one before.
    until(session, lambda: len(engine.images) == 4)
    for place in ((1, 2), (1, 0), (0, 1)):
        session.set_plane(plane_at(*place))
        session.wait()
    # Each was encoded once.
    shown = {image.tobytes() for image in engine.images}
    assert len(shown) == len(engine.images)


@pytest.mark.usefixtures("idle_at_once")
def test_a_plane_that_cannot_be_read_ends_the_stack_with_one_message(
    another_day: Callable[[], tuple[AnnotationSession, PackingEngine]],
) -> None:
    class Torn(np.ndarray):
        def __getitem__(self, index: Any) -> Any:
            if index[:2] == (1, 3):
                raise OSError("the disk is gone")
            return np.asarray(self)[index]

    session, _ = another_day()
    failed: list[Exception] = []
    session.failed.connect(failed.append)
    session.set_plane(plane_at(0, 0, stack=STACK.view(Torn)))
    session.wait()
    session.prepare_stack()
    until(session, lambda: session.preparing is None)
    (error,) = failed
    assert "could not be read (the disk is gone)" in str(error)
    assert session.status.phase is Phase.READY
