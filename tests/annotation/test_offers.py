"""What is said of an earlier session."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from napari_sam2.annotation.offers import Offer

_NOW = datetime(2026, 3, 12, 9, 30)  # a Thursday


@pytest.mark.parametrize(
    ("ended", "count", "text"),
    [
        (datetime(2026, 3, 12, 8, 0), 3, "Today's 3 objects"),
        (datetime(2026, 3, 11, 23, 0), 12, "Yesterday's 12 objects"),
        (datetime(2026, 3, 9, 8, 0), 1, "Monday's object"),
        (datetime(2026, 1, 2, 8, 0), 5, "The 5 objects of 2 January 2026"),
        (datetime(2026, 3, 11, 8, 0), 0, "Yesterday's unfinished object"),
    ],
)
def test_one_line_says_what_there_is(ended: datetime, count: int, text: str) -> None:
    assert Offer(Path("x"), count, count == 0, ended).text(_NOW) == text
