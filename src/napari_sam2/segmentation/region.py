"""Pixels that were marked before: an existing label, or what a brush has painted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.strokes import deepest

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.view import BBox, View

__all__ = ["Region", "outline"]


_LARGEST = 4_000_000
"""Pixels of a rectangle beyond which only the rectangle is outlined."""


@dataclass(frozen=True)
class Region:
    """Pixels of a plane, run-length encoded: few plain numbers, exact.

    Attributes
    ----------
    row, col : int
        First row and column of the rectangle around them.
    height, width : int
        Of the rectangle.
    runs : tuple of int
        Lengths, in reading order, of what is outside, inside, outside, … of it.
    """

    row: int
    col: int
    height: int
    width: int
    runs: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", tuple(int(run) for run in self.runs))
        if self.height * self.width != sum(self.runs) or min(self.runs, default=0) < 0:
            raise PromptError("The runs of a region must fill its rectangle exactly.")
        if not sum(self.runs[1::2]):
            raise PromptError("A region must have a pixel at least.")

    @classmethod
    def of(cls, mask: npt.NDArray[np.bool_], row: int = 0, col: int = 0) -> Region:
        """Describe a mask, shape (rows, cols), whose corner lies at a pixel.

        Raises
        ------
        PromptError
            If it is empty.
        """
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if rows.size == 0:
            raise PromptError("A region must have a pixel at least.")
        crop = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        flat = np.concatenate([[False], crop.ravel()])
        ends = [*np.flatnonzero(np.diff(flat)), crop.size]
        runs = np.diff([0, *ends])
        height, width = crop.shape
        corner = int(row + rows[0]), int(col + cols[0])
        return cls(*corner, height, width, tuple(runs))

    @cached_property
    def crop(self) -> npt.NDArray[np.bool_]:
        """The pixels within the rectangle, shape (height, width)."""
        inside = np.arange(len(self.runs)) % 2 == 1
        crop = np.repeat(inside, self.runs).reshape(self.height, self.width)
        crop.flags.writeable = False
        return crop

    @cached_property
    def edges(self) -> npt.NDArray[np.float64]:
        """Its outline on the plane, see :func:`outline`; of a huge one, its box's."""
        if self.height * self.width > _LARGEST:
            corners = outline(np.ones((1, 1), dtype=bool)) + 0.5
            edges = corners * (self.height, self.width) - 0.5
        else:
            edges = outline(self.crop)
        edges += self.row, self.col
        edges.flags.writeable = False
        return edges

    @property
    def bounds(self) -> Box:
        """Smallest box around the pixels."""
        row, col = float(self.row), float(self.col)
        return Box(row, col, row + self.height - 1, col + self.width - 1)

    def beside(self, window: BBox) -> Region | None:
        """Return what of it lies outside of a rectangle; None if nothing does.

        Parameters
        ----------
        window : tuple of int
            ``(row_start, col_start, row_stop, col_stop)``, half-open.
        """
        r0, c0 = max(window[0] - self.row, 0), max(window[1] - self.col, 0)
        r1, c1 = max(window[2] - self.row, 0), max(window[3] - self.col, 0)
        left = self.crop.copy()
        left[r0:r1, c0:c1] = False
        return Region.of(left, self.row, self.col) if left.any() else None

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """What the model gets beside a mask: the pixel farthest from the edge."""
        place = deepest(self.crop)
        assert place is not None
        return (Point(float(self.row + place[0]), float(self.col + place[1])),)

    def share_over(self, view: View, size: int) -> npt.NDArray[np.float64]:
        """How much of each pixel of low-resolution logits it covers, 0 to 1.

        Parameters
        ----------
        view : View
            Over which the logits lie.
        size : int
            Side of the logits.

        Returns
        -------
        ndarray of float, shape (size, size)
        """
        known = self._shares.get((view, size))
        if known is not None:
            return known
        r0, c0, r1, c1 = view.window
        rows = _shares(self.row - r0, self.height, r1 - r0, size)
        cols = _shares(self.col - c0, self.width, c1 - c0, size)
        shares: npt.NDArray[np.float64] = rows @ self.crop @ cols.T
        shares.flags.writeable = False
        # While the mouse moves, it is asked for again and again.
        self._shares.clear()
        self._shares[view, size] = shares
        return shares

    @cached_property
    def _shares(self) -> dict[tuple[View, int], npt.NDArray[np.float64]]:
        return {}


def outline(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the edges of the pixels of a mask where it ends.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, cols)
        Outside of it, there is nothing.

    Returns
    -------
    ndarray of float, shape (2 * n, 2)
        ``(row, col)`` of both ends of each of n edges, pixel centres at integers.
    """
    padded = np.pad(mask, 1)
    row, col = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = np.stack([row - 0.5, col - 0.5, row - 0.5, col + 0.5], axis=1)
    row, col = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = np.stack([row - 0.5, col - 0.5, row + 0.5, col - 0.5], axis=1)
    return np.concatenate([level, upright]).reshape(-1, 2)


def _shares(start: int, count: int, length: int, size: int) -> npt.NDArray[np.float64]:
    """How much of each of ``size`` equal parts of a length each pixel takes.

    Parameters
    ----------
    start, count : int
        The pixels: of the length, from its beginning.
    length, size : int
        What is divided, and into how many parts.

    Returns
    -------
    ndarray of float, shape (size, count)
    """
    parts = np.arange(size + 1) * (length / size)
    low = np.arange(start, start + count)
    overlap = np.minimum(parts[1:, None], low + 1) - np.maximum(parts[:-1, None], low)
    shares: npt.NDArray[np.float64] = np.clip(overlap, 0, None) * (size / length)
    return shares
