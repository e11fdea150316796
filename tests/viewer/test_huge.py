"""Images far too large for memory are annotated as any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_sam2.analysis.table import read_table
from napari_sam2.annotation import huge
from napari_sam2.annotation.huge import labels_folder, too_large
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.viewer.layers import labels_fit
from tests.viewer.conftest import A
from tests.viewer.dots import FAR, NEAR, NEXT, PERIOD, RADIUS, SIDE, add_slide
from tests.viewer.hand import CTRL, Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.controller import Controller


@pytest.fixture
def hand(
    make_napari_viewer: Callable[..., Any],
    qtbot: QtBot,
    control: Callable[[Any], Controller],
) -> Iterator[Hand]:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    layer = add_slide(viewer)
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


def test_napari_saves_them_with_their_table(hand: Hand, tmp_path: Path) -> None:
    hand.click_and_wait(*NEAR)
    hand.controller.features.update()
    labels = hand.viewer.layers["slide · labels"]
    path = tmp_path / "mine.zarr"
    written = labels.save(str(path), plugin="napari-sam2")
    assert written == [str(path), str(tmp_path / "mine_objects.csv")]
    box = tuple(slice(at - 100, at + 100) for at in NEAR)
    found = zarr.open_group(path, mode="r")
    store = hand.session.store
    assert store is not None
    np.testing.assert_array_equal(found["0"][box], store.box(box))
    table = read_table(tmp_path / "mine_objects.csv")
    assert table["area_pixels"] == [str((store.box(box) == 1).sum())]
    [about] = found.attrs["ome"]["multiscales"]
    [scale] = about["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [0.5, 0.5]


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


def test_what_a_killed_window_has_kept_is_offered_and_restored(hand: Hand) -> None:
    from napari_sam2.viewer.widget import SegmentationWidget

    with subprocess.Popen(
        [sys.executable, "-m", "tests.viewer.dots"],
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    ) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "kept [1, 2] True\n"
        killed.kill()

    # The image is opened again.
    hand.viewer.layers.clear()
    widget = SegmentationWidget(hand.viewer)
    hand.viewer.window.add_dock_widget(widget)
    hand.layer = add_slide(hand.viewer)
    look_at(hand, NEAR, 0.8)
    hand.wait(lambda: widget.restore.isVisible())
    assert widget.restore.text.text() == "Today's 2 objects"
    widget.restore.restore.click()
    hand.wait(lambda: len(hand.session.objects) == 2)
    (folder,) = labels_folder().iterdir()
    store = hand.session.store
    assert store is not None
    assert store.origin.path == folder
    assert [layer.name for layer in hand.viewer.layers] == ["slide", "slide · labels"]
    assert np.allclose(hand.viewer.layers[-1].scale, hand.layer.scale)
    area = np.pi * RADIUS**2
    for label, place in ((1, NEAR), (2, NEXT), (3, FAR)):
        box = tuple(slice(at - 100, at + 100) for at in place)
        kept = area if label < 3 else 0
        assert abs((store.box(box) == label).sum() - kept) <= 0.05 * area
    # What was unfinished is there to be finished, what was undone to be redone.
    hand.wait_ready()
    assert hand.session.current is not None
    hand.wait(lambda: hand.session.preview is not None)
    hand.key(Qt.Key.Key_Return)
    hand.wait(lambda: sorted(hand.session.objects) == [1, 2, 3])
    box = tuple(slice(at - 100, at + 100) for at in (NEAR[0] + PERIOD, NEAR[1]))
    assert (store.box(box) == 3).sum() > 0.9 * area
    for _ in range(3):
        hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: sorted(hand.session.objects) == [1])


def test_a_stack_that_does_not_fit_is_kept_on_disk_and_comes_back(
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huge, "_PIXELS", image.size)
    read = []

    def plane(block_info: Any) -> np.ndarray[Any, Any]:
        read.append(block_info[None]["chunk-location"][0])
        return image[None]

    stack = da.map_blocks(
        plane, chunks=((1,) * 2000, *((n,) for n in image.shape)), dtype=image.dtype
    )
    alive = []

    def opened() -> Controller:
        viewer = ViewerModel()
        alive.append(viewer)
        viewer.add_image(stack, name="stack", contrast_limits=(0, 255))
        controller = control(viewer)
        controller.session.wait()
        return controller

    first = opened()
    assert first.viewer is not None
    for place in (1999, 7):
        first.viewer.dims.set_point(0, place)
        first.session.wait()
        first.session.click(*A)
        first.session.wait()
    labels = first.choices.labels
    assert labels is not None
    assert labels.multiscale
    assert labels.data[0].shape == stack.shape
    assert len(set(read)) < 20

    def there(controller: Controller) -> list[int]:
        ids = controller.session.labels
        return [int(ids[at, *A].compute()) for at in (0, 7, 8, 1999)]

    assert there(first) == [0, 2, 0, 1]
    first.close()
    again = opened()
    again.session.restore(again.session.offers.all[0].path)
    again.session.wait()
    assert there(again) == [0, 2, 0, 1]
    assert len(set(read)) < 20
    again.session.undo()
    again.session.wait()
    assert there(again) == [0, 0, 0, 1]


def test_what_fits_into_a_texture_is_an_array_as_ever() -> None:
    assert not too_large((16_384, 16_384))
    assert not too_large((200, 2048, 2048))
    assert too_large((16_385, 100))
    assert too_large((400, 2048, 2048))
    assert too_large((SIDE, SIDE))
