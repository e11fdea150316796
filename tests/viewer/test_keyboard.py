"""The widget without a mouse: everything can be reached, seen and understood."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QWidget,
)

from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.lessons import LESSONS
from tests.viewer.conftest import A
from tests.viewer.hand import NONE, Hand

if TYPE_CHECKING:
    from napari_sam2.viewer.widget import SegmentationWidget

_USED = (
    QAbstractButton,
    QComboBox,
    QAbstractSlider,
    QAbstractSpinBox,
    QAbstractItemView,
    QLineEdit,
)


@pytest.fixture
def widget(hand: Hand) -> SegmentationWidget:
    _, widget = hand.viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    hand.wait_ready()
    hand.click_and_wait(*A)
    widget.objects.header.setChecked(True)
    widget.refine.header.setChecked(True)
    QApplication.processEvents()
    return widget


def of_ours(widget: SegmentationWidget) -> list[Any]:
    """Return everything that is used by a hand, without what Qt makes for itself."""
    found = []
    for child in widget.findChildren(QWidget):
        inner = isinstance(child.parentWidget(), (QComboBox, QAbstractItemView))
        popup = child.window() is not widget.window()
        if isinstance(child, _USED) and not isinstance(child, QScrollBar):
            if inner or popup or child.objectName().startswith("qt_"):
                continue
            found.append(child)
    return found


def test_everything_says_what_it_is_for(widget: SegmentationWidget) -> None:
    used = of_ours(widget)
    assert len(used) > 15
    for child in used:
        assert child.toolTip(), f"{child} {child.objectName()} has no tooltip"
        text = child.text() if isinstance(child, QAbstractButton) else ""
        named = child.accessibleName() or len(text.replace("&", "")) > 2
        assert named, f"{child} {text} has no name that can be read aloud"


def test_tab_goes_through_the_widget_from_top_to_bottom(
    widget: SegmentationWidget, hand: Hand
) -> None:
    widget.image.setFocus(Qt.FocusReason.TabFocusReason)
    window = widget.window()
    seen: list[QWidget] = []
    while True:
        now = window.focusWidget()
        if now is None or not widget.isAncestorOf(now) or now in seen:
            break
        seen.append(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    usable = {one for one in of_ours(widget) if one.isVisible() and one.isEnabled()}
    assert usable <= set(seen), [one.toolTip() for one in usable - set(seen)]
    heights = [one.mapTo(widget, one.rect().center()).y() for one in seen]
    # What lies in one row may lie a few pixels higher or lower.
    assert all(b > a - 12 for a, b in pairwise(heights)), heights


def test_a_key_goes_to_the_widget_and_back(
    widget: SegmentationWidget, hand: Hand
) -> None:
    window = widget.window()
    hand.native.setFocus()
    hand.key(Qt.Key.Key_F6)
    assert window.focusWidget() is widget.image
    QTest.keyClick(widget.image, Qt.Key.Key_F6)
    assert window.focusWidget() is hand.native
    # Also while the tool is off.
    hand.key(Qt.Key.Key_Q)
    hand.key(Qt.Key.Key_F6)
    assert window.focusWidget() is widget.image


def test_buttons_and_boxes_work_by_space(
    widget: SegmentationWidget, hand: Hand
) -> None:
    QTest.keyClick(widget.collect, Qt.Key.Key_Space)
    assert hand.controller.modes.collect
    QTest.keyClick(widget.undo, Qt.Key.Key_Space)
    assert hand.session.objects == {}
    QTest.keyClick(widget.tool, Qt.Key.Key_Space)
    assert not hand.controller.modes.active


def test_walking_through_a_list_chooses_nothing_on_the_way(
    widget: SegmentationWidget,
) -> None:
    chosen: list[int] = []
    widget.model.activated.connect(chosen.append)
    before = widget.model.currentIndex()
    QTest.keyClick(widget.model, Qt.Key.Key_Down)
    popup = widget.model.view()
    assert popup is not None
    assert popup.isVisible()
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Escape)
    assert (widget.model.currentIndex(), chosen) == (before, [])


def test_the_wheel_changes_no_choice(widget: SegmentationWidget) -> None:
    chosen: list[int] = []
    widget.model.activated.connect(chosen.append)
    place = QPointF(widget.model.rect().center())
    wheel = QWheelEvent(
        place,
        QPointF(widget.model.mapToGlobal(place.toPoint())),
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget.model, wheel)
    assert widget.model.currentIndex() == 0
    assert chosen == []


def test_letters_lead_to_the_choosers(widget: SegmentationWidget) -> None:
    letters = {}
    for label in widget.findChildren(QLabel):
        buddy = label.buddy()
        if buddy is not None:
            assert "&" in label.text()
            letter = label.text().partition("&")[2][0].lower()
            assert letter not in letters
            letters[letter] = buddy
    assert set(letters.values()) == {
        widget.image,
        widget.labels,
        widget.model,
        widget.engine,
        widget.refine.threshold,
        widget.refine.smoothing,
        widget.refine.min_area,
        widget.refine.colors,
    }
    # Those of napari's menu bar.
    assert not set(letters) & set("fvlpwh")


def test_hints_can_be_read_in_280_pixels(widget: SegmentationWidget) -> None:
    widget.setFixedWidth(280)
    QApplication.processEvents()
    line = widget.status.detail
    keys = {name: action.keys for name, action in KEYMAP.items()}
    hints = [text.format(Shift="Shift", **keys) for text in LESSONS.values()]
    for text in (*hints, "Click keeps object 999 · Shift adds"):
        assert line.fontMetrics().horizontalAdvance(text) <= line.width(), text


@pytest.mark.parametrize("width", [280, 320, 400])
def test_nothing_is_cut_off_from_280_pixels_on(
    widget: SegmentationWidget, width: int
) -> None:
    assert widget.minimumSizeHint().width() <= 280
    widget.setFixedWidth(width)
    QApplication.processEvents()
    for child in of_ours(widget):
        if child.isVisible():
            right = child.mapTo(widget, child.rect().topRight()).x()
            assert right < width, child.toolTip()
            if isinstance(child, QAbstractButton) and child.text():
                text = child.fontMetrics().horizontalAdvance(
                    child.text().replace("&", "")
                )
                assert text <= child.width(), child.text()
