"""A session on three discs, with a segmenter that can be held up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from tests.annotation.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

A, B, C = (16, 16), (16, 44), (44, 30)


@pytest.fixture
def image() -> np.ndarray:
    return discs([A, B, C])


@pytest.fixture
def segmenter() -> FakeSegmenter:
    return FakeSegmenter("starter")


@pytest.fixture
def session(image: np.ndarray, segmenter: FakeSegmenter) -> Iterator[AnnotationSession]:
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    session.set_labels(ArrayLabels(image.shape))
    session.set_plane(Plane.of_array(image, name="discs"))
    session.wait()
    yield session
    segmenter.hold_encode.set()
    segmenter.hold_decode.set()
    session.close()
