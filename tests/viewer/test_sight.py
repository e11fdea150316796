"""What the model sees of an image is what the user has said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.viewer.conftest import A

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_sam2.viewer.controller import Controller
    from tests.viewer.fakes import FakeSegmenter
    from tests.viewer.hand import Hand


def test_the_contrast_of_the_layer_is_followed_once_it_rests(
    hand: Hand, segmenter: FakeSegmenter
) -> None:
    session, layer = hand.session, hand.layer
    hand.click_and_wait(*A)
    current = session.current
    hand.controller.sight.contrast = "layer"
    hand.wait(lambda: len(segmenter.encodes) == 2)
    for high in range(250, 180, -5):
        layer.contrast_limits = (0, high)
    layer.gamma = 0.5
    hand.wait(lambda: len(segmenter.encodes) == 3)
    expected = np.rint((100 / 185) ** 0.5 * 255)
    assert segmenter.encodes[-1][A] == expected
    # It is the same image, and the same object in hand.
    assert session.current is current
    hand.wait(lambda: not session.busy)
    assert len(segmenter.encodes) == 3


def test_without_being_told_the_model_does_not_see_what_the_layer_shows(
    controller: Controller, viewer: ViewerModel, segmenter: FakeSegmenter
) -> None:
    viewer.layers[0].contrast_limits = (0, 100)
    viewer.layers[0].gamma = 2
    controller.session.wait()
    assert len(segmenter.encodes) == 1


def test_rgb_is_never_stretched(
    viewer: ViewerModel,
    control: Callable[[Any], Controller],
    segmenter: FakeSegmenter,
) -> None:
    rgb = np.zeros((40, 50, 3), np.uint8)
    rgb[:20] = 90
    viewer.add_image(rgb, rgb=True)
    controller = control(viewer)
    controller.sight.contrast = "layer"
    controller.session.wait()
    np.testing.assert_array_equal(segmenter.encodes[-1], rgb[..., 0])
