"""The panel that says how masks are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.refine_panel import RefinePanel
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.controller import Controller
    from tests.viewer.hand import Hand


@pytest.fixture
def panel(controller: Controller, qtbot: QtBot) -> RefinePanel:
    panel = RefinePanel(controller, Connections())
    qtbot.addWidget(panel)
    panel.show()
    return panel


def area(controller: Controller, label: int) -> int:
    controller.session.wait()
    return int((np.asarray(controller.session.labels) == label).sum())


def test_it_is_folded_until_it_is_wanted(panel: RefinePanel) -> None:
    assert not panel.body.isVisible()
    panel.header.click()
    assert panel.body.isVisible()


def test_without_an_object_it_is_about_the_next_ones(
    controller: Controller, panel: RefinePanel
) -> None:
    session = controller.session
    panel.threshold.setValue(-4)
    assert session.refinement == Refinement(-1.0)
    assert panel.header.text() == "Refine · the next objects"
    assert panel.value.text() == "-1.00"
    session.click(*A)
    session.click(*B)
    session.wait()
    thresholds = {o.prediction.threshold for o in session.objects.values()}
    assert thresholds == {-1.0}


def test_with_an_object_it_is_about_that(
    controller: Controller, panel: RefinePanel
) -> None:
    session = controller.session
    session.click(*A)
    before = area(controller, 1)
    panel.threshold.setValue(-8)
    assert panel.header.text() == "Refine · object 1"
    assert area(controller, 1) > before
    session.undo()
    assert area(controller, 1) == before
    assert panel.threshold.value() == 0
    panel.threshold.setValue(-8)
    session.click(*B)
    session.wait()
    # The next object is cut as it was, and the panel says so.
    assert session.refinement == Refinement()
    assert panel.threshold.value() == 0
    assert panel.header.text() == "Refine"


def test_all_of_it_counts(controller: Controller, panel: RefinePanel) -> None:
    session = controller.session
    session.click(*A)
    session.wait()
    panel.smoothing.setValue(2.5)
    panel.min_area.setValue(30)
    panel.fill_holes.click()
    session.wait()
    assert session.refinement == Refinement(0.0, 2.5, True, 30)


def test_what_would_leave_nothing_is_not_done(
    controller: Controller, panel: RefinePanel
) -> None:
    controller.session.click(*A)
    before = area(controller, 1)
    panel.min_area.setValue(900_000)
    assert area(controller, 1) == before
    assert panel.min_area.value() == 0


def test_reset_is_about_what_the_panel_is_about(
    controller: Controller, panel: RefinePanel
) -> None:
    session = controller.session
    assert not panel.reset.isEnabled()
    panel.threshold.setValue(-4)
    panel.smoothing.setValue(2)
    panel.fill_holes.setChecked(True)
    session.click(*A)
    session.wait()
    refined = area(controller, 1)
    panel.reset.click()
    assert area(controller, 1) < refined
    assert session.current.prediction.refinement == Refinement()
    assert session.next_refinement != Refinement()
    session.undo()
    assert area(controller, 1) == refined
    session.done()
    panel.reset.click()
    assert session.next_refinement == Refinement()
    assert not panel.reset.isEnabled()


def test_the_colors_are_chosen_here_too(
    controller: Controller, panel: RefinePanel
) -> None:
    texts = [panel.colors.itemText(n) for n in range(panel.colors.count())]
    panel.colors.activated.emit(texts.index("Color-blind safe"))
    assert controller.preview.palette == "color-blind safe"
    controller.preview.palette = "outline"
    assert panel.colors.currentText() == "Outline alone"


def test_the_keyboard_does_it(controller: Controller, panel: RefinePanel) -> None:
    panel.header.click()
    panel.threshold.setFocus()
    # To the right, the mask grows.
    QTest.keyClick(panel.threshold, Qt.Key.Key_Right)
    assert controller.session.refinement == Refinement(-0.25)


def test_a_number_is_typed_and_the_object_stays(hand: Hand) -> None:
    """Enter ends the number, Escape takes it back; napari hears neither."""
    _, widget = hand.viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    hand.wait_ready()
    hand.click_and_wait(*A)
    panel = widget.refine
    panel.header.setChecked(True)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        panel.smoothing.selectAll()
        QTest.keyClicks(panel.smoothing, "2.5" if key == Qt.Key.Key_Return else "3.5")
        QTest.keyClick(panel.smoothing, key)
        hand.wait(lambda: not hand.session.busy)
        assert hand.session.current is not None
        assert panel.header.text() == "Refine · object 1"
    assert hand.session.refinement.smoothing == 3.5
    panel.smoothing.selectAll()
    QTest.keyClicks(panel.smoothing, "9")
    QTest.keyClick(panel.smoothing, Qt.Key.Key_Escape)
    hand.wait(lambda: not hand.session.busy)
    assert hand.session.current is not None
    assert panel.smoothing.cleanText() == "3.5"
    assert hand.session.refinement.smoothing == 3.5
