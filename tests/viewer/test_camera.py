"""The model looks where the user looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_sam2.viewer.camera import visible_in
from napari_sam2.viewer.geometry import geometry_of
from tests.viewer.fakes import FakeSegmenter, discs
from tests.viewer.hand import NONE, Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from pytestqt.qtbot import QtBot

    from napari_sam2.segmentation.view import View
    from napari_sam2.viewer.controller import Controller

SHAPE = (3000, 4000)
NEAR, FAR = (400, 500), (2600, 3600)


@pytest.fixture(autouse=True)
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 1e9)


@pytest.mark.parametrize(
    "transform",
    [
        {},
        {"scale": (2.0, 0.5)},
        {"translate": (-130.0, 400.0)},
        {"rotate": 30},
        {"affine": np.array([[0.5, 0.7, 3], [-0.9, 0.4, 8], [0, 0, 1]])},
    ],
)
def test_what_is_on_the_canvas_is_in_the_visible_rectangle(
    viewer: ViewerModel, transform: dict[str, Any]
) -> None:
    layer = viewer.add_image(np.zeros((300, 400), np.uint8), **transform)
    geometry = geometry_of(layer, viewer.dims)
    assert geometry is not None
    viewer.scene.camera.zoom = 4
    viewer.scene.camera.center = (0, *layer.data_to_world((100, 200)))
    r0, c0, r1, c1 = visible_in(viewer, geometry)
    height, width = viewer.canvas.size
    corners = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    middle = np.array(viewer.scene.camera.center[1:])
    for down, right in corners:
        world = middle + np.array([down * height, right * width]) / 2 / 4
        row, col = layer.world_to_data(world)
        assert r0 - 0.5 <= row <= r1 - 0.5
        assert c0 - 0.5 <= col <= c1 - 0.5
    # And the rectangle is no larger than it has to be.
    assert r0 < 100 < r1
    assert c0 < 200 < c1
    if not transform:
        assert (r1 - r0, c1 - c0) == pytest.approx((height / 4, width / 4), abs=2)


@pytest.fixture
def slide() -> np.ndarray[Any, Any]:
    slide = np.zeros(SHAPE, np.uint8)
    for number, (row, col) in enumerate((NEAR, FAR)):
        disc = discs([(60, 60)], (120, 120), 50) // 100 * (120 + 60 * number)
        slide[row - 60 : row + 60, col - 60 : col + 60] = disc
    return slide


@pytest.fixture
def hand(
    make_napari_viewer: Callable[..., Any],
    qtbot: QtBot,
    slide: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> Iterator[Hand]:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    layer = viewer.add_image(slide, name="cells")
    hand = Hand(viewer, layer, control(viewer), qtbot)
    hand.wait_ready()
    yield hand
    hand.controller.close()


def zoom_to(hand: Hand, place: tuple[float, float], zoom: float) -> None:
    hand.viewer.scene.camera.center = (0, *place)
    hand.viewer.scene.camera.zoom = zoom
    hand.wait_drawn()


def wait_seen(hand: Hand, segmenter: FakeSegmenter, width: int) -> View:
    """Wait until the model has looked closely enough."""
    hand.wait(
        lambda: (
            segmenter.views
            and segmenter.views[-1].width <= width
            and not hand.session.busy
        )
    )
    return segmenter.views[-1]


def test_zooming_in_shows_the_model_more_and_small_pans_nothing_else(
    hand: Hand, segmenter: FakeSegmenter
) -> None:
    first = wait_seen(hand, segmenter, SHAPE[1])
    assert first.contains(0, 0)
    assert first.contains(SHAPE[0] - 1, SHAPE[1] - 1)
    zoom_to(hand, NEAR, 2)
    near = wait_seen(hand, segmenter, 1000)
    assert near.contains(*NEAR)
    count = len(segmenter.views)
    zoom_to(hand, (NEAR[0] + 5, NEAR[1] - 5), 2)
    hand.drag(NEAR, (NEAR[0] + 8, NEAR[1] + 8))
    hand.wait_drawn()
    hand.click_and_wait(*NEAR)
    assert len(segmenter.views) == count
    written = hand.viewer.layers["cells · labels"].data
    overlap = (written > 0) == (hand.layer.data == 120)
    assert overlap[300:500, 400:600].mean() > 0.995


def test_the_wheel_zooms_and_the_mask_becomes_sharper_under_a_resting_mouse(
    hand: Hand, segmenter: FakeSegmenter
) -> None:
    zoom_to(hand, NEAR, 0.5)
    wait_seen(hand, segmenter, 3000)
    hand.hover(*NEAR)
    coarse = hand.session.preview
    for _ in range(20):
        hand.turn_wheel(*NEAR, 1, NONE)
        QApplication.processEvents()
        # Nothing blinks while the new view is on its way.
        assert hand.controller.preview.display.shown is not None
    hand.wait(
        lambda: (
            hand.session.preview is not None
            and hand.session.preview.prediction.view.width
            < coarse.prediction.view.width / 2
        )
    )


def test_a_click_right_after_a_pan_is_for_what_is_seen_then(
    hand: Hand, segmenter: FakeSegmenter
) -> None:
    zoom_to(hand, NEAR, 2)
    wait_seen(hand, segmenter, 1000)
    zoom_to(hand, FAR, 2)
    hand.click_and_wait(*FAR)
    assert hand.viewer.layers["cells · labels"].data[FAR] == 1


def test_of_a_lazy_pyramid_only_what_is_looked_at_is_computed(
    viewer: ViewerModel, control: Callable[[Any], Controller], segmenter: FakeSegmenter
) -> None:
    pixels: list[int] = []

    def block(block_info: Any = None) -> np.ndarray[Any, Any]:
        shape = block_info[None]["chunk-shape"]
        pixels.append(int(np.prod(shape)))
        return np.full(shape, 7, np.uint8)

    side = 65_536
    levels = [
        da.map_blocks(
            block,
            chunks=((512,) * max(1, side // 2**k // 512),) * 2,
            dtype=np.uint8,
            meta=np.empty((0, 0), np.uint8),
        )
        for k in range(8)
    ]
    viewer.add_image(
        levels, multiscale=True, contrast_limits=(0, 255), name="slide", cache=False
    )
    viewer.scene.camera.zoom = 1
    viewer.scene.camera.center = (0, 30_000, 30_000)
    pixels.clear()
    controller = control(viewer)
    controller.session.wait()
    view = segmenter.views[-1]
    assert view.contains(30_000, 30_000)
    assert view.width <= 2048
    # Of four billion.
    assert sum(pixels) < 16_000_000
