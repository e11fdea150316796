"""The list in the widget, driven as a user does."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_sam2.viewer.object_model import AREA, CLASS, ID, REVIEWED
from napari_sam2.viewer.widget import SegmentationWidget
from tests.viewer.conftest import A, B, C
from tests.viewer.hand import CTRL, LEFT, NONE, SHIFT, Hand

if TYPE_CHECKING:
    from napari_sam2.viewer.object_list import ObjectPanel


@pytest.fixture
def panel(hand: Hand) -> ObjectPanel:
    """The unfolded list of three objects, in a window."""
    widget = SegmentationWidget(hand.viewer)
    hand.viewer.window.add_dock_widget(widget, name="SAM 2")
    for place in (A, B, C):
        hand.click_and_wait(*place)
    panel = widget.objects
    QTest.mouseClick(panel.header, LEFT)
    hand.wait(lambda: panel.table.isVisible())
    return panel


def cell(panel: ObjectPanel, label: int, column: int) -> Any:
    return panel.model.index(panel.model.row_of(label), column)


def click(panel: ObjectPanel, label: int, column: int = AREA, keys: Any = NONE) -> None:
    place = panel.table.visualRect(cell(panel, label, column)).center()
    QTest.mouseClick(panel.table.viewport(), LEFT, keys, place)


def press(panel: ObjectPanel, key: Any, keys: Any = NONE) -> None:
    QTest.keyClick(panel.table, key, keys)


def test_the_header_counts_and_unfolds(panel: ObjectPanel, hand: Hand) -> None:
    assert panel.header.text() == "Objects  3"
    assert panel.selected == [3]  # the one that is worked on
    QTest.mouseClick(panel.header, LEFT)
    assert not panel.table.isVisible()
    assert hand.controller.tour.highlighted == ()


def test_a_click_goes_to_the_object_and_takes_it_up(
    panel: ObjectPanel, hand: Hand
) -> None:
    click(panel, 1)
    hand.wait(lambda: hand.session.current is hand.session.objects[1])
    assert np.allclose(hand.viewer.scene.camera.center[-2:], A, atol=1)
    assert hand.controller.tour.highlighted == (1,)
    hand.move(*A)
    assert panel.selected == [1]


def test_the_current_object_is_selected_without_moving_the_view(
    panel: ObjectPanel, hand: Hand
) -> None:
    center = hand.viewer.scene.camera.center
    hand.session.edit(2)
    assert panel.selected == [2]
    assert hand.viewer.scene.camera.center == center


def test_arrows_walk_from_object_to_object(panel: ObjectPanel, hand: Hand) -> None:
    click(panel, 1)
    press(panel, Qt.Key.Key_Down)
    assert np.allclose(hand.viewer.scene.camera.center[-2:], B, atol=1)
    assert panel.selected == [2]


def test_keys_delete_and_undo(panel: ObjectPanel, hand: Hand) -> None:
    click(panel, 2)
    press(panel, Qt.Key.Key_Delete)
    hand.wait(lambda: panel.model.rowCount() == 2)
    assert panel.selected == [3]
    press(panel, Qt.Key.Key_Backspace)
    hand.wait(lambda: panel.model.rowCount() == 1)
    press(panel, Qt.Key.Key_Z, CTRL)
    press(panel, Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: panel.model.rowCount() == 3)
    press(panel, Qt.Key.Key_Z, CTRL | SHIFT)
    hand.wait(lambda: panel.model.rowCount() == 2)
    assert panel.header.text() == "Objects  2"


def test_several_are_merged_into_the_one_with_the_cursor(
    panel: ObjectPanel, hand: Hand
) -> None:
    click(panel, 1)
    click(panel, 3, keys=CTRL)
    assert panel.merge.isEnabled()
    assert not panel.split.isEnabled()
    press(panel, Qt.Key.Key_M)
    hand.wait(lambda: panel.model.rowCount() == 2)
    assert hand.session.labels[A] == hand.session.labels[C] == 3
    click(panel, 3)
    press(panel, Qt.Key.Key_S)
    hand.wait(lambda: panel.model.rowCount() == 3)
    assert hand.session.labels[A] != hand.session.labels[C]


def test_space_ticks_all_that_are_selected(panel: ObjectPanel, hand: Hand) -> None:
    click(panel, 1)
    click(panel, 3, keys=SHIFT)
    press(panel, Qt.Key.Key_Space)
    assert all(row.reviewed for row in hand.session.rows)
    press(panel, Qt.Key.Key_Space)
    assert not any(row.reviewed for row in hand.session.rows)
    hand.controller.commands.undo()
    assert all(row.reviewed for row in hand.session.rows)


def test_a_tick_is_set_by_the_mouse_without_going_there(
    panel: ObjectPanel, hand: Hand
) -> None:
    center = hand.viewer.scene.camera.center
    index = cell(panel, 1, REVIEWED)
    box = panel.table.visualRect(index)
    place = box.center()
    place.setX(box.left() + 12)
    QTest.mouseClick(panel.table.viewport(), LEFT, NONE, place)
    hand.wait(lambda: hand.session.notes(1).reviewed)
    assert hand.viewer.scene.camera.center == center


def test_a_class_is_written_in_place(panel: ObjectPanel, hand: Hand) -> None:
    click(panel, 2)
    press(panel, Qt.Key.Key_F2)
    hand.wait(lambda: panel.table.findChild(QLineEdit) is not None)
    editor = panel.table.findChild(QLineEdit)
    QTest.keyClicks(editor, "coin")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    hand.wait(lambda: hand.session.notes(2).category == "coin")
    assert panel.model.data(cell(panel, 2, CLASS)) == "coin"
    # Enter was the editor's: the tool has not taken it for "done".
    assert hand.session.current is hand.session.objects[2]


def test_sorting_by_a_click_keeps_the_selection(panel: ObjectPanel, hand: Hand) -> None:
    click(panel, 2)
    header = panel.table.horizontalHeader()
    place = header.rect().center()
    place.setX(header.sectionPosition(ID) + 10)
    QTest.mouseClick(header.viewport(), LEFT, NONE, place)
    assert panel.model.label_at(0) == 3
    assert panel.selected == [2]


def test_keys_on_the_canvas_go_through_the_objects(
    panel: ObjectPanel, hand: Hand
) -> None:
    hand.native.setFocus()
    hand.key(Qt.Key.Key_N)
    first = panel.selected
    hand.key(Qt.Key.Key_K)
    hand.wait(lambda: hand.session.notes(first[0]).reviewed)
    assert panel.selected != first
    gone = panel.selected
    hand.key(Qt.Key.Key_Delete)
    hand.wait(lambda: panel.model.row_of(gone[0]) is None)


def test_all_of_many_are_selected_at_once(panel: ObjectPanel, hand: Hand) -> None:
    labels = hand.session.store.layer
    many = np.kron(np.arange(1, 10_001).reshape(100, 100), np.ones((2, 2), int))
    labels.data = many[:200, :200].astype(np.uint16).repeat(2, axis=1)[:200, :240]
    hand.wait(lambda: panel.model.rowCount() > 5000)
    start = perf_counter()
    press(panel, Qt.Key.Key_A, CTRL)
    # Row by row, it takes ten times as long.
    assert perf_counter() - start < 0.4
    assert len(panel.selected) == panel.model.rowCount()
    assert panel.table.columnWidth(ID) > 62
