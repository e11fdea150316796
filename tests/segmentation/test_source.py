"""Only what is looked at is read, wherever it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex

if TYPE_CHECKING:
    from pathlib import Path


class Counting:
    """An array without memory, whose pixels say where they are."""

    dtype = np.dtype(np.float32)

    def __init__(self, shape: tuple[int, ...], scale: int = 1) -> None:
        self.shape = shape
        self.ndim = len(shape)
        self.scale = scale
        self.read = 0

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        places = [
            np.arange(*part.indices(length)) if isinstance(part, slice) else part
            for part, length in zip(index, self.shape, strict=True)
        ]
        rows, cols = places[-2:]
        self.read += len(rows) * len(cols)
        # The middle of the pixel, in pixels of the full resolution.
        middle = (self.scale - 1) / 2
        found = (rows * self.scale + middle)[:, None] + 0 * cols
        return found.astype(np.float32)


def pyramid(side: int, levels: int) -> list[Counting]:
    return [Counting((-(-side // 2**k),) * 2, 2**k) for k in range(levels)]


def rows_of(window: tuple[int, int, int, int], height: int) -> np.ndarray[Any, Any]:
    """Where the rows that cover a rectangle evenly have their middles."""
    each = (window[2] - window[0]) / height
    rows: np.ndarray[Any, Any] = window[0] + (np.arange(height) + 0.5) * each - 0.5
    return rows


windows = st.tuples(
    st.integers(0, 900), st.integers(0, 900), st.integers(1, 99), st.integers(1, 99)
).map(lambda w: (w[0], w[1], w[0] + w[2], w[1] + w[3]))


@given(windows, st.integers(1, 120), st.booleans())
def test_what_is_read_covers_the_rectangle_exactly(
    window: tuple[int, int, int, int], wanted: int, several: bool
) -> None:
    levels = pyramid(1000, 4 if several else 1)
    pixels = ArraySource(levels, PlaneIndex()).read(window, (wanted, wanted))
    height = window[2] - window[0]
    assert len(pixels) >= 0.95 * min(wanted, height) - 1
    expected = rows_of(window, len(pixels))
    # At the edge there is nothing to interpolate with: off by half a coarse pixel.
    off = np.abs(pixels[:, 0] - expected)
    assert off.max() <= height / len(pixels)
    assert np.median(off) <= 0.51 * height / len(pixels)


@pytest.mark.parametrize("side", [1_000, 10_000, 100_000, 1_000_000])
def test_what_is_read_does_not_depend_on_the_size_of_the_image(side: int) -> None:
    levels = pyramid(side, 15)
    source = ArraySource(levels, PlaneIndex())
    assert source.read((0, 0, side, side), (512, 512)).shape[0] >= 500
    near = side // 2
    assert source.read((near, near, near + 200, near + 200)).shape == (200, 200)
    assert source.overview().size < 5_000_000
    assert sum(level.read for level in levels) < 6_000_000
    alone = Counting((side, side))
    source = ArraySource([alone], PlaneIndex())
    assert source.read((0, 0, side, side), (100, 100)).shape[0] >= 100
    source.read((near, near, near + 2000, near + 2000), (512, 512))
    source.overview()
    assert alone.read < 12_000_000


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64, bool]
)
def test_coarse_pixels_are_the_mean_of_fine_ones(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 2 if dtype is bool else 200, (40, 60)).astype(dtype)
    found = ArraySource([fine], PlaneIndex()).read((0, 0, 40, 60), (10, 15))
    mean = fine.astype(float).reshape(10, 4, 15, 4).mean((1, 3))
    assert found.dtype == fine.dtype
    if dtype is bool:
        np.testing.assert_array_equal(found, mean >= 0.5)
    else:
        np.testing.assert_allclose(found, mean, atol=0.51, rtol=1e-5)


def test_color_is_averaged_channel_by_channel() -> None:
    fine = np.zeros((8, 8, 3), np.uint8)
    fine[::2, ::2] = (200, 100, 40)
    found = ArraySource([fine], PlaneIndex()).read((0, 0, 8, 8), (4, 4))
    np.testing.assert_array_equal(found, np.full((4, 4, 3), (50, 25, 10)))


STACK = np.random.default_rng(1).integers(0, 999, (3, 4, 128, 160)).astype(np.uint16)
INDEX = PlaneIndex((1, 2, 0, 0), 2, 3)


@pytest.fixture(params=["numpy", "memmap", "dask", "zarr"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The same pixels in arrays of every kind."""
    if request.param == "memmap":
        mapped = np.memmap(tmp_path / "stack", np.uint16, "w+", shape=STACK.shape)
        mapped[...] = STACK
        return mapped
    if request.param == "dask":
        return da.from_array(STACK, chunks=(1, 1, 32, 32))
    if request.param == "zarr":
        return zarr.create_array(
            store=tmp_path / "stack", data=STACK, chunks=(1, 1, 32, 32)
        )
    return STACK


def test_every_kind_of_array_gives_the_same_pixels(stack: Any) -> None:
    source = ArraySource([stack], INDEX)
    plane = STACK[1, 2]
    assert source.shape == (128, 160)
    np.testing.assert_array_equal(source.read((0, 0, 128, 160)), plane)
    np.testing.assert_array_equal(source.read((7, 9, 50, 33)), plane[7:50, 9:33])
    np.testing.assert_array_equal(source.overview(), plane)
    turned = ArraySource([stack], PlaneIndex((1, 2, 0, 0), 3, 2))
    np.testing.assert_array_equal(turned.read((9, 7, 33, 50)), plane.T[9:33, 7:50])


@pytest.mark.parametrize("ndim", [2, 3, 4, 5])
def test_of_chunks_only_those_that_are_looked_at_are_computed(ndim: int) -> None:
    asked: list[tuple[int, ...]] = []

    def block(block_info: Any = None) -> np.ndarray[Any, Any]:
        asked.append(block_info[None]["chunk-location"])
        return np.zeros(block_info[None]["chunk-shape"], np.uint8)

    deep = (2,) * (ndim - 2)
    lazy = da.map_blocks(
        block,
        chunks=(*((1, 1) for _ in deep), (100,) * 50, (100,) * 50),
        dtype=np.uint8,
        meta=np.empty((0,) * ndim, np.uint8),
    )
    index = PlaneIndex((1,) * len(deep) + (0, 0), ndim - 2, ndim - 1)
    source = ArraySource([lazy], index)
    source.read((150, 250, 350, 450))
    assert len(asked) == 9
    assert {place[:-2] for place in asked} == {(1,) * len(deep)}
    asked.clear()
    source.overview()
    assert len(asked) <= 36 * 4


def test_of_zarr_only_the_chunks_that_are_looked_at_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = [
        zarr.create_array(
            store=tmp_path / f"{k}.zarr",
            shape=(100_000 >> k,) * 2,
            chunks=(512, 512),
            dtype=np.uint8,
        )
        for k in range(8)
    ]
    source = ArraySource(levels, PlaneIndex())
    asked: list[Any] = []
    original = zarr.Array.__getitem__

    def counting(self: Any, index: Any) -> Any:
        found = original(self, index)
        asked.append(found.size)
        return found

    monkeypatch.setattr(zarr.Array, "__getitem__", counting)
    found = source.read((0, 0, 100_000, 100_000), (1000, 1000))
    assert found.shape[0] >= 1000
    source.read((5000, 5000, 6000, 6000))
    source.overview()
    assert sum(asked) < 6_000_000


def test_a_plane_of_a_stack_that_is_coarser_in_depth_too() -> None:
    fine = np.repeat(np.arange(8)[:, None, None], 64, 1).repeat(64, 2)
    coarse = fine[::2, ::4, ::4]
    source = ArraySource([fine, coarse], PlaneIndex((5, 0, 0), 1, 2))
    assert source.read((0, 0, 64, 64))[0, 0] == 5
    assert source.read((0, 0, 64, 64), (16, 16))[0, 0] == coarse[2, 0, 0]


def test_the_contrast_is_not_that_of_averages() -> None:
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 1000, (64, 64)).astype(np.uint16)
    fine = da.tile(da.from_array(tile), (100, 100))
    coarse = da.from_array(np.full((100, 100), 500, np.uint16))
    found = ArraySource([fine, coarse], PlaneIndex()).overview()
    low, high = np.percentile(found, (1, 99))
    assert low < 30
    assert high > 970


def test_the_planes_beside_are_reached_from_a_plane() -> None:
    stack = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    source = ArraySource([stack, stack[..., ::2, ::2]], PlaneIndex((0, 1, 0, 0), 2, 3))
    moved = source.moved((1, -1, 7, 7))
    np.testing.assert_array_equal(moved.read((0, 0, 4, 5)), stack[1, 0])
    for steps in ((-1, 0, 0, 0), (0, 2, 0, 0), (1, 0, 0)):
        with pytest.raises(IndexError):
            source.moved(steps)
    # A channel is the same one on all planes.
    channel = ArraySource([stack], PlaneIndex((0, 1, 0, 0), 2, 3), fixed=1)
    moved = channel.moved((0, 2, 0, 0)).moved((1, -3, 0, 0))
    np.testing.assert_array_equal(moved.read((0, 0, 4, 5)), stack[1, 1])
