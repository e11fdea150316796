"""Boxes, scribbles and lassos drawn with a real mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam2.annotation.marks import Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.segmentation.revision import Kind
from napari_sam2.viewer.hints import click_says
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.widget import SegmentationWidget
from tests.viewer.conftest import A, B, C
from tests.viewer.hand import ALT, CTRL, NONE, SHIFT, Hand

AROUND_A = ((30, 30), (90, 90))
AROUND_AB = ((30, 30), (90, 210))
BACKGROUND = (100, 20)


def labels(hand: Hand) -> np.ndarray:
    return np.asarray(hand.viewer.layers["cells · labels"].data)


def draw(
    hand: Hand, tool: Tool, *path: tuple[float, float], modifiers: Any = NONE
) -> None:
    hand.controller.tools.tool = tool
    hand.drag_along(path, modifiers)


def test_a_box_is_drawn_and_its_mask_follows(hand: Hand) -> None:
    hand.controller.tools.tool = Tool.BOX
    center = np.array(hand.viewer.scene.camera.center)
    hand.press_and_move([AROUND_A[0], (60, 60), AROUND_A[1]])
    hand.wait(
        lambda: (
            hand.session.preview is not None
            and abs(hand.session.preview.prompts.box.col_max - AROUND_A[1][1]) < 1
        )
    )
    shown = hand.controller.prompts.display.shown
    assert [stroke.kind for stroke in shown.shapes.strokes] == [Kind.BOX]
    hand.wait(lambda: hand.controller.preview.display.shown is not None)
    names = [layer.name for layer in hand.viewer.layers]
    hand.release(*AROUND_A[1])
    hand.wait(lambda: len(hand.session.objects) == 1)
    assert labels(hand)[A] == 1
    assert names == ["cells"]
    np.testing.assert_allclose(hand.viewer.scene.camera.center, center)
    box = hand.session.objects[1].prompts.box
    np.testing.assert_allclose(box, (*AROUND_A[0], *AROUND_A[1]), atol=1)


def test_shift_and_alt_correct_by_a_box(hand: Hand) -> None:
    draw(hand, Tool.BOX, *AROUND_A)
    hand.wait(lambda: len(hand.session.objects) == 1)
    draw(hand, Tool.BOX, *AROUND_AB, modifiers=SHIFT)
    hand.wait(lambda: labels(hand)[B] == 1)
    zoom = hand.viewer.scene.camera.zoom
    draw(hand, Tool.BOX, *AROUND_A, modifiers=ALT)
    hand.wait(lambda: labels(hand)[A] == 0)
    assert labels(hand)[B] == 1
    assert hand.viewer.scene.camera.zoom == zoom


def test_alt_and_drag_zoom_where_nothing_is_drawn(hand: Hand) -> None:
    zoom = hand.viewer.scene.camera.zoom
    hand.drag((20, 20), (90, 90), modifiers=ALT)
    hand.wait(lambda: hand.viewer.scene.camera.zoom > zoom)
    assert hand.session.objects == {}
    hand.controller.modes.active = False
    names = [c.__name__ for c in hand.viewer.mouse_drag_callbacks]
    assert names == ["drag_to_zoom"]


def test_space_pans_with_every_tool(hand: Hand) -> None:
    hand.controller.tools.tool = Tool.BOX
    center = np.array(hand.viewer.scene.camera.center)
    hand.native.setFocus()
    QTest.keyPress(hand.native, Qt.Key.Key_Space)
    hand.drag(A, (100, 100))
    QTest.keyRelease(hand.native, Qt.Key.Key_Space)
    assert not np.allclose(hand.viewer.scene.camera.center, center)
    assert hand.session.objects == {}
    hand.drag(*AROUND_A)
    hand.wait(lambda: len(hand.session.objects) == 1)


def test_an_answer_to_something_else_does_not_disturb_the_hand(hand: Hand) -> None:
    hand.click_and_wait(*C)
    hand.hover(*B)
    hand.controller.tools.tool = Tool.BOX
    hand.press_and_move([AROUND_A[0], (60, 60), AROUND_A[1]])
    hand.wait(lambda: hand.session.preview.prompts.box is not None)
    # As a sharper mask of the object before does, when it comes.
    hand.session.objects_changed.emit()
    hand.session.notice.emit("Something else")
    kinds = [s.kind for s in hand.controller.prompts.display.shown.shapes.strokes]
    assert kinds == [Kind.BOX]
    hand.wait(lambda: not hand.session.busy)
    assert hand.session.preview.prompts.box is not None
    hand.release(*AROUND_A[1])
    hand.wait(lambda: len(hand.session.objects) == 2)
    assert labels(hand)[A] == 2


def test_escape_forgets_what_is_being_drawn(hand: Hand) -> None:
    hand.click_and_wait(*C)
    hand.controller.tools.tool = Tool.LASSO
    hand.press_and_move([(30, 30), (30, 90), (90, 90)])
    hand.key(Qt.Key.Key_Escape)
    assert hand.session.current is not None
    hand.release(90, 30)
    # Clicks go on; a press without a drag is one, with every tool.
    hand.click_and_wait(*B)
    assert list(hand.session.objects) == [1, 2]
    assert labels(hand)[A] == 0


def test_a_scribble_and_a_lasso(hand: Hand) -> None:
    draw(hand, Tool.SCRIBBLE, A, (60, 100), (60, 140), B)
    hand.wait(lambda: len(hand.session.objects) == 1)
    hand.wait(lambda: labels(hand)[B] == 1)
    assert len(hand.session.objects[1].prompts.scribbles[0].path) >= 3
    draw(hand, Tool.LASSO, (105, 85), (105, 155), (175, 155), (175, 85))
    hand.wait(lambda: len(hand.session.objects) == 2)
    assert labels(hand)[C] == 2


def test_the_prompts_of_the_current_object_are_shown(hand: Hand) -> None:
    hand.click_and_wait(*A)
    hand.click(*BACKGROUND, ALT)
    hand.wait(lambda: len(hand.session.current.prompts.points) == 2)
    shown = hand.controller.prompts.display.shown
    assert [place.inside for place in shown.shapes.places] == [True, False]
    before = hand.picture()
    hand.key(Qt.Key.Key_Return)
    hand.wait(lambda: hand.controller.prompts.display.shown is None)
    hand.wait_drawn()
    changed = (hand.picture() != before).any(-1)
    for place in (A, BACKGROUND):
        at = hand.at(*place)
        assert changed[at.y() - 4 : at.y() + 5, at.x() - 4 : at.x() + 5].any()


def test_one_key_swaps_what_the_buttons_mean(hand: Hand) -> None:
    hand.click_and_wait(*A)
    hand.click(*B, SHIFT)
    hand.wait(lambda: labels(hand)[B] == 1)
    hand.key(Qt.Key.Key_U)
    hand.move(*B)
    hand.wait(
        lambda: (
            hand.session.preview is not None
            and hand.session.preview.pointing is Pointing.REMOVE
        )
    )
    hand.click(*B)
    hand.wait(lambda: labels(hand)[B] == 0)
    assert list(hand.session.objects) == [1]
    # The next object begins with what belongs to it.
    hand.key(Qt.Key.Key_Return)
    hand.wait(lambda: not hand.controller.tools.removes)
    hand.click_and_wait(*B)


@pytest.mark.parametrize("tool", Tool)
def test_a_key_and_a_button_for_each_tool(hand: Hand, tool: Tool) -> None:
    widget = SegmentationWidget(hand.viewer)
    row = widget.tools
    row.buttons[tool].click()
    assert hand.controller.tools.tool is tool
    hand.controller.tools.tool = next(other for other in Tool if other is not tool)
    assert not row.buttons[tool].isChecked()
    key = getattr(Qt.Key, f"Key_{KEYMAP[tool.value].key[-1]}")
    hand.native.setFocus()
    hand.key(key, SHIFT)
    assert hand.controller.tools.tool is tool
    assert row.buttons[tool].isChecked()
    row.polarity.click()
    assert hand.controller.tools.removes
    widget.release()
    widget.deleteLater()


def test_a_point_is_moved_by_a_drag(hand: Hand) -> None:
    hand.click_and_wait(*A)
    center = np.array(hand.viewer.scene.camera.center)
    hand.press_and_move([A, (80, 140), B])
    hand.wait(
        lambda: (
            hand.session.preview is not None
            and abs(hand.session.preview.prompts.points[0].col - B[1]) < 1
        )
    )
    assert labels(hand)[A] == 1
    hand.release(*B)
    hand.wait(lambda: labels(hand)[B] == 1)
    assert labels(hand)[A] == 0
    np.testing.assert_allclose(hand.viewer.scene.camera.center, center)
    assert list(hand.session.objects) == [1]
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: labels(hand)[A] == 1)
    assert labels(hand)[B] == 0


def test_a_box_is_resized_by_its_corner_and_moved_by_its_side(hand: Hand) -> None:
    draw(hand, Tool.BOX, *AROUND_A)
    hand.wait(lambda: len(hand.session.objects) == 1)
    hand.drag((90, 90), (90, 210))
    hand.wait(lambda: labels(hand)[B] == 1)
    hand.drag((30, 120), (110, 120))
    hand.wait(lambda: labels(hand)[C] == 1)
    assert labels(hand)[A] == labels(hand)[B] == 0


def test_a_prompt_is_taken_back_by_alt_click_or_a_key(hand: Hand) -> None:
    hand.click_and_wait(*A)
    for place in (B, C):
        hand.click(*place, SHIFT)
        hand.wait(lambda p=place: labels(hand)[p] == 1)
    hand.click(*B, ALT)
    hand.wait(lambda: labels(hand)[B] == 0)
    assert len(hand.session.objects[1].prompts.points) == 2
    hand.move(*C)
    hand.wait(lambda: hand.controller.prompts.under is not None)
    hand.native.setFocus()
    hand.key(Qt.Key.Key_X, SHIFT)
    hand.wait(lambda: labels(hand)[C] == 0)
    assert labels(hand)[A] == 1


def test_a_prompt_that_is_gone_is_not_under_the_mouse(hand: Hand) -> None:
    hand.click_and_wait(*A)
    hand.move(A[0], A[1] + 2)
    hand.wait(lambda: hand.controller.prompts.under is not None)
    assert "Drag moves it" in click_says(hand.controller)
    hand.native.setFocus()
    hand.key(Qt.Key.Key_Return)
    hand.wait(lambda: hand.session.current is None)
    assert hand.controller.prompts.under is None
    assert "Drag" not in click_says(hand.controller)


def test_escape_leaves_a_prompt_where_it_was(hand: Hand) -> None:
    hand.click_and_wait(*A)
    hand.press_and_move([A, (80, 140), B])
    hand.key(Qt.Key.Key_Escape)
    hand.release(*B)
    shown = hand.controller.prompts.display.shown
    assert shown.shapes.places[0].at == pytest.approx(A, abs=1)
    hand.click_and_wait(*C)
    assert labels(hand)[A] == 1
    assert labels(hand)[B] == 0


def test_shift_and_wheel_let_the_mask_grow_and_shrink(hand: Hand) -> None:
    zoom = hand.viewer.scene.camera.zoom
    hand.hover(*A)
    before = hand.session.preview.prediction.area
    hand.turn_wheel(*A, 3, SHIFT)
    assert hand.session.preview.prediction.area > before
    assert hand.controller.preview.display.shown.threshold == -0.75
    hand.click_and_wait(*A)
    kept = (labels(hand) == 1).sum()
    assert kept > before
    # Now it is about the object that is there.
    hand.turn_wheel(*A, -6, SHIFT)
    hand.wait(lambda: (labels(hand) == 1).sum() < before)
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: (labels(hand) == 1).sum() == kept)
    assert hand.viewer.scene.camera.zoom == zoom


def test_a_hover_over_an_object_offers_to_edit_it(hand: Hand) -> None:
    hand.click_and_wait(*A)
    hand.click_and_wait(*B)
    hand.move(*A)
    hand.wait(lambda: hand.controller.aim.label == 1)
    assert "edits it" in click_says(hand.controller)
    hand.native.setFocus()
    hand.key(Qt.Key.Key_E, SHIFT)
    hand.wait(lambda: hand.session.current.label == 1)
    shown = hand.controller.prompts.display.shown
    assert shown.shapes.places[0].at == pytest.approx(A, abs=1)
    hand.click(*C, SHIFT)
    hand.wait(lambda: labels(hand)[C] == 1)


def brush(hand: Hand, *path: tuple[float, float]) -> None:
    """Paint an object 5."""
    layer = hand.controller.workspace.new_labels()
    hand.viewer.layers.selection.active = layer
    layer.mode = "paint"
    layer.brush_size = 10
    layer.selected_label = 5
    hand.drag_along(path)
    hand.wait(lambda: (labels(hand) == 5).any())
    layer.mode = "pan_zoom"
    hand.native.setFocus()


def test_what_was_brushed_is_found_anew(hand: Hand) -> None:
    brush(hand, A, (60, 70), (65, 70))
    hand.move(*A)
    hand.wait(lambda: hand.controller.aim.label == 5)
    assert "finds it anew" in click_says(hand.controller)
    hand.key(Qt.Key.Key_R, SHIFT)
    hand.wait(lambda: 5 in hand.session.objects)
    # All of the disc, which the brush only touched.
    assert labels(hand)[A[0] - 20, A[1]] == 5


def test_what_was_brushed_is_a_prompt_to_be_seen_and_taken_back(hand: Hand) -> None:
    brush(hand, A, (60, 70), (65, 70))
    painted = labels(hand) == 5
    hand.move(*A)
    hand.wait(lambda: hand.controller.aim.label == 5)
    hand.key(Qt.Key.Key_R, SHIFT)
    hand.wait(lambda: 5 in hand.session.objects)
    shown = hand.controller.prompts.display.shown.shapes
    assert (shown.region.crop.sum(), len(shown.places)) == (painted.sum(), 1)
    middle = shown.places[0].at
    assert painted[tuple(map(round, middle))]
    # Near its outline, clicks are about the object.
    edge = shown.region.edges[0]
    assert hand.controller.prompts.find(*edge) is None
    hand.move(*middle)
    hand.wait(lambda: hand.controller.prompts.under is not None)
    # Without another prompt, nothing of the object would be left.
    hand.key(Qt.Key.Key_X, SHIFT)
    assert hand.session.current.prompts.region is not None
    hand.click(*B, SHIFT)
    hand.wait(lambda: labels(hand)[B] == 5)
    hand.move(*middle)
    hand.wait(lambda: hand.controller.prompts.under is not None)
    hand.key(Qt.Key.Key_X, SHIFT)
    hand.wait(lambda: labels(hand)[A] == 0)
    assert labels(hand)[B] == 5
    assert hand.controller.prompts.display.shown.shapes.region is None


def test_a_key_takes_the_next_candidate_and_escape_any(hand: Hand) -> None:
    hand.hover(*A)
    hand.native.setFocus()
    hand.key(Qt.Key.Key_J)
    hand.wait(lambda: hand.session.preview.prompts.choice is not None)
    assert hand.session.candidate in click_says(hand.controller)
    hand.click_and_wait(*A)
    assert hand.session.objects[1].prompts.choice is not None
    hand.key(Qt.Key.Key_Escape)
    assert hand.session.candidate == ""
