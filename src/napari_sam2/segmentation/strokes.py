"""Lines that a hand draws: over an object, or around it.

Neither is anything that a SAM model knows. Here is what it gets instead: pure
functions of the line, so that the same line always says the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.points import Box, Point

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["MOST_POINTS", "Lasso", "Path", "Scribble", "deepest", "filled"]

Path = tuple[tuple[float, float], ...]
"""``(row, col)`` of the corners of a line, in the order in which it was drawn."""

MOST_POINTS = 8
"""Points that a scribble becomes at most: with more, a decoder is no better."""

_APART = 4.0
"""Pixels of the plane that these points lie apart at least."""

# Side of the grid on which the middle of a region is looked for.
_GRID = 64


@dataclass(frozen=True)
class Scribble:
    """A line over the object, or over what is not the object.

    Attributes
    ----------
    path : tuple of (float, float)
        ``(row, col)`` of its corners; a single one is a dot.
    inside : bool
        Whether it runs over the object.
    """

    path: Path
    inside: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _plain(self.path, 1, "A scribble"))
        object.__setattr__(self, "inside", bool(self.inside))

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """What the model gets: points that are spread evenly along the line.

        The line is cut into equal lengths, as many as there are points, and each
        point lies in the middle of its own: the ends of a line, where a hand sets
        down and lifts, are the least meant.
        """
        corners = np.array(self.path)
        lengths = np.hypot(*np.diff(corners, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(lengths)])
        count = min(MOST_POINTS, 1 + int(along[-1] // _APART))
        at = along[-1] * (np.arange(count) + 0.5) / count
        rows, cols = (np.interp(at, along, corners[:, axis]) for axis in (0, 1))
        return tuple(
            Point(float(row), float(col), self.inside)
            for row, col in zip(rows, cols, strict=True)
        )


@dataclass(frozen=True)
class Lasso:
    """A line around something, closed from its end to its beginning.

    Attributes
    ----------
    path : tuple of (float, float)
        ``(row, col)`` of its corners, at least three. Where it crosses itself, what
        it goes around twice is outside (the even-odd rule).
    inside : bool
        Whether what it goes around belongs to the object.
    whole : bool
        Whether it goes around the whole object, which then does not reach beyond.
    """

    path: Path
    inside: bool = True
    whole: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _plain(self.path, 3, "A lasso"))
        object.__setattr__(self, "inside", bool(self.inside))
        object.__setattr__(self, "whole", bool(self.whole and self.inside))

    @property
    def bounds(self) -> Box:
        """Smallest box around the line."""
        corners = np.array(self.path)
        return Box(*map(float, (*corners.min(0), *corners.max(0))))

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """What the model gets beside a mask: the place farthest from the line."""
        row_min, col_min, row_max, col_max = self.bounds
        share = (np.arange(_GRID) + 0.5) / _GRID
        rows = row_min + share * (row_max - row_min)
        cols = col_min + share * (col_max - col_min)
        steps = (row_max - row_min) / _GRID, (col_max - col_min) / _GRID
        place = deepest(filled(self.path, rows, cols), steps)
        if place is None:
            # Too thin to hold a place of the grid.
            row, col = np.array(self.path).mean(0)
        else:
            row, col = rows[place[0]], cols[place[1]]
        return (Point(float(row), float(col), self.inside),)


def filled(
    path: Path, rows: npt.NDArray[np.floating], cols: npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """Say which places of a grid a closed line goes around, by the even-odd rule.

    Parameters
    ----------
    path : tuple of (float, float)
        ``(row, col)`` of its corners.
    rows, cols : ndarray of float, shape (n,) and (m,)
        Of the grid, rising.

    Returns
    -------
    ndarray of bool, shape (n, m)
    """
    corners = np.array(path)
    starts, ends = corners, np.roll(corners, -1, axis=0)
    crossings = np.zeros((len(rows), len(cols) + 1), dtype=np.int64)
    for (row, col), (end, end_col) in zip(starts, ends, strict=True):
        first, last = np.searchsorted(rows, sorted((row, end)))
        between = rows[first:last]
        if not between.size:
            continue
        crossed = col + (between - row) / (end - row) * (end_col - col)
        at = np.searchsorted(cols, crossed)
        np.add.at(crossings, (np.arange(first, last), at), 1)
    odd: npt.NDArray[np.bool_] = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return odd


def deepest(
    mask: npt.NDArray[np.bool_], steps: tuple[float, float] = (1.0, 1.0)
) -> tuple[int, int] | None:
    """Return the place of a mask that is farthest from its edge; None if empty.

    Of equal ones the first, in reading order.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, cols)
        All that lies beyond the array is outside.
    steps : tuple of float
        Size of a pixel, along rows and columns.
    """
    from scipy import ndimage as ndi

    if not mask.any():
        return None
    # A lasso of no extent along an axis is nowhere deep along it.
    sampling = [step or 1.0 for step in steps]
    depth = ndi.distance_transform_edt(np.pad(mask, 1), sampling=sampling)
    row, col = np.unravel_index(int(np.argmax(depth[1:-1, 1:-1])), mask.shape)
    return int(row), int(col)


def _plain(path: Iterable[Iterable[float]], least: int, what: str) -> Path:
    """Make plain numbers of a line, however it was given.

    Raises
    ------
    PromptError
        If there are too few corners, or if they are not pairs of finite numbers.
    """
    try:
        plain = tuple((float(row), float(col)) for row, col in path)
    except (TypeError, ValueError) as error:
        raise PromptError(f"{what} is a list of pairs, (row, col).") from error
    if len(plain) < least:
        raise PromptError(f"{what} has at least {least} corners, not {len(plain)}.")
    if not all(math.isfinite(number) for corner in plain for number in corner):
        raise PromptError("The coordinates of a prompt must be finite numbers.")
    return plain
