"""A session that is done again gives the labels that it gave."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_sam2.annotation.marks import Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.syncing import flush
from napari_sam2.cli import app
from napari_sam2.commands.replay import Players, replay_on
from napari_sam2.errors import ImageError
from napari_sam2.segmentation.revision import Kind, moved
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.synthesis import generate

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.annotation.labels import LabelStore

SCENE = generate("nuclei", (320, 400), seed=3)
_STARTER: Any = SimpleNamespace(segmenter=None, lock=threading.Lock())


def _starter() -> Segmenter:
    with _STARTER.lock:
        if _STARTER.segmenter is None:
            _STARTER.segmenter = Segmenter("starter", "cpu", compute_with="torch")
        return _STARTER.segmenter


def _centers(count: int) -> list[tuple[int, int]]:
    """Return a place on each of the largest objects."""
    ids, sizes = np.unique(SCENE.labels[SCENE.labels > 0], return_counts=True)
    found = []
    for label in ids[np.argsort(-sizes)][:count]:
        rows, cols = np.nonzero(SCENE.labels == label)
        middle = np.argmin(np.hypot(rows - rows.mean(), cols - cols.mean()))
        found.append((int(rows[middle]), int(cols[middle])))
    return found


@pytest.fixture(scope="module")
def annotated(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, np.ndarray[Any, Any]]:
    """Annotate with all kinds of prompts, mistakes, and second thoughts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_SAM2_HOME", str(tmp_path_factory.mktemp("home")))
        return _annotate()


def _annotate() -> tuple[Path, np.ndarray[Any, Any]]:
    journals = Journals()
    session = AnnotationSession(
        segmenter_factory=lambda *_: _starter(), journals=journals
    )
    session.set_plane(Plane.of_array(SCENE.image, name="nuclei"))
    session.wait()
    places = _centers(7)

    def do(act: Any, *arguments: Any) -> None:
        act(*arguments)
        session.wait()

    for row, col in places[:4]:
        do(session.click, row, col)
    row, col = places[3]
    do(session.add, row + 6, col)
    do(session.remove, row - 14, col)
    do(session.undo)
    do(session.undo)
    do(session.redo)
    row, col = places[4]
    do(session.draw, Tool.BOX, ((row - 12.0, col - 12.0), (row + 12.0, col + 12.0)))
    row, col = places[5]
    line = tuple((row + step, col + step / 2) for step in np.linspace(-5, 5, 9))
    do(session.draw, Tool.SCRIBBLE, line)
    do(session.add, row + 4, col)
    for step in (0.5, 0.5):
        do(session.nudge_threshold, step)
    do(lambda: session.refine(fill_holes=True, smoothing=1.5))
    session.collect = True
    row, col = places[6]
    do(session.click, row, col)
    do(session.remove, row + 20, col)
    do(session.done)
    session.collect = False
    do(session.delete, (2,))
    do(session.merge, (1, 3))
    store: LabelStore | None = session.store
    assert store is not None
    from napari_sam2.annotation.changes import PixelChange

    where = tuple(axis.ravel() for axis in np.mgrid[100:130, 90:140])
    change = PixelChange.between(store.shape, where, store.read(where), 5)
    change.apply(store)
    store.edited.emit([change])
    do(session.find_anew, 115, 115)
    do(session.nudge_threshold, 0.5)
    session.overwrite = True
    do(session.click, *places[1])
    do(session.nudge_threshold, -0.5)
    do(session.nudge_threshold, -0.25)
    do(session.next_candidate)
    assert session.current is not None
    do(
        session.revise,
        moved(session.current.prompts, Kind.POINT, 0, (1, 1), (320, 400)),
    )
    row, col = places[0]
    around = [(row - 9.0, col - 9.0), (row - 9.0, col + 9.0), (row + 9.0, col)]
    do(session.draw, Tool.LASSO, tuple(around), Pointing.ADD)
    session.collect = True
    do(session.click, *places[2])  # unfinished
    labels = session.labels.copy()
    ledger = session._ledgers.chosen
    assert ledger is not None
    path = journals.path_of(ledger.history)
    assert path is not None
    journals.close()
    flush()
    session.close()
    assert len(np.unique(labels)) > 5
    return path, labels


def test_the_same_model_gives_the_same_labels(
    annotated: tuple[Path, np.ndarray[Any, Any]],
) -> None:
    path, labels = annotated
    made = replay_on(path, SCENE.image, Players(device="cpu"))
    np.testing.assert_array_equal(made.labels, labels)
    assert made.missing == []
    assert made.answers == made.alike > 8
    assert made.identical


def test_another_contrast_is_told_where_it_differs(
    annotated: tuple[Path, np.ndarray[Any, Any]],
) -> None:
    """As another model does, another image of that shape gives other answers."""
    path, _ = annotated
    made = replay_on(path, SCENE.image[::-1].copy(), Players(device="cpu"))
    assert made.alike < made.answers
    assert made.differing[0] == "Keep object 1"
    assert not made.identical
    assert made.pixels > 0


def test_the_command_says_whether_it_is_identical(
    annotated: tuple[Path, np.ndarray[Any, Any]], tmp_path: Path
) -> None:
    path, labels = annotated
    image, out = tmp_path / "nuclei.tif", tmp_path / "again.tif"
    tifffile.imwrite(image, SCENE.image)
    options = [str(path), "--image", str(image), "--out", str(out), "--device", "cpu"]
    done = CliRunner().invoke(app, ["replay", *options])
    assert done.exit_code == 0, done.output
    assert "The labels are identical." in done.output
    np.testing.assert_array_equal(tifffile.imread(out), labels)

    tifffile.imwrite(image, SCENE.image[::-1])
    done = CliRunner().invoke(app, ["replay", *options])
    assert done.exit_code == 1
    assert "pixels of the labels differ" in done.output


def test_an_image_that_does_not_fit_is_told_of(
    annotated: tuple[Path, np.ndarray[Any, Any]],
) -> None:
    path, _ = annotated
    with pytest.raises(ImageError, match="shape"):
        replay_on(path, SCENE.image[:-1], Players())
    done = CliRunner().invoke(app, ["replay", str(path)])
    assert isinstance(done.exception, ImageError)
    assert "--image" in str(done.exception)
