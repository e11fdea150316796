"""Squash an image to the model's square without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["squashed"]


def squashed(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.float32]:
    """Resize an image as the official preprocessing does it: bilinear, antialiased.

    Pillow's filter is the one that torch's antialiased interpolation follows; the
    results are not rounded, as theirs are not.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB. If its last axis has stride 0 (a gray image that was broadcast), the work
        is done for one channel only.
    size : int
        Side of the square.

    Returns
    -------
    ndarray of float32, shape (size, size, 3)
        Intensities from 0 to 255.
    """
    channels = 1 if image.strides[2] == 0 else 3
    square = np.empty((size, size, 3), dtype=np.float32)
    for channel in range(channels):
        # One at a time, so that a large plane is held in floats only once.
        plane = image[..., channel].astype(np.float32)
        if plane.shape != (size, size):
            resized = Image.fromarray(plane).resize(
                (size, size), Image.Resampling.BILINEAR
            )
            plane = np.asarray(resized)
        square[..., channel] = plane
    if channels == 1:
        square[..., 1:] = square[..., :1]
    return square
