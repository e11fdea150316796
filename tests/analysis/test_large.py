"""Labels that do not fit into memory are written and measured a part at a time."""

from __future__ import annotations

import errno
import os
import tracemalloc
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_sam2.analysis import blocks
from napari_sam2.analysis.export import save_labels
from napari_sam2.analysis.table import object_table
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 20_000
STACK = (60, 1800, 1500)
# Across chunks, blocks and tiles, and at the edges.
BOXES = {
    1: (slice(0, 300), slice(0, 200)),
    7: (slice(4000, 4200), slice(8100, 8300)),
    70_000: (slice(SIDE - 90, SIDE), slice(SIDE - 40, SIDE)),
}


@pytest.fixture
def sparse(tmp_path: Path) -> SparseLabels:
    labels = SparseLabels((SIDE, SIDE), tmp_path / "store.zarr", held=4 << 20)
    for label, (rows, cols) in BOXES.items():
        grid = np.mgrid[rows, cols]
        labels.write((grid[0].ravel(), grid[1].ravel()), label)
    return labels


def assert_there(array: Any) -> None:
    for label, box in BOXES.items():
        assert (np.asarray(array[box]) == label).all()
    around = np.asarray(array[3900:4300, 8000:8400])
    assert (around > 0).sum() == 200 * 200


def test_a_tiff_of_tiles_reopens_identical_with_its_levels(
    tmp_path: Path, sparse: SparseLabels
) -> None:
    tracemalloc.start()
    path = save_labels(tmp_path / "a.tif", sparse.levels[0], pixel_size=0.5, unit="µm")
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()
    assert path.stat().st_size < 10 << 20
    with tifffile.TiffFile(path) as file:
        [series] = file.series
        assert series.shape == (SIDE, SIDE)
        assert series.dtype == np.uint32
        assert [level.shape for level in series.levels] == [
            level.shape for level in sparse.levels
        ]
        assert_there(zarr.open(series.aszarr(level=0), mode="r"))
        page = file.pages.first
        assert page.tags["XResolution"].value == pytest.approx((20_000, 1))
        coarse = series.levels[-1].asarray()
    np.testing.assert_array_equal(coarse, np.asarray(sparse.levels[-1]))


@pytest.mark.parametrize("kind", ["sparse", "dask"])
def test_ome_zarr_reopens_identical(
    tmp_path: Path, sparse: SparseLabels, kind: str
) -> None:
    labels = sparse.levels[0] if kind == "sparse" else sparse.array()
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "old").touch()
    assert save_labels(path, labels, pixel_size=0.5, unit="µm") == path
    assert sorted(p.name for p in tmp_path.iterdir() if "a.zarr" in p.name) == [
        "a.zarr"
    ]
    group = zarr.open_group(path, mode="r")
    assert_there(group["0"])
    [about] = group.attrs["ome"]["multiscales"]
    assert [axis["unit"] for axis in about["axes"]] == ["micrometer"] * 2
    for entry, level in zip(about["datasets"], sparse.levels, strict=True):
        [transformation] = entry["coordinateTransformations"]
        assert transformation["scale"] == [0.5 * 2 ** int(entry["path"])] * 2
        array = group[entry["path"]]
        assert array.shape == level.shape
        if level.size < 30_000_000:
            np.testing.assert_array_equal(array[:], np.asarray(level))


def test_small_labels_and_stacks_are_written_as_ome_zarr_too(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 9, (2, 1300, 700)).astype(np.uint16)
    path = save_labels(tmp_path / "a.zarr", labels)
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["0"][:], labels)
    np.testing.assert_array_equal(group["1"][:], labels[:, ::2, ::2])
    assert group["0"].dtype == np.uint16
    with pytest.raises(ExportError, match="five axes"):
        save_labels(tmp_path / "b.zarr", labels[None, None, None, None])


def test_a_stack_that_does_not_fit_is_written_plane_by_plane(tmp_path: Path) -> None:
    labels = SparseLabels(STACK, tmp_path / "store.zarr")
    where = tuple(np.full(9, at) for at in (59, 1799, 1499))
    labels.write(where, 5)
    path = save_labels(tmp_path / "a.tif", labels.levels[0])
    with tifffile.TiffFile(path) as file:
        assert file.series[0].shape == STACK
        assert file.asarray(key=59)[1799, 1499] == 5
        assert not file.asarray(key=3).any()


def test_labels_that_could_not_be_replaced_are_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_labels(tmp_path / "a.zarr", np.ones((40, 50), np.uint16))
    replace = os.replace

    def refused(source: Path, target: Path) -> None:
        if source.suffix == ".part":
            raise PermissionError(errno.EACCES, "Somebody looks into it")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refused)
        with pytest.raises(ExportError, match="Somebody looks into it"):
            save_labels(path, np.full((40, 50), 2, np.uint16))
    assert [*tmp_path.iterdir()] == [path]
    found: Any = zarr.open_group(path, mode="r")["0"]
    assert (found[:] == 1).all()


def test_ids_whose_bytes_are_the_other_way_round_stay_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_SMALL", 0)
    ids = np.arange(600 * 700).reshape(600, 700)
    for order in "<>":
        labels = da.from_array(ids.astype(f"{order}u4"), chunks=500)
        path = save_labels(tmp_path / "a.tif", labels)
        np.testing.assert_array_equal(tifffile.imread(path), ids)


def test_what_cannot_be_written_in_parts_says_what_can(
    tmp_path: Path, sparse: SparseLabels
) -> None:
    for name in ("a.png", "a.npy"):
        with pytest.raises(ExportError, match=r"OME-Zarr \(\.zarr\)"):
            save_labels(tmp_path / name, sparse.levels[0])


def test_the_table_is_the_same_for_every_kind_of_array(sparse: SparseLabels) -> None:
    table = object_table(sparse.levels[0], pixel_size=(0.5, 0.5), unit="µm")
    assert table["id"] == list(BOXES)
    assert table["area_pixels"] == [60_000, 40_000, 3600]
    assert table["area"][0] == 15_000
    assert table["bbox-0"] == [0, 4000, SIDE - 90]
    assert table["bbox-3"] == [200, 8300, SIDE]
    few = da.from_array(np.eye(50, dtype=np.uint8)[None], chunks=20)
    assert object_table(few)["area_pixels"] == [50]


def test_what_is_annotated_on_is_seen_by_who_holds_the_lazy_array(
    sparse: SparseLabels,
) -> None:
    array = sparse.array()
    assert isinstance(array, da.Array)
    assert_there(array)
    sparse.write((np.array([19_000]), np.array([5])), 9)
    assert array[19_000, 5].compute() == 9
