"""Sparse labels hold what an array would, on disk, in every resolution."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.extents import survey
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.errors import LabelsError

SHAPE = (2, 1500, 1300)
HUGE = (100_000, 100_000)

rectangles = st.tuples(
    st.integers(0, 1),
    st.integers(0, 1499),
    st.integers(0, 1299),
    st.integers(1, 600),
    st.integers(1, 600),
    st.integers(0, 2**32 - 1),
)


def indices_of(*box: slice) -> tuple[np.ndarray[Any, Any], ...]:
    grid = np.meshgrid(*(np.arange(b.start, b.stop) for b in box), indexing="ij")
    return tuple(axis.ravel() for axis in grid)


@settings(max_examples=25, deadline=None)
@given(st.lists(rectangles, min_size=1, max_size=6), st.integers(1, 4))
def test_they_hold_what_an_array_would_however_little_stays_in_memory(
    written: list[tuple[int, ...]], held: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.zarr"
        labels = SparseLabels(SHAPE, path, held=held << 20)
        array = np.zeros(SHAPE, np.uint32)
        for z, row, col, height, width, label in written:
            box = (
                slice(z, z + 1),
                slice(row, min(row + height, SHAPE[1])),
                slice(col, min(col + width, SHAPE[2])),
            )
            array[box] = label
            indices = indices_of(*box)
            labels.write(indices, label)
            labels.flush()
            assert (labels.read(indices) == label).all()
        np.testing.assert_array_equal(labels.array(), array)
        for number, level in enumerate(labels.levels):
            coarse = array[:, :: 2**number, :: 2**number]
            assert level.shape == coarse.shape
            np.testing.assert_array_equal(np.asarray(level), coarse)
            np.testing.assert_array_equal(
                level[:, 90:700, 5:400][1], coarse[1, 90:700, 5:400]
            )
            np.testing.assert_array_equal(
                level[1, 3:90:7, -40:], coarse[1, 3:90:7, -40:]
            )
        # Somebody else reads the same from disk.
        labels.close()
        again = SparseLabels.open(path)
        np.testing.assert_array_equal(again.array(), array)
        assert again.max_id() == array.max()
        for level, other in zip(labels.levels, again.levels, strict=True):
            np.testing.assert_array_equal(level[...], other[...])


def test_huge_labels_cost_what_is_in_them(tmp_path: Path) -> None:
    labels = SparseLabels(HUGE, tmp_path / "labels.zarr")
    assert labels.levels[-1].shape[0] <= 1024
    where = indices_of(slice(70_000, 70_300), slice(99_500, 99_800))
    change = PixelChange.between(HUGE, where, labels.read(where), 7)
    change.apply(labels)
    assert change.where.dtype == np.uint64
    assert (labels.read(where) == 7).all()
    assert labels.levels[3][70_150 // 8, 99_650 // 8] == 7
    assert len(survey(labels)) == 1
    assert survey(labels)[7].area == 90_000
    labels.flush()
    files = sum(
        file.stat().st_size for file in labels.path.rglob("*") if file.is_file()
    )
    assert files < 200_000
    change.revert(labels)
    assert not labels.read(where).any()
    with pytest.raises(LabelsError, match="OME-Zarr"):
        np.asarray(labels.levels[0])


def test_what_a_crash_has_left_half_written_is_no_chunk(tmp_path: Path) -> None:
    labels = SparseLabels((3000, 3000), tmp_path / "labels.zarr", "labels")
    labels.write((np.array([5]), np.array([7])), 3)
    labels.flush()
    (chunk,) = (tmp_path / "labels.zarr" / "0" / "c").glob("*/*")
    chunk.with_name(f"{chunk.name}.705d35.partial").write_bytes(b"half")
    # As macOS does when somebody looks into a folder.
    chunk.with_name(".DS_Store").write_bytes(b"icons")
    labels.close()
    found = SparseLabels.open(tmp_path / "labels.zarr")
    assert found.box((slice(5, 6), slice(7, 8))) == 3


def test_what_a_crash_has_left_becomes_what_the_journal_says(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    labels = SparseLabels((3000, 3000), path)
    known = indices_of(slice(100, 200), slice(500, 600))
    unknown = indices_of(slice(2000, 2100), slice(500, 600))
    labels.write(known, 1)
    labels.write(unknown, 2)
    labels.flush()
    labels.close()
    # The coarser level was not written yet, a chunk is torn, an object was not told of.
    shutil.rmtree(path / "1" / "c")
    (path / "0" / "c" / "0" / "1").write_bytes(b"torn")
    found = SparseLabels.open(path)
    found.become(known, [1])
    found.flush()
    found.close()
    for labels in (found, SparseLabels.open(path)):
        assert (labels.read(known) == 1).all()
        assert not labels.read(unknown).any()
        assert labels.max_id() == 1
        assert labels.levels[1][75, 275] == labels.levels[2][37, 137] == 1
        assert labels.array().sum() == 100 * 100


def test_what_a_damaged_journal_does_not_know_of_stays(tmp_path: Path) -> None:
    labels = SparseLabels((3000, 3000), tmp_path / "labels.zarr")
    known = indices_of(slice(100, 200), slice(500, 600))
    unknown = indices_of(slice(150, 200), slice(600, 700))
    labels.write(unknown, 2)
    labels.become(known, [1], others=True)
    assert (labels.read(known) == 1).all()
    assert (labels.read(unknown) == 2).all()
    assert labels.max_id() == 2


def test_an_object_is_written_while_a_whole_image_is_read(tmp_path: Path) -> None:
    level = SparseLabels((1024, 1024), tmp_path / "labels.zarr").levels[0]
    for place in (5, 900):
        level.write((np.array([place]), np.array([place])), np.array([3], np.uint32))

    class Told:
        """A lock that is told to write as soon as somebody else could."""

        def __init__(self) -> None:
            self.depth, self.written = 0, False

        def __enter__(self) -> None:
            self.depth += 1

        def __exit__(self, *_: object) -> None:
            self.depth -= 1
            if self.depth == 0 and not self.written:
                self.written = True
                there = np.array([901])
                level.write((there, there), np.array([7], np.uint32))

    level._lock = Told()  # type: ignore[assignment]
    found = level.box((slice(0, 1024), slice(0, 1024)))
    assert (found[5, 5], found[900, 900], found[901, 901]) == (3, 3, 7)


def test_one_window_at_a_time_writes(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    labels = SparseLabels((3000, 3000), path)
    where = indices_of(slice(0, 9), slice(0, 9))
    labels.write(where, 1)
    labels.flush()
    with pytest.raises(LabelsError, match="another window"):
        SparseLabels.open(path)
    code = (
        "import sys, pathlib; from napari_sam2.annotation.sparse import SparseLabels; "
        "SparseLabels.open(pathlib.Path(sys.argv[1]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "another window" in told.stderr
    # What is written last is there for whoever comes next, however soon.
    labels.write(where, 2)
    labels.close()
    again = SparseLabels.open(path)
    assert (again.read(where) == 2).all()
    again.close()
    # A layer that was taken away and comes back goes on.
    labels.write(where, 3)
    labels.flush()
    with pytest.raises(LabelsError, match="another window"):
        SparseLabels.open(path)


def test_what_a_script_wrote_last_is_on_disk_when_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    code = (
        "import sys, pathlib, numpy as np\n"
        "from napari_sam2.annotation.sparse import SparseLabels\n"
        "labels = SparseLabels((9000, 9000), pathlib.Path(sys.argv[1]))\n"
        "for place in range(0, 9000, 500):\n"
        "    labels.write((np.array([place]), np.array([place])), place + 1)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == ""
    found = SparseLabels.open(path)
    places = np.arange(0, 9000, 500)
    np.testing.assert_array_equal(found.read((places, places)), places + 1)


def test_nothing_is_made_on_disk_before_there_is_an_object(tmp_path: Path) -> None:
    labels = SparseLabels(HUGE, tmp_path / "labels.zarr")
    assert not labels.read(indices_of(slice(0, 9), slice(0, 9))).any()
    labels.flush()
    labels.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LabelsError, match="no labels"):
        SparseLabels.open(tmp_path / "labels.zarr")


def test_what_others_know_of_ome_zarr_opens_them(tmp_path: Path) -> None:
    import zarr

    labels = SparseLabels(HUGE, tmp_path / "labels.zarr", "nuclei")
    labels.write(indices_of(slice(5, 9), slice(5, 9)), 3)
    labels.flush()
    group = zarr.open_group(labels.path, mode="r")
    (scales,) = group.attrs["ome"]["multiscales"]
    assert scales["name"] == "nuclei"
    for entry, level in zip(scales["datasets"], labels.levels, strict=True):
        assert group[entry["path"]].shape == level.shape
    assert group["0"][6, 6] == 3


def test_a_full_disk_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = SparseLabels(HUGE, tmp_path / "labels.zarr")
    failed = threading.Event()
    original = labels._store_all

    def full() -> None:
        failed.set()
        raise OSError("no space left on device")

    monkeypatch.setattr(labels, "_store_all", full)
    where = indices_of(slice(5, 9), slice(5, 9))
    labels.write(where, 3)
    assert failed.wait(10)
    while labels._error is None:
        labels._waiting.acquire()
        labels._waiting.release()
    with pytest.raises(LabelsError, match=r"no space left.*Make room"):
        labels.write(where, 4)
    monkeypatch.setattr(labels, "_store_all", original)
    assert (labels.read(where) == 3).all()
    labels.write(where, 5)
    labels.flush()
    labels.close()
    assert (SparseLabels.open(labels.path).read(where) == 5).all()
