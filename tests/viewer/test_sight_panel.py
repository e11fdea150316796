"""A panel shows what the model sees, and chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest

from tests.viewer.conftest import A, B
from tests.viewer.fakes import FakeSegmenter, discs
from tests.viewer.hand import LEFT, SHIFT, Hand

if TYPE_CHECKING:
    from napari_sam2.viewer.sight_panel import SightPanel
    from napari_sam2.viewer.widget import SegmentationWidget


@pytest.fixture
def widget(hand: Hand) -> SegmentationWidget:
    with hand.controller.choices.deaf():
        hand.viewer.add_image(discs([B], (200, 240), 25), name="GFP")
        hand.viewer.layers.selection.active = hand.layer
    _, widget = hand.viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    hand.wait_ready()
    return widget


def color(panel: SightPanel, place: tuple[int, int]) -> list[int]:
    """Return what the picture shows at a place of the image."""
    picture = panel.picture.pixmap().toImage()
    scale = picture.width() / 240
    found = QColor(picture.pixel(round(place[1] * scale), round(place[0] * scale)))
    return [found.red(), found.green(), found.blue()]


def choose(chooser: Any, text: str) -> None:
    """Choose by the keyboard, as one does who sees the list."""
    chooser.setFocus()
    QTest.keyClick(chooser, Qt.Key.Key_Down)
    view = chooser.view()
    view.setCurrentIndex(view.model().index(chooser.findText(text), 0))
    QTest.keyClick(view, Qt.Key.Key_Return)


def test_it_comes_up_by_a_key_and_shows_what_is_chosen(
    hand: Hand, widget: SegmentationWidget, segmenter: FakeSegmenter
) -> None:
    panel = widget.sight
    hand.key(Qt.Key.Key_M, SHIFT)
    hand.wait(lambda: not panel.picture.pixmap().isNull())
    assert panel.isVisible()
    assert panel.where.text() == "384 by 384 pixels, of all 200 rows and 240 columns"
    gray = color(panel, A)
    assert gray[0] == gray[1] == gray[2] > 0

    choose(panel.colors[1], "GFP")
    hand.wait(lambda: color(panel, B) == [0, 255, 0])
    assert color(panel, A) == [0, 0, 0]
    choose(panel.colors[0], "cells")
    hand.wait(lambda: color(panel, A)[0] > 0)

    choose(panel.contrast, "Contrast of the layer")
    assert hand.controller.sight.contrast == "layer"
    hand.layer.contrast_limits = (0, 100)
    hand.wait(lambda: color(panel, A) == [255, 0, 0])

    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    # The key that calls it puts it away, whatever in it has the keyboard.
    for place in (panel, panel.contrast, panel.colors[0]):
        hand.key(Qt.Key.Key_M, SHIFT)
        assert panel.isVisible()
        QTest.keyClick(place, Qt.Key.Key_M, SHIFT)
        assert not panel.isVisible()


def test_nobody_looks_so_nothing_is_read(
    hand: Hand, widget: SegmentationWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(hand.session, "see", asked.append)
    hand.controller.sight.contrast = "layer"
    hand.wait(lambda: not hand.session.busy)
    assert asked == []
    QTest.mouseClick(widget.see, LEFT)
    assert len(asked) == 1
    widget.sight.hide()


def test_where_there_is_nothing_to_choose_nothing_is_offered(
    hand: Hand, widget: SegmentationWidget
) -> None:
    hand.viewer.add_image(np.zeros((50, 60, 3), np.uint8), rgb=True, name="rgb")
    hand.wait_ready()
    QTest.mouseClick(widget.see, LEFT)
    panel = widget.sight
    hand.wait(lambda: panel.where.text().endswith("50 rows and 60 columns"))
    assert not panel.contrast.isVisible()
    assert not any(chooser.isVisible() for chooser in panel.colors)
    panel.hide()


def test_long_names_are_told_apart_by_their_ends(
    hand: Hand, widget: SegmentationWidget
) -> None:
    stack = np.zeros((3, 200, 240), np.uint8)
    name = "2031-05-12 plate 7 well B04 fixed and stained"
    hand.viewer.add_image(stack, name=name)
    hand.wait_ready()
    QTest.mouseClick(widget.see, LEFT)
    chooser = widget.sight.colors[0]
    texts = [chooser.itemText(number) for number in range(2, 5)]
    for position, text in enumerate(texts):
        assert text.startswith("2031")
        assert text.endswith(f"channel {position}")
        assert chooser.fontMetrics().horizontalAdvance(text) < chooser.width() - 44
        role = Qt.ItemDataRole.ToolTipRole
        assert chooser.itemData(2 + position, role) == f"{name} · channel {position}"
    widget.sight.hide()
