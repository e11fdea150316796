"""A session on an image that does not fit into memory is recovered and done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

from napari_sam2.analysis import reading
from napari_sam2.analysis.export import save_labels
from napari_sam2.analysis.ngff import create_group
from napari_sam2.analysis.reading import open_image
from napari_sam2.annotation.origins import ImageOrigin
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.annotation.syncing import flush
from napari_sam2.cli import app
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex
from napari_sam2.synthesis import generate

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 20_000
CORNER = (12_000, 15_000)
SCENE = generate("nuclei", (320, 400), seed=3)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """An image on disk that is empty but for one scene."""
    path = tmp_path / "slide.zarr"
    levels = create_group(path, (SIDE, SIDE), SCENE.image.dtype, "slide")
    for number, level in enumerate(levels):
        row, col = (at // 2**number for at in CORNER)
        part = SCENE.image[:: 2**number, :: 2**number]
        level[row : row + part.shape[0], col : col + part.shape[1]] = part
    return path


def _plane(slide: Path) -> Plane:
    index, levels = PlaneIndex(), open_image(slide)
    origin = ImageOrigin("slide", (SIDE, SIDE), str(SCENE.image.dtype), slide)
    return Plane(
        "slide",
        (SIDE, SIDE),
        index,
        ArraySource(levels, index),
        image=slide,
        limits=(0.0, float(SCENE.image.max())),
        describe=lambda: origin,
    )


def _session(slide: Path) -> tuple[AnnotationSession, Journals]:
    journals = Journals()
    session = AnnotationSession(
        segmenter_factory=lambda *_: Segmenter("starter", "cpu", compute_with="torch"),
        journals=journals,
    )
    row, col = CORNER
    session.set_plane(_plane(slide), (row, col, row + 320, col + 400))
    session.wait()
    return session, journals


def _annotated(slide: Path) -> tuple[Path, np.ndarray[Any, Any]]:
    session, journals = _session(slide)
    ids, sizes = np.unique(SCENE.labels[SCENE.labels > 0], return_counts=True)
    for label in ids[np.argsort(-sizes)][:3]:
        rows, cols = np.nonzero(SCENE.labels == label)
        middle = np.argmin(np.hypot(rows - rows.mean(), cols - cols.mean()))
        session.click(CORNER[0] + rows[middle], CORNER[1] + cols[middle])
        session.wait()
    session.undo()
    labels = session.labels
    assert isinstance(labels, da.Array)
    assert labels.shape == (SIDE, SIDE)
    assert isinstance(session.store, SparseLabels)
    ledger = session._ledgers.chosen
    assert ledger is not None
    path = journals.path_of(ledger.history)
    assert path is not None
    made = _there(labels)
    assert set(np.unique(made)) == {0, 1, 2}
    journals.close()
    flush()
    session.close()
    session.store.close()
    return path, made


def _there(labels: Any) -> np.ndarray[Any, Any]:
    row, col = CORNER
    return np.asarray(labels[row : row + 320, col : col + 400])


def test_it_is_done_again_and_written_as_zarr(slide: Path, tmp_path: Path) -> None:
    path, labels = _annotated(slide)
    out = tmp_path / "again.zarr"
    done = CliRunner().invoke(
        app, ["replay", str(path), "--out", str(out), "--device", "cpu"]
    )
    assert done.exit_code == 0, done.output
    assert "The labels are identical." in done.output
    again = zarr.open_group(out, mode="r")["0"]
    np.testing.assert_array_equal(_there(again), labels)


def test_a_headless_session_finds_its_labels_on_disk(slide: Path) -> None:
    path, labels = _annotated(slide)
    session, journals = _session(slide)
    assert [offer.count for offer in session.offers.all] == [2]
    session.restore(path)
    session.wait()
    np.testing.assert_array_equal(_there(session.labels), labels)
    assert sorted(session.objects) == [1, 2]
    session.redo()
    session.wait()
    assert sorted(session.objects) == [1, 2, 3]
    assert set(np.unique(_there(session.labels))) == {0, 1, 2, 3}
    [folder] = slide.parent.glob("home/labels/*")
    assert isinstance(session.store, SparseLabels)
    assert session.store.path == folder
    journals.close()
    session.close()
    session.store.close()


def test_a_tiff_of_tiles_is_opened_in_its_resolutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = SparseLabels((SIDE, SIDE), tmp_path / "labels.zarr")
    labels.write((np.array([19_998]), np.array([4])), 7)
    path = save_labels(tmp_path / "labels.tif", labels.levels[0])
    levels = open_image(path)
    assert [level.shape for level in levels] == [level.shape for level in labels.levels]
    assert levels[0][19_998, 4] == levels[1][9_999, 2] == 7
    tifffile.imwrite(tmp_path / "small.tif", SCENE.image, compression="zlib")
    assert isinstance(open_image(tmp_path / "small.tif")[0], np.ndarray)
    monkeypatch.setattr(reading, "_WHOLE", 1000)
    [lazy] = open_image(tmp_path / "small.tif")
    assert isinstance(lazy, zarr.Array)
    np.testing.assert_array_equal(lazy[:], SCENE.image)
