"""A repaint waits for a mask that is about to come, and never for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtWidgets import QWidget

from napari_sam2.viewer.pacing import FramePacer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot
    from qtpy.QtGui import QPaintEvent


class Window(QWidget):
    """Counts its repaints."""

    def __init__(self) -> None:
        super().__init__()
        self.painted = 0

    def paintEvent(self, _: QPaintEvent | None) -> None:
        self.painted += 1


class Coming:
    def __init__(self) -> None:
        self.value = False

    def __call__(self) -> bool:
        return self.value


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    window = Window()
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    qtbot.waitUntil(lambda: window.painted > 0)
    return window


@pytest.fixture
def coming() -> Coming:
    return Coming()


@pytest.fixture
def pacer(window: Window, coming: Coming) -> Iterator[FramePacer]:
    pacer = FramePacer(window, coming)
    yield pacer
    pacer.close()


def repaint(window: Window, qtbot: QtBot) -> None:
    before = window.painted
    window.update()
    qtbot.waitUntil(lambda: window.painted > before)


def test_nothing_waits_while_no_mask_is_coming(
    window: Window, pacer: FramePacer, qtbot: QtBot
) -> None:
    repaint(window, qtbot)


def test_a_repaint_waits_for_the_mask(
    window: Window, pacer: FramePacer, coming: Coming, qtbot: QtBot
) -> None:
    pacer._timer.setInterval(60_000)
    coming.value = True
    before = window.painted
    window.update()
    qtbot.waitUntil(lambda: pacer._held)
    window.update()
    assert window.painted == before
    pacer.release()
    qtbot.waitUntil(lambda: window.painted > before)


def test_a_mask_that_does_not_come_is_not_waited_for(
    window: Window, pacer: FramePacer, coming: Coming, qtbot: QtBot
) -> None:
    coming.value = True
    repaint(window, qtbot)
    # And again: every other repaint goes through at once.
    repaint(window, qtbot)
    repaint(window, qtbot)


def test_closing_lets_go_of_what_was_held(
    window: Window, pacer: FramePacer, coming: Coming, qtbot: QtBot
) -> None:
    pacer._timer.setInterval(60_000)
    coming.value = True
    before = window.painted
    window.update()
    qtbot.waitUntil(lambda: pacer._held)
    pacer.close()
    qtbot.waitUntil(lambda: window.painted > before)
    repaint(window, qtbot)
