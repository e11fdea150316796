"""A session on channels is done again on the same channels, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.syncing import flush
from napari_sam2.cli import app
from napari_sam2.commands.pictures import Pictures
from napari_sam2.commands.replay import Players, replay_on
from napari_sam2.errors import ImageError
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.synthesis import generate
from tests.annotation.conftest import A, B

if TYPE_CHECKING:
    from pathlib import Path

    from tests.annotation.fakes import FakeSegmenter

SCENE = generate("nuclei", (256, 320), seed=5)
NUCLEI = SCENE.image.astype(np.uint16) * 40 + 100
OTHER = NUCLEI[::-1].copy()


@pytest.fixture(scope="module")
def annotated(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, np.ndarray[Any, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_SAM2_HOME", str(tmp_path_factory.mktemp("home")))
        journals = Journals()
        session = AnnotationSession(
            segmenter_factory=lambda *_: Segmenter(
                "starter", "cpu", compute_with="torch"
            ),
            journals=journals,
        )
        plane = Plane.of_channels(
            [OTHER, None, NUCLEI], names=["GFP", "", "DAPI"], limits=[(300, 9000)]
        )
        session.set_plane(plane)
        session.wait()
        rows, cols = np.nonzero(SCENE.labels == SCENE.labels.max())
        session.click(float(np.median(rows)), float(np.median(cols)))
        session.wait()
        # The model sees fewer of them now.
        session.set_plane(Plane.of_channels([NUCLEI, None, None], names=["D"]))
        session.click(100, 150)
        labels = session.labels.copy()
        ledger = session._ledgers.chosen
        assert ledger is not None
        path = journals.path_of(ledger.history)
        assert path is not None
        session.close()
        journals.close()
        flush()
    assert labels.any()
    return path, labels


@pytest.mark.parametrize(("axis", "order"), [(0, "<"), (0, ">"), (2, "<")])
def test_the_channels_of_a_file_are_told_by_their_pixels(
    annotated: tuple[Path, np.ndarray[Any, Any]], axis: int, order: str
) -> None:
    path, labels = annotated
    whole = np.stack([NUCLEI, OTHER], axis).astype(f"{order}u2")
    made = replay_on(path, whole, Players(device="cpu"))
    assert made.identical
    assert made.answers == made.alike >= 2
    np.testing.assert_array_equal(made.labels, labels)


def test_channels_that_lie_elsewhere_are_given_by_name(
    annotated: tuple[Path, np.ndarray[Any, Any]], tmp_path: Path
) -> None:
    path, _ = annotated
    with pytest.raises(ImageError, match="--channel “DAPI=FILE”"):
        replay_on(path, OTHER, Players(device="cpu"))
    names = ("gfp", "dapi")
    gfp, dapi = (tmp_path / f"{name}.tif" for name in names)
    tifffile.imwrite(gfp, OTHER)
    tifffile.imwrite(dapi, NUCLEI)
    options = ["--image", str(gfp), "--device", "cpu"]
    options += ["--channel", f"DAPI={dapi}", "--channel", f"D={dapi}"]
    done = CliRunner().invoke(app, ["replay", str(path), *options])
    assert done.exit_code == 0, done.output
    assert "The labels are identical." in done.output


def test_a_channel_that_is_not_there_is_said_to_be_missing() -> None:
    plane = Plane.of_channels([NUCLEI, OTHER], names=["a", "b"])
    pictures = Pictures(NUCLEI, {"b": OTHER[:-1]})
    with pytest.raises(ImageError, match="“b”"):
        pictures.plane(plane, plane.origin)


def test_channels_of_a_file_are_not_copied() -> None:
    plane = Plane.of_array(NUCLEI)
    stack = np.stack([OTHER, NUCLEI])
    assert np.shares_memory(Pictures(stack).image(plane.origin), stack)


def test_other_channels_leave_the_object_in_hand(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray[Any, Any]
) -> None:
    session.click(*A)
    session.wait()
    plane, current = session.plane, session.current
    assert plane is not None
    assert current is not None
    both = Plane.of_channels([image, image // 2])
    sources = [plane.source, plane.source]
    session.set_plane(plane.with_channels(both.channels[:2], sources))
    session.wait()
    assert len(segmenter.encodes) == 2
    assert session.current is current
    session.click(*B)
    session.wait()
    assert session.current is not None
    seen = session.current.plane.seen
    assert [one is None for one in seen] == [False, False, True]


def test_no_channel_at_all_is_none() -> None:
    with pytest.raises(ImageError, match="no channel"):
        Plane.of_channels([None, None])
