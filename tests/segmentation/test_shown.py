"""What is shown as what the model sees is what the engine was given."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.engines.pixels import squashed
from napari_sam2.segmentation.channels import ChannelSource
from napari_sam2.segmentation.embedded import PlanePixels
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.shown import shown
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex, View
from tests.segmentation.fakes import FakeEngine

SMALL = np.random.default_rng(2).normal(5000, 900, (120, 90)).astype(np.uint16)
LARGE = np.random.default_rng(3).normal(0.5, 0.1, (2100, 2400)).astype(np.float32)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("array", [SMALL, LARGE])
def test_it_is_what_the_engine_was_given(array: np.ndarray, transposed: bool) -> None:
    engine = FakeEngine()
    source = ArraySource([array], PlaneIndex())
    window = (10, 20, 110, 85)
    view = View(array.shape, window, engine.image_size, transposed)
    image = Segmenter(engine=engine).embed_plane(PlanePixels(source), view)
    found = shown(image)
    assert found.pixels.shape == (64, 64, 3)
    given = squashed(engine.images[-1], engine.image_size)
    expected = np.rint(given).astype(np.uint8)
    if transposed:
        expected = expected.swapaxes(0, 1)
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.contrast == image.pixels.contrast


def test_it_says_what_of_the_plane_it_is() -> None:
    segmenter = Segmenter(engine=FakeEngine())
    source = ArraySource([SMALL], PlaneIndex())
    pixels = PlanePixels(source, (1200, 48000), 0.5)
    whole = shown(segmenter.embed_plane(pixels))
    assert whole.where == "64 by 64 pixels, of all 120 rows and 90 columns"
    assert whole.light == "Black is 1,200, white 48,000, gamma 0.5"
    part = View((120, 90), (8, 0, 40, 32), 64)
    found = shown(segmenter.embed_plane(pixels, part))
    assert found.where == "64 by 64 pixels, of rows 8 to 39 and columns 0 to 31"
    both = PlanePixels(ChannelSource([None, source, source]))
    light = shown(segmenter.embed_plane(both)).light
    assert light.startswith("Green ")
    assert " · Blue " in light
    rgb = np.zeros((120, 90, 3), np.uint8)
    assert shown(segmenter.embed(rgb)).light == ""
