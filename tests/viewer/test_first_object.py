"""From napari with an image open to the first kept object: every action is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMenu

from napari_sam2.viewer.controller import existing_controller
from tests.viewer.conftest import A
from tests.viewer.hand import LEFT, NONE, Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from pytestqt.qtbot import QtBot
    from qtpy.QtGui import QAction


@pytest.fixture
def viewer(
    make_napari_viewer: Callable[..., Any], image: np.ndarray[Any, Any]
) -> Iterator[Any]:
    """Open napari with an image; the plugin, with its own model, was never used."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1200, 800)
    viewer.add_image(image, name="cells")
    QApplication.processEvents()
    yield viewer
    controller = existing_controller(viewer)
    if controller is not None:
        controller.close()


def entry(menu: Any, words: str) -> QAction:
    """Find what a menu or a menu bar shows."""
    found = [one for one in menu.actions() if one.text().replace("&", "") == words]
    assert len(found) == 1, [one.text() for one in menu.actions()]
    action: QAction = found[0]
    return action


def choose(menu: Any, words: str) -> None:
    """Click on an entry of a menu or a menu bar."""
    place = menu.actionGeometry(entry(menu, words)).center()
    QTest.mouseClick(menu, LEFT, NONE, place)


def first_click(viewer: Any, qtbot: QtBot) -> Hand:
    """Click on an object; the model may still be loading then."""
    controller = existing_controller(viewer)
    assert controller is not None
    hand = Hand(viewer, viewer.layers["cells"], controller, qtbot)
    hand.wait_drawn()
    hand.click(*A)
    return hand


def kept(hand: Hand) -> None:
    """Make sure that what was clicked on comes to lie in a new labels layer."""
    hand.wait(lambda: "cells · labels" in hand.viewer.layers, timeout=120_000)
    hand.wait(lambda: hand.viewer.layers["cells · labels"].data[A] == 1)
    assert list(hand.session.objects) == [1]


def test_three_actions_with_the_plugin_never_used_before(
    viewer: Any, qtbot: QtBot
) -> None:
    bar = viewer.window.main_menu
    # One: open the menu.
    choose(bar, "Plugins")
    plugins = entry(bar, "Plugins").menu()
    assert isinstance(plugins, QMenu)
    qtbot.waitUntil(plugins.isVisible)
    # Two: choose the tool, which begins by itself on the image.
    choose(plugins, "SAM 2 (SAM 2)")
    qtbot.waitUntil(lambda: existing_controller(viewer) is not None)
    # Three: click on something.
    kept(first_click(viewer, qtbot))


def test_one_action_with_the_widget_in_its_dock(viewer: Any, qtbot: QtBot) -> None:
    viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    QApplication.processEvents()
    # One: click on something.
    kept(first_click(viewer, qtbot))
