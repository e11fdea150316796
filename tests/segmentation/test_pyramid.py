"""Levels that are averaged when they are looked at are those of the whole array."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.engines.cancellation import Cancelled, CancelToken
from napari_sam2.segmentation import pyramid as module
from napari_sam2.segmentation.pyramid import Pyramid
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex

RNG = np.random.default_rng(6)
STACK = RNG.integers(0, 60000, (3, 130, 205), dtype=np.uint16)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COARSEST", 16)
    monkeypatch.setattr(module, "_HELD_SIDE", 60)
    monkeypatch.setattr(module, "_TILE", 64)


def means(array: np.ndarray, factor: int) -> np.ndarray:
    rows, cols = (length // factor for length in array.shape[:2])
    cut = array[: rows * factor, : cols * factor].astype(float)
    blocks = cut.reshape(rows, factor, cols, factor, *array.shape[2:])
    return blocks.mean(axis=(1, 3))


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("wrap", [np.asarray, lambda a: da.from_array(a, chunks=50)])
def test_each_level_is_the_mean_of_its_blocks(wrap: Any, prepared: bool) -> None:
    levels = Pyramid(wrap(STACK))
    if prepared:
        levels.prepare((1,))
    assert [one.shape for one in levels.levels] == [
        (3, 130 // factor, 205 // factor) for factor in (1, 2, 4, 8, 16)
    ]
    assert levels.levels[0] is levels.data
    for factor, level in zip((2, 4), levels.levels[1:], strict=False):
        expected = means(STACK[1], factor)
        np.testing.assert_allclose(level[1], expected, atol=0.51 + prepared)
    # Of more than four pixels along an axis, some are left out.
    coarse = np.asarray(levels.levels[4][1], float)
    assert np.abs(coarse - means(STACK[1], 16)).mean() < 6000


@given(data=st.data())
def test_it_is_sliced_as_an_array_is(data: st.DataObject) -> None:
    level = Pyramid(STACK).levels[1]
    whole = np.asarray(level)
    assert whole.shape == level.shape
    index = []
    for length in level.shape:
        start = data.draw(st.integers(0, length - 1))
        stop = data.draw(st.integers(0, length))
        step = data.draw(st.integers(1, 4))
        index.append(data.draw(st.sampled_from([start, slice(start, stop, step)])))
    count = data.draw(st.integers(0, 3))
    np.testing.assert_array_equal(
        level[tuple(index[:count])], whole[tuple(index[:count])]
    )
    np.testing.assert_array_equal(level[..., index[2]], whole[..., index[2]])


def test_colors_stay_apart() -> None:
    rgb = np.zeros((90, 70, 3), np.uint8)
    rgb[..., 1] = 200
    levels = Pyramid(rgb, rgb=True)
    levels.prepare(())
    assert levels.levels[-1].shape == (11, 8, 3)
    for level in levels.levels[1:]:
        np.testing.assert_array_equal(np.asarray(level)[..., 1], 200)
        assert not np.asarray(level)[..., 0].any()


def test_the_model_reads_the_level_that_is_fine_enough() -> None:
    levels = Pyramid(STACK[:, :128, :200])
    source = ArraySource(levels.levels, PlaneIndex((2, 0, 0), 1, 2))
    read = source.read((0, 0, 128, 200), (16, 25))
    np.testing.assert_array_equal(read, levels.levels[3][2])


def test_what_is_prepared_is_not_read_again() -> None:
    reads = 0

    def block(pixels: np.ndarray) -> np.ndarray:
        nonlocal reads
        reads += 1
        return pixels

    lazy = da.from_array(STACK, chunks=(1, 65, 103)).map_blocks(
        block, dtype=STACK.dtype, meta=np.zeros((0, 0, 0), STACK.dtype)
    )
    levels = Pyramid(lazy)
    assert reads == 0
    levels.prepare((0,))
    before = reads
    assert before > 0
    for level in levels.levels[2:]:
        assert np.asarray(level[0]).any()
    assert reads == before
    assert np.asarray(levels.levels[2][1]).any()
    assert reads > before


def test_it_can_be_stopped() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        Pyramid(STACK).prepare((0,), token)
