"""Which pixels objects may take, as the user chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sam2.annotation.overlap import OverlapRule
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.overlap_chooser import OverlapChooser
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.controller import Controller


@pytest.fixture
def chooser(qtbot: QtBot, controller: Controller) -> OverlapChooser:
    chooser = OverlapChooser(controller, Connections())
    qtbot.addWidget(chooser)
    return chooser


def texts(chooser: OverlapChooser) -> list[str]:
    return [chooser.itemText(number) for number in range(chooser.count())]


def test_an_object_at_hand_can_be_the_one_to_stay_inside_of(
    chooser: OverlapChooser, controller: Controller
) -> None:
    assert texts(chooser) == ["Protect other objects", "Paint over other objects"]
    session = controller.session
    session.click(*A)
    session.wait()
    assert texts(chooser)[2:] == ["Only inside of object 1"]
    chooser.activated.emit(2)
    assert session.overlap.rule is OverlapRule.INSIDE
    session.click(*B)
    session.wait()
    # Nothing of the object at B lies inside of the one at A.
    assert list(session.objects) == [1]
    session.done()
    session.wait()
    # The rule holds on while nothing is at hand.
    assert chooser.currentText() == "Only inside of object 1"
    controller.actions["overwrite"]()
    assert chooser.currentText() == "Paint over other objects"
    controller.actions["overwrite"]()
    assert texts(chooser) == ["Protect other objects", "Paint over other objects"]
    assert chooser.currentText() == "Protect other objects"


def test_what_was_there_before_can_be_the_frame(
    chooser: OverlapChooser, controller: Controller, image: np.ndarray
) -> None:
    viewer = controller.viewer
    frame = np.zeros(image.shape, np.uint16)
    frame[:, : A[1]] = 6
    viewer.add_labels(frame, name="frame")
    session = controller.session
    controller.choices.labels = viewer.layers["frame"]
    session.wait()
    controller.tour.visit(6)
    assert texts(chooser)[-1] == "Only inside of object 6"
    chooser.activated.emit(2)
    session.click(*A)
    session.wait()
    labels = session.labels
    assert (labels[:, A[1] :] == 0).all()
    assert labels[A[0], A[1] - 5] == 7


def test_the_frame_ends_with_its_labels(
    chooser: OverlapChooser, controller: Controller
) -> None:
    session = controller.session
    session.click(*A)
    session.wait()
    chooser.activated.emit(2)
    controller.workspace.new_labels()
    assert chooser.currentText() == "Protect other objects"
    session.click(*B)
    session.wait()
    assert list(session.objects) == [1]
