"""Layers and slider positions as the channels that the model sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_sam2.segmentation.view import View
from tests.viewer.conftest import A, B, C
from tests.viewer.fakes import discs

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.channels import ChannelChoice
    from napari_sam2.viewer.controller import Controller

SHAPE = (200, 240)
DAPI = discs([A], SHAPE, 25)
GFP = discs([B], SHAPE, 25).astype(np.uint16) * 20
MEMBRANE = discs([C], SHAPE, 25).astype(np.float32) / 255


@pytest.fixture
def viewer() -> ViewerModel:
    viewer = ViewerModel()
    for name, data in (("DAPI", DAPI), ("GFP", GFP), ("membrane", MEMBRANE)):
        viewer.add_image(data, name=name, scale=(0.5, 0.5))
    viewer.layers.selection.active = viewer.layers["DAPI"]
    return viewer


@pytest.fixture
def tool(viewer: ViewerModel, control: Callable[[Any], Controller]) -> Controller:
    tool = control(viewer)
    tool.session.wait()
    return tool


def offered(tool: Controller) -> dict[str, ChannelChoice]:
    return dict(tool.sight.offered)


def seen(tool: Controller) -> np.ndarray[Any, Any]:
    plane = tool.session.plane
    assert plane is not None
    return plane.pixels().seen(View.whole(plane.shape, 256))


def bright(tool: Controller) -> list[list[int]]:
    """Say in which colors each of the three places is bright."""
    pixels = seen(tool)
    return [np.flatnonzero(pixels[place] == 255).tolist() for place in (A, B, C)]


def choose(tool: Controller, *names: str | None) -> None:
    found = offered(tool)
    tool.sight.channels = [None if name is None else found[name] for name in names]
    tool.session.wait()


def test_three_layers_are_red_green_and_blue(tool: Controller) -> None:
    assert list(offered(tool)) == ["DAPI", "GFP", "membrane"]
    assert bright(tool) == [[0, 1, 2], [], []]
    choose(tool, "membrane", "DAPI", "GFP")
    assert bright(tool) == [[1], [2], [0]]
    choose(tool, None, None, "GFP")
    assert bright(tool) == [[], [2], []]
    choose(tool, None, None, None)
    assert bright(tool) == [[0, 1, 2], [], []]


def test_selecting_a_channel_is_not_to_choose_another_image(
    viewer: ViewerModel, tool: Controller
) -> None:
    tool.session.click(*A)
    choose(tool, "DAPI", "GFP", None)
    viewer.layers.selection.active = viewer.layers["GFP"]
    assert tool.choices.image is viewer.layers["DAPI"]
    viewer.layers.selection.active = viewer.layers["membrane"]
    assert tool.choices.image is viewer.layers["membrane"]
    # Each image has the channels that were chosen for it.
    assert tool.sight.channels == ()
    viewer.layers.selection.active = viewer.layers["DAPI"]
    assert [one is None for one in tool.sight.channels] == [False, False, True]


def test_the_contrast_of_each_is_that_of_its_layer(
    viewer: ViewerModel, tool: Controller, qtbot: QtBot
) -> None:
    choose(tool, "DAPI", "GFP", None)
    tool.sight.contrast = "layer"
    rested: list[bool] = []
    tool.sight.changed.connect(lambda: rested.append(True))
    viewer.layers["GFP"].contrast_limits = (0, 4000)
    viewer.layers["GFP"].gamma = 2
    qtbot.waitUntil(lambda: bool(rested))
    tool.session.wait()
    low, high = viewer.layers["DAPI"].contrast_limits
    expected = (100 - low) / (high - low) * 255, (2000 / 4000) ** 2 * 255
    assert seen(tool)[A][0] == np.rint(expected[0])
    assert seen(tool)[B][1] == np.rint(expected[1])


def test_a_channel_that_is_removed_leaves_the_rest(
    viewer: ViewerModel, tool: Controller
) -> None:
    told: list[str] = []
    tool.sight.notice.connect(told.append)
    choose(tool, "DAPI", "GFP", "membrane")
    tool.session.click(*A)
    tool.session.wait()
    current = tool.session.current
    viewer.layers.remove("GFP")
    assert told == ["“GFP” is gone: the model sees the other channels now."]
    tool.session.wait()
    assert bright(tool) == [[0], [], [2]]
    assert tool.session.current is current
    assert len(tool.session.objects) == 1


def test_an_image_that_is_removed_leaves_its_labels_to_its_channels(
    viewer: ViewerModel, tool: Controller
) -> None:
    choose(tool, "DAPI", "GFP", "membrane")
    tool.session.click(*A)
    tool.session.wait()
    labels = tool.choices.labels
    assert labels is not None
    viewer.layers.remove("DAPI")
    tool.session.wait()
    assert tool.choices.labels is labels
    assert bright(tool) == [[], [1], [2]]
    tool.session.click(*B)
    tool.session.wait()
    assert len(tool.session.objects) == 2


def test_other_pixels_of_a_channel_are_looked_at(
    viewer: ViewerModel, tool: Controller
) -> None:
    choose(tool, "DAPI", "GFP", None)
    viewer.layers["GFP"].data = discs([C], SHAPE, 25)
    tool.session.wait()
    assert bright(tool) == [[0], [], [1]]
    viewer.layers["GFP"].data = np.zeros((40, 50))
    tool.session.wait()
    assert bright(tool) == [[0], [], []]


def test_layers_that_lie_elsewhere_are_not_offered(
    viewer: ViewerModel, tool: Controller
) -> None:
    viewer.layers["GFP"].translate = (3, 0)
    viewer.add_image(np.zeros((*SHAPE, 3), np.uint8), rgb=True, scale=(0.5, 0.5))
    viewer.layers.selection.active = viewer.layers["DAPI"]
    assert list(offered(tool)) == ["DAPI", "membrane"]


@pytest.mark.parametrize("labels", [None, ("t", "channel", "y", "x")])
def test_positions_of_a_slider_are_channels(
    labels: tuple[str, ...] | None, control: Callable[[Any], Controller]
) -> None:
    viewer = ViewerModel()
    stack = np.stack([np.stack([GFP, GFP[::-1], GFP[:, ::-1]])] * 9)
    stack[4] = stack[4][::-1]
    layer = viewer.add_image(stack, axis_labels=labels, name="cells")
    tool = control(viewer)
    tool.session.wait()
    viewer.dims.set_point((0, 1), (4, 2))
    names = list(offered(tool))
    assert len(names) == 4
    assert names[0] == "cells"
    assert names[1] == "cells · channel 0"
    choose(tool, names[2], names[3], names[1])
    found = seen(tool)
    for color, position in enumerate((1, 2, 0)):
        expected = stack[4, position] > 0
        np.testing.assert_array_equal(found[..., color] > 0, expected)
    # The planes beside are seen in the same channels.
    plane = tool.session.plane
    assert plane is not None
    beside = plane.moved((1, -2, 0, 0)).pixels().seen(View.whole(SHAPE, 256))
    for color, position in enumerate((1, 2, 0)):
        expected = stack[5, position] > 0
        np.testing.assert_array_equal(beside[..., color] > 0, expected)
    # An object lies on the plane in view, whatever else was seen of it.
    tool.session.click(*B)
    assert tool.session.labels[4, 2].any()
    assert not np.delete(tool.session.labels, 4, axis=0).any()
    # Seen from its edge, there are no channels: the plane in view is shown.
    assert layer.ndim == 4
    viewer.dims.order = (0, 2, 1, 3)
    tool.session.wait()
    plane = tool.session.plane
    assert plane is not None
    assert plane.channels == ()
