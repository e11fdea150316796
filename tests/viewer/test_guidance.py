"""What a click would do is said where one looks, and first hints go away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.lessons import LESSONS, Lessons
from napari_sam2.viewer.preferences import Preferences, preferences
from tests.viewer.conftest import A, B, C
from tests.viewer.hand import CTRL, SHIFT, Hand

if TYPE_CHECKING:
    from napari_sam2.viewer.widget import SegmentationWidget
    from tests.viewer.fakes import FakeSegmenter


@pytest.fixture
def widget(hand: Hand) -> SegmentationWidget:
    _, widget = hand.viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    hand.wait_ready()
    return widget


@pytest.fixture
def learned() -> None:
    preferences()["hints"] = False


def says(hand: Hand, widget: SegmentationWidget, text: str) -> None:
    """Wait until widget and status bar say what a click would do."""
    hand.wait(lambda: widget.status.detail.text() == text)
    hand.wait(lambda: hand.viewer.help == text)


def test_first_hints_are_learned_by_doing_and_never_come_back(
    hand: Hand, widget: SegmentationWidget
) -> None:
    line = widget.status.detail

    def shows(name: str) -> bool:
        keys = {one: action.keys for one, action in KEYMAP.items()}
        return bool(line.text() == LESSONS[name].format(Shift="Shift", **keys))

    hand.wait(lambda: shows("point"))
    hand.hover(*A)
    hand.wait(lambda: shows("click"))
    hand.click_and_wait(*A)
    hand.wait(lambda: shows("add"))
    hand.click(*B, SHIFT)
    hand.wait(lambda: shows("undo"))
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: shows("help"))
    QTest.keyClicks(hand.native, "?")
    hand.key(Qt.Key.Key_Escape)
    hand.wait(lambda: "keys and gestures" not in line.text())
    assert preferences()["hints_seen"].split() == list(LESSONS)
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.hover(*C)
    hand.wait(lambda: line.text() == "Click keeps object 1")


def test_who_knows_already_is_not_taught(
    hand: Hand, widget: SegmentationWidget
) -> None:
    # Undo before anything else that comes before it in the list.
    hand.click_and_wait(*A)
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.wait(lambda: not hand.session.objects)
    assert widget.guidance.lessons.left == ["add", "help"]
    preferences()["hints"] = False
    assert widget.guidance.lessons.left == []
    assert "mask" not in widget.status.detail.text()


@pytest.mark.usefixtures("learned")
def test_it_says_what_a_click_will_do(hand: Hand, widget: SegmentationWidget) -> None:
    viewer = hand.viewer
    layer = viewer.layers["cells"]
    before, cursor = layer.help, layer.cursor
    hand.hover(*A)
    says(hand, widget, "Click keeps object 1")
    assert viewer.cursor.style == "cross"
    hand.click_and_wait(*A)
    hand.hover(*B)
    says(hand, widget, "Click keeps object 2 · Shift adds")
    QTest.keyPress(hand.native, Qt.Key.Key_Shift)
    says(hand, widget, "Click adds to object 1")
    QTest.keyRelease(hand.native, Qt.Key.Key_Shift)
    QTest.keyPress(hand.native, Qt.Key.Key_Alt)
    says(hand, widget, "Click takes away from object 1")
    QTest.keyRelease(hand.native, Qt.Key.Key_Alt)
    hand.move(-8, 10)
    says(hand, widget, "Outside of the image")
    assert viewer.cursor.style == cursor
    hand.key(Qt.Key.Key_Return)
    hand.hover(*C)
    hand.key(Qt.Key.Key_G)
    says(hand, widget, "Click begins object 2; Enter keeps it")
    hand.click(*C)
    hand.wait(lambda: hand.session.current is not None)
    says(hand, widget, "Click adds to object 2; Enter keeps it")
    # Off: cursor and status bar are napari's again.
    hand.key(Qt.Key.Key_Q)
    hand.wait(lambda: hand.viewer.help == before)
    assert layer.help == before
    assert viewer.cursor.style == cursor
    hand.key(Qt.Key.Key_Q)
    hand.hover(*A)
    hand.wait(lambda: layer.help != before)
    widget.release()
    assert layer.help == before
    assert viewer.cursor.style == cursor


@pytest.mark.usefixtures("learned")
def test_moves_that_change_nothing_say_nothing(
    hand: Hand, widget: SegmentationWidget
) -> None:
    hand.hover(*A)
    says(hand, widget, "Click keeps object 1")
    told: list[Any] = []
    widget.guidance.changed.connect(lambda: told.append(1))
    hand.viewer.events.help.connect(told.append)
    for place in (B, C, A):
        hand.hover(*place)
    assert told == []


@pytest.mark.usefixtures("learned")
def test_a_layer_that_is_edited_has_its_own_cursor_and_help(
    hand: Hand, widget: SegmentationWidget
) -> None:
    labels = hand.controller.workspace.new_labels()
    assert labels is not None
    hand.viewer.layers.selection.active = labels
    hand.hover(*A)
    says(hand, widget, "Click keeps object 1")
    labels.mode = "paint"
    hand.move(*B)
    assert hand.viewer.cursor.style == labels.cursor == "circle"
    assert "Click" not in labels.help
    labels.mode = "pan_zoom"
    hand.hover(*C)
    says(hand, widget, "Click keeps object 1")


@pytest.mark.usefixtures("learned")
def test_it_says_what_one_cannot_see(hand: Hand, widget: SegmentationWidget) -> None:
    hand.click_and_wait(*A)
    hand.key(Qt.Key.Key_Return)
    hand.hover(*B)
    says(hand, widget, "Click keeps object 2")
    for name in ("cells", "cells · labels"):
        layer = hand.viewer.layers[name]
        layer.visible = False
        says(hand, widget, f"“{name}” is hidden: show it to see what you do")
        layer.visible = True
        says(hand, widget, "Click keeps object 2")


@pytest.mark.usefixtures("learned")
def test_without_an_active_layer_it_says_the_same(
    hand: Hand, widget: SegmentationWidget
) -> None:
    hand.viewer.layers.selection.clear()
    hand.hover(*A)
    says(hand, widget, "Click keeps object 1")
    hand.key(Qt.Key.Key_Q)
    hand.wait(lambda: hand.viewer.help == "")


def test_while_the_image_is_encoded_the_status_bar_says_that_clicks_wait(
    hand: Hand, widget: SegmentationWidget, segmenter: FakeSegmenter
) -> None:
    hand.hover(*A)
    segmenter.hold_encode.clear()
    other = hand.viewer.add_image(hand.layer.data[::-1].copy(), name="other")
    hand.viewer.layers.selection.active = other
    hand.wait(segmenter.encoding.is_set)
    hand.move(*B)
    says(hand, widget, "Clicks wait until it is ready")
    segmenter.hold_encode.set()
    hand.wait(lambda: "wait" not in hand.viewer.help)


def test_lessons_are_told_in_their_order_and_once() -> None:
    chosen = Preferences()
    lessons = Lessons(chosen)
    told: list[int] = []
    lessons.changed.connect(lambda: told.append(1))
    assert lessons.line(["undo", "click"]) == LESSONS["click"]
    assert lessons.line([]) == ""
    lessons.learn("click")
    lessons.learn("click")
    assert (len(told), chosen["hints_seen"]) == (1, "click")
    assert KEYMAP["undo"].keys in lessons.line(["undo", "click"])
    again = Lessons(chosen)
    assert again.left == ["point", "add", "undo", "help"]
    chosen["hints_seen"] = "nonsense point"
    assert again.left == ["click", "add", "undo", "help"]
