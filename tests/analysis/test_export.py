"""Labels that are written come back as they were, or nothing is written."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager
from PIL import Image

from napari_sam2.analysis.export import save_labels
from napari_sam2.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = [(1, 1), (5, 7), (3, 5, 7), (5, 7, 3), (1, 5, 7), (2, 3, 5, 7)]
TYPES = [np.uint8, np.uint16, np.uint32, np.int32, np.int64]


@pytest.fixture(scope="module", autouse=True)
def _napari_readers() -> None:
    PluginManager.instance().discover(include_npe1=False)


def some_labels(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    labels = np.random.default_rng(1).integers(0, 200, shape).astype(dtype)
    labels.flat[-1] = min(np.iinfo(dtype).max, 10**6)
    return labels


def reopened(path: Path) -> np.ndarray:
    """Read a file as napari does when it is opened as Labels."""
    (layer,) = ViewerModel().open(path, plugin="napari", layer_type="labels")
    return np.asarray(layer.data)


def assert_identical(path: Path, labels: np.ndarray) -> None:
    back = reopened(path)
    assert back.dtype == labels.dtype
    np.testing.assert_array_equal(back, labels, strict=True)


@pytest.mark.parametrize("pixel_size", [None, 0.107])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_tiff_reopens_identical(
    tmp_path: Path, shape: tuple[int, ...], dtype: Any, pixel_size: float | None
) -> None:
    labels = some_labels(shape, dtype)
    path = save_labels(tmp_path / "a.tif", labels, pixel_size=pixel_size, unit="µm")
    assert_identical(path, labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_reopens_identical(tmp_path: Path, dtype: Any) -> None:
    labels = some_labels((5, 7), np.uint8).astype(dtype)
    assert_identical(save_labels(tmp_path / "a.png", labels), labels)


@pytest.mark.parametrize(("highest", "dtype"), [(255, np.uint8), (65_535, np.uint16)])
def test_a_png_of_wide_labels_is_as_deep_as_the_ids_need(
    tmp_path: Path, highest: int, dtype: Any
) -> None:
    labels = np.array([[0, 1], [2, highest]], dtype=np.int64)
    back = reopened(save_labels(tmp_path / "a.png", labels))
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, labels)


def test_numpy_files_keep_everything(tmp_path: Path) -> None:
    labels = some_labels((3, 5, 7), np.int32)
    assert_identical(save_labels(tmp_path / "a.npy", labels), labels)


def test_the_extension_may_be_in_capitals(tmp_path: Path) -> None:
    labels = some_labels((5, 7), np.uint16)
    assert_identical(save_labels(tmp_path / "a.TIFF", labels), labels)


def test_the_tiff_knows_its_pixel_size(tmp_path: Path) -> None:
    labels = some_labels((3, 5, 7), np.uint16)
    size = (2.0, 0.5, 0.25)
    path = save_labels(tmp_path / "a.tif", labels, pixel_size=size, unit="µm")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        assert page.tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        assert page.get_resolution("micrometer") == pytest.approx((4.0, 2.0))
        assert tiff.shaped_metadata is not None
        (description,) = tiff.shaped_metadata
    assert description["spacing"] == [2.0, 0.5, 0.25]
    assert description["unit"] == "µm"


def test_a_tiff_without_unit_holds_the_bare_ratio(tmp_path: Path) -> None:
    labels = some_labels((5, 7), np.uint16)
    path = save_labels(tmp_path / "a.tif", labels, pixel_size=2, unit="pixel")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        assert page.tags["ResolutionUnit"].value == tifffile.RESUNIT.NONE
        assert page.resolution == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(("size", "unit"), [(1, "pm"), (1e12, "pixel"), (5e-324, "nm")])
def test_a_pixel_size_beyond_the_fractions_of_a_tiff_is_described_only(
    tmp_path: Path, size: float, unit: str
) -> None:
    labels = some_labels((5, 7), np.uint16)
    path = save_labels(tmp_path / "a.tif", labels, pixel_size=size, unit=unit)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages.first.resolution == (1, 1)
        assert tiff.shaped_metadata is not None
        (description,) = tiff.shaped_metadata
    assert description["spacing"] == [size, size]


def test_the_png_knows_its_pixel_size(tmp_path: Path) -> None:
    labels = some_labels((5, 7), np.uint8)
    path = save_labels(
        tmp_path / "a.png", labels, pixel_size=(1, 2), unit="millimetres"
    )
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((12.7, 25.4))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full((2, 2), 65_536, np.uint32), r"65,535.*save them as TIFF"),
        (np.full((2, 2), -1, np.int16), r"65,535.*save them as TIFF"),
        (np.ones((2, 2, 2), np.uint8), r"one plane.*save them as TIFF"),
    ],
)
def test_what_a_png_cannot_hold_is_sent_to_tiff(
    tmp_path: Path, labels: np.ndarray, message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        save_labels(tmp_path / "a.png", labels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.jpg", {}, r"must end in \.tif"),
        ("a.tif", {"pixel_size": 0}, "positive number"),
        ("a.tif", {"pixel_size": (1, 2, 3)}, "each of the 2 axes"),
        ("a.tif", {"pixel_size": 1, "unit": "parsec"}, "“parsec” is not known"),
        ("no such folder/a.tif", {}, "Choose another folder"),
    ],
)
def test_a_request_that_makes_no_sense_is_explained(
    tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        save_labels(tmp_path / name, np.ones((2, 2), np.uint8), **options)
    assert not list(tmp_path.iterdir())


def test_a_pixel_size_below_what_a_png_can_tell_is_left_out(tmp_path: Path) -> None:
    labels = some_labels((5, 7), np.uint8)
    path = save_labels(tmp_path / "a.png", labels, pixel_size=0.1, unit="nm")
    assert_identical(path, labels)
    with Image.open(path) as image:
        assert "dpi" not in image.info


@pytest.mark.parametrize("labels", [np.ones((2, 2)), np.zeros((0, 3), int), [1, 2]])
def test_only_integer_images_are_labels(tmp_path: Path, labels: Any) -> None:
    with pytest.raises(ExportError, match="not written"):
        save_labels(tmp_path / "a.tif", labels)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.npy"])
def test_a_full_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_labels(tmp_path / name, np.ones((2, 2), np.uint8))

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(ExportError, match="No space left on device"):
        save_labels(path, np.zeros((4, 4), np.uint8))
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    assert_identical(path, np.ones((2, 2), np.uint8))


def test_a_name_that_is_a_folder_is_an_export_error(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(ExportError, match="Could not write"):
        save_labels(tmp_path / "a.tif", np.ones((2, 2), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_exporting_needs_neither_torch_nor_napari() -> None:
    import subprocess

    code = (
        "import sys; import napari_sam2.analysis.export; "
        "print(*sorted({'torch', 'napari', 'qtpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not done.stdout.strip()
