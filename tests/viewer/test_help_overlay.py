"""`?` shows every key and gesture, and changes keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel

from napari_sam2.viewer.actions import GESTURES
from napari_sam2.viewer.help_overlay import HelpOverlay
from napari_sam2.viewer.key_conflicts import rivals
from napari_sam2.viewer.keymap import KEYMAP
from tests.viewer.hand import CTRL, LEFT, NONE, SHIFT, Hand

if TYPE_CHECKING:
    from collections.abc import Callable


def shown(hand: Hand) -> HelpOverlay | None:
    found: HelpOverlay | None = hand.native.window().findChild(HelpOverlay)
    return found


@pytest.fixture
def overlay(hand: Hand) -> HelpOverlay:
    QTest.keyClicks(hand.native, "?")
    overlay = shown(hand)
    assert overlay is not None
    return overlay


def anew(hand: Hand, name: str, key: Qt.Key, modifiers: object = NONE) -> None:
    """Click a key of the overlay and press another one."""
    overlay = shown(hand)
    assert overlay is not None
    QTest.mouseClick(overlay.caps[name], LEFT)
    assert overlay.caps[name].waits
    QTest.keyClick(overlay.caps[name], key, modifiers)  # type: ignore[call-overload]


def words(overlay: HelpOverlay) -> str:
    return "\n".join(label.text() for label in overlay.findChildren(QLabel)).lower()


def test_it_shows_every_key_and_gesture_and_goes_without_a_trace(
    hand: Hand, overlay: HelpOverlay
) -> None:
    said = words(overlay)
    for gesture in GESTURES:
        assert gesture.help.lower() in said
    for name, action in KEYMAP.items():
        assert action.help.lower() in said
        assert overlay.caps[name].text().startswith(action.keys)
        assert overlay.caps[name].toolTip()
    assert overlay.rect() == hand.native.rect()
    # What is done on it is not done on the image under it.
    QTest.mouseClick(overlay, LEFT)
    QTest.keyClick(overlay, Qt.Key.Key_Escape)
    assert shown(hand) is None
    assert hand.session.objects == {}
    assert hand.native.hasFocus() or not hand.native.window().isActiveWindow()


@pytest.mark.parametrize(
    "close",
    [
        lambda hand, _: hand.key(Qt.Key.Key_Escape),
        lambda hand, _: QTest.keyClicks(hand.native, "?"),
        lambda _, overlay: QTest.keyClicks(overlay, "?"),
        lambda _, overlay: QTest.mouseClick(overlay.dismiss_button, LEFT),
        lambda hand, _: hand.controller.close(),
    ],
    ids=["escape", "key", "key on it", "button", "tool closed"],
)
def test_it_closes(
    hand: Hand,
    overlay: HelpOverlay,
    close: Callable[[Hand, HelpOverlay], None],
) -> None:
    close(hand, overlay)
    assert shown(hand) is None


def test_a_key_is_pressed_anew(hand: Hand, overlay: HelpOverlay) -> None:
    anew(hand, "collect", Qt.Key.Key_J)
    assert KEYMAP["collect"].key == "J"
    assert "J" in overlay.said.text()
    assert overlay.caps["collect"].text() == "J"
    # Shift alone is none yet, and menus do not act on what is pressed here.
    QTest.mouseClick(overlay.caps["collect"], LEFT)
    QTest.keyClick(overlay.caps["collect"], Qt.Key.Key_Shift)
    assert overlay.caps["collect"].waits
    QTest.keyClick(overlay.caps["collect"], Qt.Key.Key_F7, SHIFT)
    assert KEYMAP["collect"].key == "Shift-F7"
    anew(hand, "collect", Qt.Key.Key_Tab)
    assert KEYMAP["collect"].key == "Tab"
    anew(hand, "collect", Qt.Key.Key_Escape)
    anew(hand, "collect", Qt.Key.Key_Backspace)
    assert KEYMAP["collect"].key == "G"
    anew(hand, "collect", Qt.Key.Key_J)
    overlay.dismiss()
    hand.key(Qt.Key.Key_J)
    assert hand.controller.modes.collect


def test_two_actions_change_their_keys_and_it_says_so(
    hand: Hand, overlay: HelpOverlay
) -> None:
    anew(hand, "collect", Qt.Key.Key_Z, CTRL)
    assert KEYMAP["undo"].key == "G"
    assert "Undo has G now" in overlay.said.text()
    QTest.mouseClick(overlay.usual, LEFT)
    assert KEYMAP.own == {}


def test_a_key_of_naparis_menus_is_refused_and_one_of_its_layers_is_told(
    hand: Hand, overlay: HelpOverlay
) -> None:
    anew(hand, "collect", Qt.Key.Key_O, CTRL)
    assert "in napari's menus" in overlay.said.text()
    anew(hand, "collect", Qt.Key.Key_V)
    assert "Toggle visibility of selected layers" in overlay.said.text()
    assert overlay.caps["collect"].text() == "V *"
    assert KEYMAP.own == {"collect": "V"}


def test_who_waits_for_a_key_waits_no_longer_once_something_else_is_done(
    hand: Hand, overlay: HelpOverlay
) -> None:
    QTest.mouseClick(overlay.caps["collect"], LEFT)
    QTest.mouseClick(overlay.caps["undo"], LEFT)
    hand.wait(lambda: not overlay.caps["collect"].waits)
    assert overlay.caps["undo"].waits


def test_it_keeps_the_size_of_the_canvas_or_takes_the_window(
    hand: Hand, overlay: HelpOverlay
) -> None:
    window = hand.viewer.window
    window.resize(1600, 900)
    hand.wait(lambda: hand.native.width() > 700)
    hand.wait(lambda: overlay.size() == hand.native.size())
    window.resize(560, 500)
    hand.wait(lambda: hand.native.width() < 270)
    hand.wait(lambda: overlay.size() == hand.native.window().size())
    assert overlay.isVisible()
    before = overlay.styleSheet()
    hand.viewer.theme = "light"
    assert overlay.styleSheet() != before


def test_it_is_there_while_the_tool_is_off(hand: Hand) -> None:
    hand.key(Qt.Key.Key_Q)
    QTest.keyClicks(hand.native, "?")
    QApplication.processEvents()
    assert shown(hand) is not None


def test_rivals_are_found_in_menus_and_in_naparis_keymap(hand: Hand) -> None:
    (menu,) = rivals("Control-O", hand.viewer)
    assert (menu.first, menu.title) == (True, "Open File(s)...")
    assert not any(rival.first for rival in rivals("P", hand.viewer))
    assert len(rivals("P", hand.viewer)) > 1
    assert rivals("?", hand.viewer) == []


def test_no_key_of_the_table_is_one_of_naparis_menus(hand: Hand) -> None:
    for action in KEYMAP.values():
        assert not any(rival.first for rival in rivals(action.key, hand.viewer))
