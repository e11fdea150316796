"""A mask, kept only where it is.

Objects are small and images are large: what is compared here is cut out first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Window = tuple[int, int, int, int]
"""First row, first column, and the row and column after the last."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A mask within its bounding box.

    Attributes
    ----------
    row, column : int
        Where the box begins.
    pixels : numpy.ndarray
        bool of the box's shape; of shape (0, 0) if the mask is empty.
    area : int
        Number of pixels of the mask.
    """

    row: int
    column: int
    pixels: NDArray[np.bool_]
    area: int

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Cut:
        """Cut a mask out of a plane.

        Parameters
        ----------
        mask : numpy.ndarray
            bool of shape (rows, columns).
        """
        rows = np.flatnonzero(mask.any(1))
        if not rows.size:
            return cls(0, 0, np.zeros((0, 0), bool), 0)
        r0, r1 = int(rows[0]), int(rows[-1]) + 1
        # The columns are looked for in the rows that matter alone.
        columns = np.flatnonzero(mask[r0:r1].any(0))
        c0, c1 = int(columns[0]), int(columns[-1]) + 1
        pixels = mask[r0:r1, c0:c1].copy()
        return cls(r0, c0, pixels, int(np.count_nonzero(pixels)))

    @property
    def window(self) -> Window:
        """The bounding box; all zeros if the mask is empty."""
        rows, columns = self.pixels.shape
        return self.row, self.column, self.row + rows, self.column + columns

    def within(self, window: Window) -> NDArray[np.bool_]:
        """Show the mask in another window of the plane.

        Parameters
        ----------
        window : tuple of int
            May reach beyond the bounding box, or cut it.

        Returns
        -------
        numpy.ndarray
            bool of the window's shape, new.
        """
        r0, c0, r1, c1 = window
        seen = np.zeros((r1 - r0, c1 - c0), bool)
        top, left, bottom, right = _shared(self.window, window)
        if top < bottom and left < right:
            seen[top - r0 : bottom - r0, left - c0 : right - c0] = self.pixels[
                top - self.row : bottom - self.row,
                left - self.column : right - self.column,
            ]
        return seen


def joint_window(first: Cut, second: Cut) -> Window:
    """Smallest window that has both masks inside, of which one may be empty."""
    boxes = np.array([cut.window for cut in (first, second) if cut.area])
    (r0, c0), (r1, c1) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    return int(r0), int(c0), int(r1), int(c1)


def overlap(first: Cut, second: Cut) -> float:
    """Intersection over union of two masks of a plane; 1 if both are empty."""
    shared = 0
    top, left, bottom, right = window = _shared(first.window, second.window)
    if top < bottom and left < right:
        shared = int(np.count_nonzero(first.within(window) & second.within(window)))
    either = first.area + second.area - shared
    return shared / either if either else 1.0


def _shared(first: Window, second: Window) -> Window:
    return (
        max(first[0], second[0]),
        max(first[1], second[1]),
        min(first[2], second[2]),
        min(first[3], second[3]),
    )
