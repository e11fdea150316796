"""An image that is too large to be drawn is shown in several resolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtTest import QTest

from napari_sam2.errors import ImageError
from napari_sam2.segmentation import pyramid as levels
from napari_sam2.viewer import pyramid_offer
from tests.viewer.conftest import A, B
from tests.viewer.fakes import discs
from tests.viewer.hand import LEFT, Hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.viewer.controller import Controller

SHAPE = (200, 240)
PIXELS = discs([A, B], SHAPE, 25)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take for large what is small, so that the tests need no gigabytes."""
    monkeypatch.setattr(levels, "_COARSEST", 32)
    monkeypatch.setattr(pyramid_offer, "TEXTURE", 128)
    # Planes beside are not read ahead.
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 1e9)


def test_one_click_makes_it(hand: Hand) -> None:
    viewer, original = hand.viewer, hand.layer
    original.colormap, original.gamma = "green", 0.7
    original.contrast_limits = (5, 222)
    hand.click_and_wait(*A)
    labels = hand.controller.choices.labels
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    line = widget.pyramid
    hand.wait(line.isVisible)
    assert line.text.text() == "240 px wide"
    QTest.mouseClick(line.make, LEFT)
    hand.wait(lambda: hand.controller.choices.image is not original)
    made = hand.controller.choices.image
    assert isinstance(made, Image)
    assert [tuple(one.shape) for one in made.data] == [
        (200, 240),
        (100, 120),
        (50, 60),
        (25, 30),
    ]
    assert made.data[0] is original.data
    assert not line.isVisible()
    assert not original.visible
    assert made.name == "cells"
    assert viewer.layers.index(made) == viewer.layers.index(original) + 1
    for name in ("contrast_limits", "gamma"):
        assert getattr(made, name) == getattr(original, name)
    assert made.colormap.name == "green"
    # The work goes on in the same labels.
    assert hand.controller.choices.labels is labels
    hand.wait_ready()
    hand.click_and_wait(*B)
    assert len(hand.session.objects) == 2
    viewer.layers.remove(made)
    assert hand.controller.choices.image is original
    # Who has taken it away again is not asked again.
    assert not line.isVisible()


def test_of_a_stack_the_plane_in_view_is_read(
    control: Callable[[Any], Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[tuple[int, ...]] = []
    prepare = levels.Pyramid.prepare

    def spy(pyramid: levels.Pyramid, position: tuple[int, ...], cancel: Any) -> None:
        prepared.append(position)
        prepare(pyramid, position, cancel)

    monkeypatch.setattr(levels.Pyramid, "prepare", spy)
    viewer = ViewerModel()
    stack = da.from_array(np.stack([PIXELS] * 5), chunks=(1, 100, 120))
    image = viewer.add_image(stack, scale=(3.0, 0.5, 0.5), name="stack")
    tool = control(viewer)
    viewer.dims.set_point(0, 9.0)
    tool.workspace.pyramids.make()
    assert tool.workspace.pyramids.text == "Reading the image once"
    tool.session.wait()
    assert prepared == [(3,)]
    made = tool.choices.image
    assert made is not None
    assert made is not image
    np.testing.assert_array_equal(made.scale, image.scale)
    tool.session.click(*A)
    assert tool.session.labels[3].any()


def test_what_is_kept_on_it_is_kept_of_the_image(
    control: Callable[[Any], Controller],
) -> None:
    """Also when the image is opened again as it is in its file."""

    def opened() -> tuple[Any, Controller]:
        viewer = ViewerModel()
        viewer.add_image(da.from_array(PIXELS, chunks=100), name="slide")
        tool = control(viewer)
        return viewer, tool

    viewer, tool = opened()
    [original] = viewer.layers
    tool.workspace.pyramids.make()
    tool.session.wait()
    made = tool.choices.image
    assert made is not original
    tool.session.click(*A)
    tool.session.wait()
    labels = tool.choices.labels
    assert labels is not None
    viewer.layers.remove(made)
    assert tool.choices.image is original
    assert tool.choices.labels is labels
    assert list(tool.session.objects) == [1]
    tool.close()
    _, again = opened()
    again.session.wait()
    assert len(again.session.offers.all) == 1


def test_the_model_sees_the_pixels_that_are_in_the_file(
    control: Callable[[Any], Controller],
) -> None:
    """From averages, a session that is done again would be another one."""
    pixels = np.random.default_rng(3).integers(0, 255, SHAPE, dtype=np.uint8)
    viewer = ViewerModel()
    viewer.add_image(da.from_array(pixels, chunks=100))
    tool = control(viewer)
    tool.session.wait()
    before = tool.session.plane
    tool.workspace.pyramids.make()
    tool.session.wait()
    after = tool.session.plane
    assert before is not None
    assert after is not None
    assert after.image != before.image
    window, size = (0, 0, 200, 240), (20, 24)
    np.testing.assert_array_equal(
        after.source.read(window, size), before.source.read(window, size)
    )


def test_who_went_on_to_another_image_is_left_there(
    control: Callable[[Any], Controller],
) -> None:
    viewer = ViewerModel()
    large = viewer.add_image(PIXELS)
    tool = control(viewer)
    tool.workspace.pyramids.make()
    other = viewer.add_image(PIXELS[:100, :100])
    tool.session.wait()
    assert len(viewer.layers) == 3
    assert not large.visible
    assert tool.choices.image is other
    assert viewer.layers.selection.active is other


def test_what_cannot_be_read_is_said_once_and_offered_again(
    control: Callable[[Any], Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = ViewerModel()
    viewer.add_image(PIXELS)
    tool = control(viewer)
    told: list[Exception] = []
    tool.session.failed.connect(told.append)
    monkeypatch.setattr("napari.utils.notifications.show_error", lambda text: None)

    def gone(*_: Any) -> None:
        raise OSError("the share is gone")

    monkeypatch.setattr(levels.Pyramid, "read", gone)
    offer = tool.workspace.pyramids
    offer.make()
    with pytest.raises(ImageError):
        tool.session.wait()
    assert len(told) == 1
    assert "the share is gone" in str(told[0])
    assert offer.text == "240 px wide"
    assert len(viewer.layers) == 1


def test_a_small_image_and_a_pyramid_are_left_alone(
    control: Callable[[Any], Controller],
) -> None:
    viewer = ViewerModel()
    viewer.add_image(PIXELS[:100, :100])
    tool = control(viewer)
    assert tool.workspace.pyramids.text == ""
    viewer.add_image([PIXELS, PIXELS[::2, ::2]], multiscale=True)
    assert tool.workspace.pyramids.text == ""
    viewer.add_image(PIXELS)
    assert tool.workspace.pyramids.text == "240 px wide"
    tool.workspace.pyramids.dismiss()
    assert tool.workspace.pyramids.text == ""
