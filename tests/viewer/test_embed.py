"""What was encoded on the command line is ready when napari opens it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr
from imageio.v3 import imwrite
from napari.components import ViewerModel
from typer.testing import CliRunner

from napari_sam2 import cli
from napari_sam2.engines.torch import TorchEngine
from napari_sam2.errors import CacheError, Cancelled
from napari_sam2.segmentation.embedding_files import CACHE_VARIABLE
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.viewport import view_for
from napari_sam2.viewer.layers import plane_of
from napari_sam2.viewer.preferences import embedding_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from napari_sam2.engines.base import Engine

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 4000, (2, 3, 40, 50), np.uint16)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def encodes(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Return what the model is shown, whoever shows it."""
    seen: list[np.ndarray] = []
    encode = TorchEngine.encode

    def watched(self: TorchEngine, image: np.ndarray, **options: Any) -> Any:
        seen.append(image)
        return encode(self, image, **options)

    monkeypatch.setattr(TorchEngine, "encode", watched)
    return seen


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Segmenter("starter", "cpu").engine


@pytest.fixture
def viewer() -> Iterator[ViewerModel]:
    viewer = ViewerModel()
    yield viewer
    viewer.layers.clear()


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, [*arguments], catch_exceptions=False)


def test_every_plane_that_napari_shows_is_ready(
    tmp_path: Path,
    viewer: ViewerModel,
    engine: Engine,
    encodes: list[np.ndarray],
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    np.save(folder / "a.npy", STACK)
    gray = {"photometric": "minisblack"}
    tifffile.imwrite(folder / "b.tif", STACK[0] + 1, **gray)
    tifffile.imwrite(folder / "c.tif", STACK[1] + 2, compression="zlib", **gray)
    imwrite(folder / "d.png", RNG.integers(0, 255, (40, 50, 3), np.uint8))
    zarr.save_array(folder / "e.zarr", STACK[0, 0] + 3)
    told = ask("embed", str(folder), "--device", "cpu")
    assert told.exit_code == 0, told.output
    assert "a.npy: 6 planes ready\n" in told.output
    assert "14 views are ready" in told.output
    assert len(encodes) == 14
    disk = embedding_files()
    for path in sorted(folder.iterdir()):
        viewer.layers.clear()
        (layer,) = viewer.open(path, plugin="napari")
        for place in np.ndindex(*viewer.dims.nsteps[:-2]):
            viewer.dims.current_step = (*place, 0, 0)
            plane = plane_of(layer, viewer.dims)
            assert plane is not None
            view = view_for(plane.shape, (-5, -5, 60, 60), engine.image_size)
            assert disk.has(plane.pixels().key(view, engine), engine), path
    # Nothing of it has to be done again.
    again = ask("embed", str(folder), "--device", "cpu")
    assert "b.tif: 3 planes ready, 3 of them before" in again.output
    assert len(encodes) == 14


def test_a_pyramid_is_seen_as_napari_sees_it(
    tmp_path: Path, viewer: ViewerModel, engine: Engine
) -> None:
    levels = [RNG.integers(0, 99, (2400, 2400), np.uint8)]
    levels += [levels[0][::2, ::2], levels[0][::4, ::4]]
    group = zarr.open_group(tmp_path / "slide.zarr", mode="w")
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level)
    group.attrs["multiscales"] = [{"datasets": [{"path": str(n)} for n in range(3)]}]
    assert ask("embed", str(tmp_path / "slide.zarr")).exit_code == 0
    layer = viewer.add_image(levels, multiscale=True)
    plane = plane_of(layer, viewer.dims)
    assert plane is not None
    view = view_for(plane.shape, (-99, -99, 2500, 2500), engine.image_size)
    disk = embedding_files()
    assert disk.has(plane.pixels().key(view, engine), engine)


def test_a_file_that_cannot_be_read_does_not_keep_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad.tif").write_text("no image")
    torn = tmp_path / "torn.zarr"
    zarr.save_array(torn, STACK[0, 0])
    for chunk in torn.glob("c/*/*"):
        chunk.write_bytes(b"torn")
    np.save(tmp_path / "empty.npy", STACK[:0])
    np.save(tmp_path / "waves.npy", STACK[0, 0] * 1j)
    np.save(tmp_path / "good.npy", STACK[0, 0])
    # What macOS keeps beside files on the disks of others.
    (tmp_path / "._good.npy").write_text("no image")
    told = ask("embed", str(tmp_path / "missing.tif"), str(tmp_path))
    assert told.exit_code == 1
    assert "There is no file" in told.output
    assert "bad.tif” cannot be read" in told.output
    assert "torn.zarr” cannot be read" in told.output
    assert "empty.npy” is no image" in told.output
    assert "waves.npy”: An image must be made of" in told.output
    assert "._good" not in told.output
    assert "good.npy: 1 plane ready" in told.output


def test_one_plane_of_a_stack_can_be_chosen(
    tmp_path: Path, encodes: list[np.ndarray]
) -> None:
    np.save(tmp_path / "a.npy", STACK)
    told = ask("embed", str(tmp_path / "a.npy"), "--plane", "1,2", "--plane", "0,0")
    assert "a.npy: 2 planes ready" in told.output
    assert len(encodes) == 2
    assert ask("embed", str(tmp_path / "a.npy"), "--plane", "7").exit_code == 1


def test_ctrl_c_loses_nothing(
    tmp_path: Path, encodes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", STACK)
    encode = TorchEngine.encode

    def interrupted(self: TorchEngine, image: np.ndarray, **options: Any) -> Any:
        if len(encodes) == 3:
            signal.raise_signal(signal.SIGINT)
        return encode(self, image, **options)

    with monkeypatch.context() as patch:
        patch.setattr(TorchEngine, "encode", interrupted)
        with pytest.raises(Cancelled):
            ask("embed", str(tmp_path / "a.npy"))
    told = ask("embed", str(tmp_path / "a.npy"))
    assert "6 planes ready, 3 of them before" in told.output


def test_no_more_is_prepared_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    np.save(tmp_path / "a.npy", STACK)
    monkeypatch.setenv(CACHE_VARIABLE, "0.01")
    with pytest.raises(CacheError, match="hold 3 views"):
        ask("embed", str(tmp_path / "a.npy"))
    assert len([*(home / "embeddings").iterdir()]) == 3
    monkeypatch.setenv(CACHE_VARIABLE, "0")
    with pytest.raises(CacheError, match="switch that on"):
        ask("embed", str(tmp_path / "a.npy"))


def test_the_cache_is_told_of_and_emptied(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", STACK[0, 0])
    ask("embed", str(tmp_path / "a.npy"))
    told = ask("cache").output
    assert told.startswith("1 view, 0.00 GB (at most 4 GB), in ")
    assert ask("cache", "--clear").output.startswith("0 views")
    assert embedding_files().usage.count == 0
