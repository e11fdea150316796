"""What is put off is done once, and never by a window that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip

from napari_sam2.viewer.later import Later

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_what_is_asked_for_many_times_is_done_once(
    qtbot: QtBot, counter: Counter
) -> None:
    later = Later(counter.add, 20)
    for _ in range(5):
        later.ask()
    assert later.waits
    assert counter.count == 0
    qtbot.waitUntil(lambda: counter.count > 0)
    assert counter.count == 1
    assert not later.waits


def test_now_does_what_waits_and_nothing_else(qtbot: QtBot, counter: Counter) -> None:
    later = Later(counter.add, 10_000)
    later.now()
    assert counter.count == 0
    later.ask()
    later.now()
    later.now()
    assert counter.count == 1


def test_what_waits_is_done_although_qt_has_deleted_the_timer(
    qtbot: QtBot, counter: Counter
) -> None:
    later = Later(counter.add, 10_000)
    later.ask()
    sip.delete(later._timer)
    later.now()
    assert counter.count == 1
    later.ask()
    assert counter.count == 2
    later.close()
