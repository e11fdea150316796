"""The two prompts that every SAM model knows."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Box", "Point"]


class Point(NamedTuple):
    """A place, and whether the object has it inside."""

    row: float
    col: float
    inside: bool = True


class Box(NamedTuple):
    """A rectangle around the object, from its outer pixel centres."""

    row_min: float
    col_min: float
    row_max: float
    col_max: float
