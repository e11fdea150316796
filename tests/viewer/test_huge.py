"""Images far too large for memory are annotated as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.viewer.huge import labels_folder, too_large
from napari_sam2.viewer.layers import labels_fit
from tests.viewer.hand import CTRL, Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.controller import Controller

SIDE = 100_000
PERIOD, RADIUS = 400, 60
NEAR, NEXT = (50_200, 50_200), (50_200, 50_600)


class Dots:
    """A lazy array of discs in rows and columns, at one level of a pyramid."""

    dtype = np.dtype(np.uint8)
    ndim = 2

    def __init__(self, level: int) -> None:
        self.scale = 2**level
        self.shape = (SIDE // self.scale, SIDE // self.scale)
        self.size = self.shape[0] * self.shape[1]

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        index = index if isinstance(index, tuple) else (index, slice(None))
        rows, cols = (
            np.arange(*part.indices(length)) if isinstance(part, slice) else part
            for part, length in zip(index, self.shape, strict=True)
        )
        rows, cols = (
            ((np.asarray(axis) + 0.5) * self.scale) % PERIOD - PERIOD / 2
            for axis in (rows, cols)
        )
        inside = np.hypot(rows[..., None], cols) <= RADIUS
        return np.where(inside, 200, 0).astype(np.uint8)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        assert self.size < 10_000_000
        return self[:, :].astype(dtype or self.dtype)


@pytest.fixture
def hand(
    make_napari_viewer: Callable[..., Any],
    qtbot: QtBot,
    control: Callable[[Any], Controller],
) -> Iterator[Hand]:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    layer = viewer.add_image(
        [Dots(level) for level in range(8)],
        multiscale=True,
        contrast_limits=(0, 255),
        name="slide",
        scale=(0.5, 0.5),
    )
    hand = Hand(viewer, layer, control(viewer), qtbot)
    look_at(hand, NEAR, 0.8)
    hand.wait_ready()
    yield hand
    hand.controller.close()


def look_at(hand: Hand, place: tuple[int, int], zoom: float) -> None:
    hand.viewer.scene.camera.center = (0, *hand.layer.data_to_world(place))
    hand.viewer.scene.camera.zoom = zoom
    hand.wait_drawn()


def test_a_click_on_a_huge_image_is_kept_on_disk_and_shown(hand: Hand) -> None:
    hand.click_and_wait(*NEAR)
    labels = hand.viewer.layers["slide · labels"]
    assert labels.multiscale
    assert labels_fit(labels, hand.layer)
    assert labels.data[0].shape == (SIDE, SIDE)
    assert np.allclose(labels.scale, hand.layer.scale)
    area = np.pi * RADIUS**2
    store = hand.session.store
    assert store is not None
    box = tuple(slice(at - 100, at + 100) for at in NEAR)
    assert abs((store.box(box) == 1).sum() / area - 1) < 0.05

    hand.hover(*NEAR)
    assert hand.session.label_at(*NEAR) == 1
    hand.click_and_wait(*NEXT)
    hand.wait_drawn()
    picture = hand.picture()
    ratio = picture.shape[0] / hand.native.height()

    def color(place: tuple[int, int]) -> np.ndarray[Any, Any]:
        at = hand.at(*place)
        return picture[int(at.y() * ratio), int(at.x() * ratio), :3].astype(int)

    first, second = color(NEAR), color(NEXT)
    # Neither the gray of the image, nor alike.
    assert np.ptp(first) > 30
    assert np.ptp(second) > 30
    assert np.abs(first - second).sum() > 30

    hand.key(Qt.Key.Key_Z, CTRL)
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: not hand.session.objects)
    assert not store.box(box).any()
    hand.key(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    hand.wait(lambda: list(hand.session.objects) == [1])
    hand.controller.close()
    hand.wait(lambda: not any(level.dirty for level in labels.data))
    (folder,) = labels_folder().glob("slide*")
    found = SparseLabels.open(folder)
    np.testing.assert_array_equal(found.box(box), store.box(box))


def test_from_far_away_the_labels_are_seen_as_well(hand: Hand) -> None:
    hand.click_and_wait(*NEAR)
    look_at(hand, NEAR, 0.2)
    hand.wait_drawn()
    assert hand.viewer.layers["slide · labels"].data_level > 0
    picture = hand.picture()
    ratio = picture.shape[0] / hand.native.height()
    at = hand.at(*NEAR)
    color = picture[int(at.y() * ratio), int(at.x() * ratio), :3].astype(int)
    assert np.ptp(color) > 30


def test_the_tool_says_that_the_brush_does_not_work_there(hand: Hand) -> None:
    notices: list[str] = []
    hand.controller.stores.notice.connect(notices.append)
    hand.click_and_wait(*NEAR)
    assert len(notices) == 1
    assert "brush" in notices[0]
    assert str(labels_folder()) in notices[0]


def test_what_fits_into_a_texture_is_an_array_as_ever() -> None:
    assert not too_large((16_384, 16_384))
    assert not too_large((200, 2048, 2048))
    assert too_large((16_385, 100))
    assert too_large((400, 2048, 2048))
    assert too_large((SIDE, SIDE))
