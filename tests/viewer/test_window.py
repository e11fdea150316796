"""The real window, a real mouse, real keys."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit
from scipy import ndimage

from napari_sam2.annotation.objects import Pointing
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.keys import is_character
from tests.viewer.conftest import A, B, C
from tests.viewer.fakes import FakeSegmenter, discs
from tests.viewer.hand import ALT, CTRL, LEFT, NONE, RIGHT, SHIFT, Hand

if TYPE_CHECKING:
    from collections.abc import Callable

BACKGROUND = (100, 20)


def ids(hand: Hand) -> set[int]:
    names = [layer.name for layer in hand.viewer.layers]
    if "cells · labels" not in names:
        return set()
    return set(np.unique(hand.viewer.layers["cells · labels"].data).tolist()) - {0}


def test_hover_click_correct_undo(hand: Hand) -> None:
    hand.hover(*A)
    assert hand.controller.preview.display.shown is not None
    hand.click_and_wait(*A)
    assert ids(hand) == {1}
    hand.click_and_wait(*B)
    assert ids(hand) == {1, 2}

    hand.click(*C, SHIFT)
    labels = hand.viewer.layers["cells · labels"]
    hand.wait(lambda: labels.data[C] == 2)
    hand.click(*B, button=RIGHT)
    hand.wait(lambda: labels.data[B] == 0)
    assert labels.data[C] == 2
    hand.click(*BACKGROUND, ALT)
    hand.wait(lambda: len(hand.session.current.prompts.points) == 4)

    for _ in range(5):
        hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: not labels.data.any())
    hand.key(Qt.Key.Key_Z, CTRL | SHIFT)
    hand.wait(lambda: labels.data.any())


def test_clicks_until_enter_make_one_object(hand: Hand) -> None:
    hand.key(Qt.Key.Key_G)
    assert hand.controller.modes.collect
    hand.click(*A)
    hand.wait(lambda: hand.session.current is not None)
    hand.click(*B)
    hand.wait(lambda: len(hand.session.current.prompts.points) == 2)
    assert ids(hand) == set()
    hand.key(Qt.Key.Key_Return)
    hand.wait(lambda: ids(hand) == {1})
    labels = hand.viewer.layers["cells · labels"].data
    assert labels[A] == labels[B] == 1
    hand.click(*C)
    hand.wait(lambda: hand.session.current is not None)
    hand.key(Qt.Key.Key_Escape)
    assert hand.session.current is None
    assert ids(hand) == {1}


def test_a_drag_pans_and_keeps_nothing(hand: Hand) -> None:
    center = np.array(hand.viewer.scene.camera.center)
    hand.drag(A, (100, 100))
    assert not np.allclose(hand.viewer.scene.camera.center, center)
    zoom = hand.viewer.scene.camera.zoom
    hand.drag(A, (100, 60), button=RIGHT)
    assert hand.viewer.scene.camera.zoom != zoom
    assert hand.session.objects == {}
    hand.click_and_wait(*B)


def test_the_wheel_zooms_and_the_preview_stays(hand: Hand) -> None:

    hand.hover(*A)
    zoom = hand.viewer.scene.camera.zoom
    hand.turn_wheel(*A, 1, NONE)
    hand.wait(lambda: hand.viewer.scene.camera.zoom > zoom)
    assert hand.controller.preview.display.shown is not None


def test_a_double_click_is_two_clicks_and_no_zoom(hand: Hand) -> None:
    zoom = hand.viewer.scene.camera.zoom
    place = hand.at(*A)
    QTest.mouseClick(hand.native, LEFT, NONE, place)
    QTest.mouseDClick(hand.native, LEFT, NONE, place)
    hand.wait(lambda: ids(hand) == {1})
    hand.hover(*B)
    assert hand.viewer.scene.camera.zoom == zoom
    assert len(hand.session.objects) == 1


def test_holding_shift_or_alt_shows_what_a_click_would_do(hand: Hand) -> None:
    hand.click_and_wait(*A)
    hand.hover(*B)
    assert hand.session.preview.pointing is Pointing.NEW
    for key, meaning in (
        (Qt.Key.Key_Shift, Pointing.ADD),
        (Qt.Key.Key_Alt, Pointing.REMOVE),
    ):
        QTest.keyPress(hand.native, key)
        hand.wait(lambda m=meaning: hand.controller.preview.display.shown.pointing is m)
        QTest.keyRelease(hand.native, key)
        hand.wait(
            lambda: hand.controller.preview.display.shown.pointing is Pointing.NEW
        )


def test_leaving_the_canvas_drops_the_preview(hand: Hand) -> None:
    hand.hover(*A)
    hand.viewer.mouse_over_canvas = True
    hand.viewer.mouse_over_canvas = False
    assert hand.controller.preview.display.shown is None
    hand.hover(*B)


def test_keys_work_while_the_labels_are_selected(hand: Hand) -> None:
    hand.key(Qt.Key.Key_G)
    hand.click(*A)
    hand.wait(lambda: hand.session.current is not None)
    hand.controller.workspace.new_labels()
    hand.viewer.layers.selection.active = hand.controller.choices.labels
    hand.click(*B)
    hand.wait(lambda: hand.session.current is not None)
    hand.key(Qt.Key.Key_Return)
    hand.wait(lambda: hand.controller.choices.labels.data.any())
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: not hand.controller.choices.labels.data.any())


def test_the_brush_paints_and_its_stroke_is_in_the_history(hand: Hand) -> None:
    hand.click_and_wait(*A)
    labels = hand.controller.choices.labels
    kept = labels.data.copy()
    hand.viewer.layers.selection.active = labels
    labels.mode = "paint"
    labels.selected_label = 9
    hand.move(*B)
    hand.wait_drawn()
    assert hand.controller.preview.display.shown is None
    hand.drag((150, 20), (150, 60))
    hand.wait(lambda: 9 in labels.data)
    hand.click(*BACKGROUND)
    strokes = labels.data.copy()
    assert len(hand.session.objects) == 1
    # The tool's undo goes on working while the brush is out.
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.key(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(labels.data, kept)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not labels.data.any()
    for _ in range(3):
        hand.key(Qt.Key.Key_Z, CTRL | SHIFT)
    np.testing.assert_array_equal(labels.data, strokes)
    labels.mode = "pan_zoom"
    hand.hover(*C)


def test_switched_off_it_leaves_napari_as_it_was(hand: Hand) -> None:
    hand.click_and_wait(*A)
    labels = hand.controller.choices.labels
    hand.hover(*B)
    hand.key(Qt.Key.Key_Q)
    assert not hand.controller.modes.active
    assert hand.controller.preview.display.shown is None
    zoom = hand.viewer.scene.camera.zoom
    place = hand.at(*B)
    QTest.mouseClick(hand.native, LEFT, NONE, place)
    QTest.mouseDClick(hand.native, LEFT, NONE, place)
    assert hand.viewer.scene.camera.zoom == 2 * zoom
    hand.viewer.layers.selection.active = labels
    labels.brush_size = 5
    labels.paint((190, 10), 4)
    hand.key(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(np.unique(labels.data), [0, 1])
    hand.key(Qt.Key.Key_Q)
    assert hand.controller.modes.active
    # What napari took back is not taken back twice.
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: not labels.data.any())


def test_a_thousand_moves_and_a_slow_engine(
    hand: Hand, segmenter: FakeSegmenter
) -> None:
    segmenter.seconds = 0.05
    segmenter.decodes.clear()
    shown: list[Any] = []
    hand.session.preview_changed.connect(shown.append)
    rows = np.linspace(5, 195, 1000)
    cols = 120 + 100 * np.sin(np.linspace(0, 60, 1000))
    start = perf_counter()
    for number, place in enumerate(zip(rows, cols, strict=True)):
        hand.move(*place)
        QApplication.processEvents()
        if number == 500:
            # In mid-flight the image changes: older masks must not come through.
            other = hand.viewer.add_image(discs([A, C], (200, 240), 20), name="others")
            switched = len(shown)
            generation = hand.session.generation
    hand.layer = other
    hand.move(*C)

    def arrived() -> bool:
        preview = hand.session.preview
        return (
            preview is not None
            and preview.generation == generation
            and abs(preview.prompts.points[0].row - C[0]) < 1
            and abs(preview.prompts.points[0].col - C[1]) < 1
        )

    hand.wait(arrived)
    hand.wait_drawn()
    seconds = perf_counter() - start
    count = len(segmenter.decodes)
    print(f"1,001 moves in {seconds:.1f} s: {count} decodes of 50 ms")
    assert count <= seconds / segmenter.seconds + 1
    assert count < 500
    preview = hand.session.preview
    assert preview.prediction.mask[C]
    drawn = hand.controller.preview.display.shown
    assert drawn.preview is preview
    later = [one for one in shown[switched:] if one is not None]
    assert {one.generation for one in later} == {generation}


def test_the_end_of_a_fast_gesture_is_not_lost(hand: Hand) -> None:
    hand.hover(*A)
    # vispy drops the second of two moves within 10 ms.
    hand.move(*BACKGROUND)
    hand.move(*B)
    hand.wait(
        lambda: (
            hand.session.preview is not None
            and abs(hand.session.preview.prompts.points[0].col - B[1]) < 1
        )
    )


TRANSFORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "scale": {"scale": (1.7, 0.6)},
    "translate": {"translate": (-40.0, 300.0)},
    "rotate": {"rotate": 35},
    "shear": {"shear": (0.5,)},
    "all": {"scale": (2, 1), "translate": (5, 9), "rotate": -25, "shear": (0.3,)},
}


@pytest.mark.parametrize(
    ("kind", "stack", "transform"),
    [
        ("overlay", False, "plain"),
        ("overlay", False, "scale"),
        ("overlay", False, "translate"),
        ("overlay", False, "rotate"),
        ("overlay", False, "shear"),
        ("overlay", False, "all"),
        ("overlay", True, "scale"),
        ("overlay", True, "all"),
        ("layer", False, "all"),
        ("layer", True, "all"),
    ],
)
def test_what_is_previewed_is_what_is_written(
    make_napari_viewer: Callable[..., Any],
    qtbot: Any,
    control: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    stack: bool,
    transform: str,
) -> None:
    how = TRANSFORMS[transform]
    if kind == "layer":
        monkeypatch.setattr(
            "napari_sam2.viewer.preview_overlay.is_supported", lambda _: False
        )
    pixels = np.zeros((200, 240), np.uint8)
    pixels[40:150, 60:190] = 90
    pixels[80:120, 100:240] = 90
    if stack:
        pixels = np.stack([np.zeros_like(pixels), pixels, np.zeros_like(pixels)])
        how = in_a_stack(how)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    layer = viewer.add_image(pixels, name="cells", contrast_limits=(0, 100_000), **how)
    if stack:
        viewer.dims.set_current_step(0, 1)
    viewer.reset_view()
    hand = Hand(viewer, layer, control(viewer), qtbot)
    hand.wait_ready()
    hand.wait_drawn()
    empty = hand.picture()[..., :3].astype(int)
    hand.hover(100, 110)
    hand.wait_drawn()
    picture = hand.picture()[..., :3].astype(int)
    drawn = np.abs(picture - empty).sum(axis=-1) > 20
    if kind == "overlay":
        # The line runs along the edge: a pixel of its width lies outside.
        drawn = ndimage.binary_erosion(drawn, np.ones((3, 3)))

    hand.click_and_wait(100, 110)
    written = viewer.layers["cells · labels"].data
    written = written[1] if stack else written
    assert written.any()
    geometry = hand.controller.view.geometry
    transform_to_scene = hand._canvas.view.transform * hand._canvas.view.scene.transform
    height, width = drawn.shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    scene = transform_to_scene.imap(grid.reshape(-1, 2) + 0.5)[:, 1::-1]
    places = np.round((scene - geometry.origin) @ np.linalg.inv(geometry.linear).T)
    rows, cols = places.astype(int).T.reshape(2, height, width)
    inside = (rows >= 0) & (rows < 200) & (cols >= 0) & (cols < 240)
    expected = np.zeros_like(drawn)
    expected[inside] = written[rows[inside], cols[inside]] > 0
    overlap = (drawn & expected).sum() / (drawn | expected).sum()
    print(f"{kind}, {transform}, {pixels.ndim}-D: IoU {overlap:.4f}")
    assert overlap >= 0.98
    if kind == "layer":
        assert "SAM 2 preview" in viewer.layers
    hand.controller.close()
    assert [one.name for one in viewer.layers] == ["cells", "cells · labels"]


def in_a_stack(transform: dict[str, Any]) -> dict[str, Any]:
    """Give a stack the same transform in its planes."""
    deeper: dict[str, Any] = {}
    for name, value in transform.items():
        if name == "scale":
            deeper[name] = (4.0, *value)
        elif name == "translate":
            deeper[name] = (17.0, *value)
        elif name == "shear":
            deeper[name] = (0, 0, *value)
        else:
            turn = np.eye(3)
            angle = np.deg2rad(value)
            turn[1:, 1:] = [
                [np.cos(angle), -np.sin(angle)],
                [np.sin(angle), np.cos(angle)],
            ]
            deeper[name] = turn
    return deeper


def test_every_key_of_the_table_reaches_the_tool(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari.utils.key_bindings import coerce_keybinding

    handler = hand._canvas._key_map_handler
    named = [a for a in KEYMAP.values() if not is_character(a.key)]
    for action in named:
        bound = handler.active_keymap[coerce_keybinding(action.key)]
        assert "KeyBindings" in bound.__func__.__qualname__


def test_a_key_is_changed_while_the_tool_is_on(hand: Hand) -> None:
    KEYMAP.assign("collect", "#")
    hand.key(Qt.Key.Key_G)
    assert not hand.controller.modes.collect
    QTest.keyClicks(hand.native, "#")
    assert hand.controller.modes.collect
    # From anywhere in the window, but not out of a line that is written in.
    QTest.keyClicks(hand.native.window(), "#")
    assert not hand.controller.modes.collect
    line = QLineEdit()
    hand.viewer.window.add_dock_widget(line, name="of another plugin")
    QTest.keyClicks(line, "#")
    assert line.text() == "#"
    assert not hand.controller.modes.collect
    hand.key(Qt.Key.Key_Q)
    QTest.keyClicks(hand.native, "#")
    assert not hand.controller.modes.collect
    hand.controller.close()
    QTest.keyClicks(hand.native, "#")
    assert not hand.controller.modes.collect
