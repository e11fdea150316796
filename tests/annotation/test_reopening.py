"""An image that was looked at before needs no encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.segmentation.embedding_files import CACHE_VARIABLE, EmbeddingFiles
from napari_sam2.segmentation.embeddings import EmbeddingCache
from napari_sam2.segmentation.segmenter import Segmenter
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
