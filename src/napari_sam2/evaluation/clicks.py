"""The simulated user: where a careful person would click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def deepest_point(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Pixel of a mask that lies farthest from everything outside.

    Beyond the borders of the array is outside.

    Parameters
    ----------
    mask : numpy.ndarray
        bool of shape (rows, columns), not empty.

    Returns
    -------
    tuple of int
        Row and column; the first in reading order of equally deep ones.
    """
    from scipy import ndimage as ndi

    depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)


def error_click(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[int, int, int] | None:
    """Deepest point of the largest connected error.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        bool of the same shape (rows, columns).

    Returns
    -------
    tuple of int or None
        Row, column and label (1 where the mask misses the object, 0 where it is
        not the object), or None if there is no error.
    """
    from scipy import ndimage as ndi

    largest, region, label = 0, None, 0
    for error, sign in ((truth & ~mask, 1), (mask & ~truth, 0)):
        parts, count = ndi.label(error)
        if count:
            sizes = np.bincount(parts.ravel())[1:]
            if sizes.max() > largest:
                largest, label = int(sizes.max()), sign
                region = parts == 1 + int(sizes.argmax())
    if region is None:
        return None
    return (*deepest_point(region), label)


def tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Bounding box of a mask.

    Parameters
    ----------
    mask : numpy.ndarray
        bool of shape (rows, columns), not empty.

    Returns
    -------
    tuple of int
        First row, first column, last row and last column that the mask touches.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 for two empty masks."""
    either = int(np.count_nonzero(mask | truth))
    return int(np.count_nonzero(mask & truth)) / either if either else 1.0
