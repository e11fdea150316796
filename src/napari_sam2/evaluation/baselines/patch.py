"""The part of an image that a classical method works on, and its resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_sam2.evaluation.cut import Window

SIGHT = 0.25
"""How far around clicks an object is expected, of the shorter side of the image."""

NEAREST = 32
"""The same in pixels, at least."""

MARGIN = 0.25
"""How much around a box is looked at, of its own sides."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A window of an image, scaled.

    Attributes
    ----------
    window : tuple of int
        First row and column, and those after the last.
    pixels : numpy.ndarray
        float32 of shape (rows, columns, channels), 0 to 1.
    shape : tuple of int
        Rows and columns of the whole image.
    """

    window: Window
    pixels: NDArray[np.float32]
    shape: tuple[int, int]

    @classmethod
    def of(cls, image: NDArray[np.float32], window: Window, most: int) -> Patch:
        """Look at a window.

        Parameters
        ----------
        image : numpy.ndarray
            float32 of shape (rows, columns, channels).
        window : tuple of int
            Within the image.
        most : int
            Longest side of the patch, in its own pixels.
        """
        r0, c0, r1, c1 = window
        pixels = image[r0:r1, c0:c1]
        factor = max(pixels.shape[:2]) / most
        if factor > 1:
            from skimage.transform import resize

            rows, columns = (max(1, round(side / factor)) for side in pixels.shape[:2])
            pixels = resize(
                pixels, (rows, columns, pixels.shape[2]), order=1, anti_aliasing=True
            )
        return cls(window, np.asarray(pixels, np.float32), image.shape[:2])

    def place(self, row: float, column: float) -> tuple[int, int]:
        """Pixel of the patch that has a place of the image inside."""
        r0, c0, r1, c1 = self.window
        rows, columns = self.pixels.shape[:2]
        i = int((row - r0 + 0.5) * rows / (r1 - r0))
        j = int((column - c0 + 0.5) * columns / (c1 - c0))
        return min(max(i, 0), rows - 1), min(max(j, 0), columns - 1)

    def unfold(self, found: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Put a result back into the image.

        Parameters
        ----------
        found : numpy.ndarray
            float32 of the patch's rows and columns; above 0.5 is the object.

        Returns
        -------
        numpy.ndarray
            bool of the image's rows and columns.
        """
        r0, c0, r1, c1 = self.window
        if found.shape != (r1 - r0, c1 - c0):
            from skimage.transform import resize

            found = resize(found, (r1 - r0, c1 - c0), order=1)
        mask = np.zeros(self.shape, bool)
        mask[r0:r1, c0:c1] = found > 0.5
        return mask


def around_clicks(
    clicks: Sequence[tuple[float, float]], shape: Sequence[int]
) -> Window:
    """Window in which the clicked object is expected."""
    sight = max(NEAREST, SIGHT * min(shape[:2]))
    low, high = np.min(clicks, axis=0) - sight, np.max(clicks, axis=0) + sight
    return _within(low, high + 1, shape)


def around_box(box: Sequence[float], shape: Sequence[int]) -> Window:
    """Window with the box and some of what is outside of it.

    Parameters
    ----------
    box : sequence of float
        First row and column, last row and column.
    shape : sequence of int
        Of the image.
    """
    low, high = np.array(box[:2], float), np.array(box[2:], float) + 1
    margin = np.maximum(2, MARGIN * (high - low))
    return _within(low - margin, high + margin, shape)


def _within(
    low: NDArray[np.float64], high: NDArray[np.float64], shape: Sequence[int]
) -> Window:
    r0, c0 = np.maximum(np.floor(low), 0).astype(int).tolist()
    r1, c1 = np.minimum(np.ceil(high), shape[:2]).astype(int).tolist()
    return r0, c0, r1, c1
