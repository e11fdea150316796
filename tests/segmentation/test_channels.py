"""Channels become red, green and blue, each in its own light."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.errors import ImageError
from napari_sam2.segmentation.channels import ChannelSource
from napari_sam2.segmentation.embedded import PlanePixels
from napari_sam2.segmentation.intensity import Contrast, to_rgb
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex, View

RNG = np.random.default_rng(4)
DAPI = RNG.normal(900, 200, (60, 80)).clip(0).astype(np.uint16)
GFP = RNG.normal(0.4, 0.1, (60, 80)).astype(np.float32)
MASK = GFP > 0.5


def source(array: Any) -> ArraySource:
    return ArraySource([array], PlaneIndex())


@pytest.mark.parametrize("wrap", [np.asarray, lambda a: da.from_array(a, chunks=32)])
def test_each_is_stretched_by_itself_whatever_its_kind(wrap: Any) -> None:
    whole = ChannelSource([source(wrap(one)) for one in (DAPI, GFP, MASK)])
    rgb = whole.read((0, 0, 60, 80))
    for color, one in enumerate((DAPI, GFP, MASK)):
        np.testing.assert_array_equal(rgb[..., color], to_rgb(one)[..., 0])
    # To the model they are bytes of RGB, and stay as they are.
    pixels = PlanePixels(whole)
    np.testing.assert_array_equal(pixels.seen(View.whole((60, 80), 64)), rgb)
    assert pixels.contrast == whole.contrast


@given(
    places=st.permutations([0, 1, None]),
    low=st.floats(0, 800),
    gamma=st.floats(0.2, 5),
)
def test_colors_that_nothing_is_chosen_for_are_black(
    places: list[int | None], low: float, gamma: float
) -> None:
    arrays, contrast = (DAPI, GFP), Contrast(low, 1000, gamma)
    whole = ChannelSource(
        [None if place is None else source(arrays[place]) for place in places],
        [contrast if place == 0 else None for place in places],
    )
    rgb = whole.read((10, 20, 30, 60))
    assert rgb.shape == (20, 40, 3)
    for color, place in enumerate(places):
        part = rgb[..., color]
        if place is None:
            assert not part.any()
        elif place == 0:
            expected = to_rgb(DAPI[10:30, 20:60], (low, 1000), gamma)[..., 0]
            np.testing.assert_array_equal(part, expected)
        else:
            assert part.any()


def test_what_was_seen_is_seen_again() -> None:
    whole = PlanePixels(ChannelSource([source(DAPI), None, source(GFP)]))
    view = View.whole((60, 80), 64)
    seen, contrast = whole.seen(view), whole.contrast
    other = PlanePixels(
        ChannelSource([source(DAPI), None, source(GFP)], [Contrast(0, 1)] * 3)
    )
    assert not np.array_equal(other.seen(view), seen)
    np.testing.assert_array_equal(other.shown_with(contrast).seen(view), seen)
    assert whole.shown_with(contrast) is whole


def test_one_of_a_coarser_pyramid_lies_over_the_others() -> None:
    fine = np.zeros((64, 64), np.uint8)
    fine[:, 32:] = 200
    pyramid = ArraySource([fine, fine[::4, ::4]], PlaneIndex())
    rgb = ChannelSource([source(fine), pyramid]).read((0, 0, 64, 64), (16, 16))
    assert rgb.shape[:2] == (16, 16)
    odd = ArraySource([fine, fine[:48:4, ::4]], PlaneIndex())
    rgb = ChannelSource([source(fine), odd]).read((0, 0, 64, 64), (12, 16))
    np.testing.assert_array_equal(rgb[:, 4, :2], 0)
    np.testing.assert_array_equal(rgb[:, 12, :2], 255)


def test_what_cannot_be_a_channel_is_said_to_be_so() -> None:
    with pytest.raises(ImageError, match="one shape"):
        ChannelSource([source(DAPI), source(GFP[:-1])])
    with pytest.raises(ImageError, match="one to three"):
        ChannelSource([])
    with pytest.raises(ImageError, match="one to three"):
        ChannelSource([source(DAPI)] * 4)
    rgb = source(np.zeros((60, 80, 3), np.uint8))
    with pytest.raises(ImageError, match="RGB"):
        ChannelSource([rgb, source(DAPI)]).read((0, 0, 9, 9))


def test_a_channel_without_a_number_in_it_is_black() -> None:
    nothing = np.full((60, 80), np.nan)
    rgb = ChannelSource([source(nothing), source(DAPI)]).read((0, 0, 60, 80))
    assert not rgb[..., 0].any()
    assert rgb[..., 1].any()


def test_beside_lie_the_same_channels() -> None:
    stack = np.random.default_rng(0).integers(0, 999, (2, 3, 40, 50), np.uint16)
    red, blue = (ArraySource([stack], PlaneIndex((c, 1, 0, 0), 2, 3)) for c in (0, 1))
    asked = [None, None, Contrast(0, 500)]
    moved = ChannelSource([red, None, blue], asked).moved((0, 1, 0, 0))
    there = ChannelSource([source(stack[0, 2]), None, source(stack[1, 2])], asked)
    window = (0, 0, 40, 50)
    np.testing.assert_array_equal(moved.read(window), there.read(window))
