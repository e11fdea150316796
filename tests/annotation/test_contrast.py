"""A plane is shown to the model as it was asked for, and so again on another day."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.annotation.syncing import flush
from napari_sam2.commands.replay import Players, replay_on
from napari_sam2.errors import ImageError
from napari_sam2.segmentation.embedded import PlanePixels
from napari_sam2.segmentation.intensity import Contrast
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex, View
from napari_sam2.synthesis import generate
from tests.annotation.conftest import A, B

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from tests.annotation.fakes import FakeSegmenter


def dimmed(plane: Plane) -> Plane:
    """Show the model less of the same plane."""
    return replace(plane, limits=(0.0, 200.0), gamma=2.0)


def test_another_contrast_of_the_same_plane_leaves_the_object_in_hand(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    plane = session.plane
    assert plane is not None
    session.click(*A)
    session.wait()
    current = session.current
    assert current is not None
    segmenter.hold_encode.clear()
    session.set_plane(dimmed(plane))
    assert session.current is current
    segmenter.hold_encode.set()
    session.wait()
    assert segmenter.encodes[-1].max() < segmenter.encodes[0].max()
    session.add(*B)
    session.wait()
    assert session.current is not None
    assert session.current.label == current.label
    assert session.current.plane.gamma == 2.0
    assert len(session.objects) == 1


def test_going_back_to_the_contrast_before_encodes_nothing(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    plane = session.plane
    assert plane is not None
    segmenter.hold_encode.clear()
    session.set_plane(dimmed(plane))
    session.set_plane(plane)
    segmenter.hold_encode.set()
    session.wait()
    session.click(*A)
    session.wait()
    assert session.current is not None
    assert session.current.plane.gamma == 1.0
    assert session.current.plane.seen == (Contrast(0.0, 140.0),)


def test_going_back_from_a_contrast_that_failed_leaves_no_complaint(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    plane = session.plane
    assert plane is not None
    segmenter.error = ImageError("The channel is gone.")
    session.set_plane(dimmed(plane))
    with pytest.raises(ImageError):
        session.wait()
    assert session.status.phase is Phase.FAILED
    segmenter.error = None
    session.set_plane(plane)
    session.wait()
    assert session.status.phase is Phase.READY


def test_what_the_percentiles_were_is_not_asked_for_again() -> None:
    class Changed(ArraySource):
        def overview(self) -> npt.NDArray[Any]:
            raise AssertionError("the overview may have changed since")

    pixels = np.random.default_rng(1).normal(900, 60, (2100, 2100)).astype(np.float32)
    index = PlaneIndex()
    plane = Plane("slide", (2100, 2100), index, ArraySource([pixels], index))
    view = View((2100, 2100), (0, 0, 2100, 2100), 256)
    then = plane.pixels()
    seen = then.seen(view)
    plane = replace(plane, seen=then.contrast, source=Changed([pixels], index))
    again = plane.pixels()
    np.testing.assert_array_equal(again.seen(view), seen)
    assert again.contrast == then.contrast


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_what_is_shown_as_it_is_has_no_contrast(dtype: Any) -> None:
    rgb = np.zeros((20, 30, 3), dtype)
    rgb[:, :, 1] = 1
    pixels = PlanePixels(ArraySource([rgb], PlaneIndex()))
    assert pixels.contrast == (None if dtype == np.uint8 else Contrast(0.0, 1.0),)


def test_another_contrast_in_mid_object_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a correction whose first answer was seen in another light."""
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path))
    scene = generate("nuclei", (320, 400), seed=3)
    # What the model sees depends on the limits: they are far from the percentiles.
    image = scene.image.astype(np.uint16) * 100 + 400
    ids, sizes = np.unique(scene.labels[scene.labels > 0], return_counts=True)
    rows, cols = np.nonzero(scene.labels == ids[np.argmax(sizes)])
    row, col = int(np.median(rows)), int(np.median(cols))
    lock, made = threading.Lock(), []

    def starter(*_: object) -> Segmenter:
        with lock:
            made.append(Segmenter("starter", "cpu", compute_with="torch"))
        return made[-1]

    journals = Journals()
    session = AnnotationSession(segmenter_factory=starter, journals=journals)
    plane = Plane.of_array(image, name="nuclei")
    session.set_plane(plane)
    session.wait()
    session.click(row, col)
    session.wait()
    session.set_plane(replace(plane, limits=(500.0, 9000.0), gamma=0.6))
    session.wait()
    session.add(row + 4, col + 9)
    session.wait()
    session.nudge_threshold(0.5)
    session.done()
    labels = session.labels.copy()
    ledger = session._ledgers.chosen
    assert ledger is not None
    path = journals.path_of(ledger.history)
    assert path is not None
    # And an object goes on as it was where it is restored under yet another light.
    session.close()
    journals.close()
    flush()
    replayed = replay_on(path, image, Players(device="cpu"))
    assert replayed.identical, replayed
    assert replayed.answers == replayed.alike >= 2
    np.testing.assert_array_equal(replayed.labels, labels)

    restored = AnnotationSession(
        segmenter_factory=lambda *_: made[0], journals=Journals()
    )
    restored.set_plane(replace(Plane.of_array(image), limits=(0.0, 60000.0)))
    restored.wait()
    restored.restore(path)
    restored.wait()
    np.testing.assert_array_equal(restored.labels, labels)
    restored.edit_at(row, col)
    for step in (0.25, -0.25):
        restored.nudge_threshold(step)
        restored.wait()
    np.testing.assert_array_equal(restored.labels, labels)
    restored.close()
