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

    # Around its box all is outside, so the rest of a large image can stay away.
    r0, c0, r1, c1 = tight_box(mask)
    inner = np.pad(mask[r0 : r1 + 1, c0 : c1 + 1], 1)
    depth = ndi.distance_transform_edt(inner)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return r0 + int(row), c0 + int(column)


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

    wrong = mask != truth
    if not wrong.any():
        return None
    r0, c0, r1, c1 = tight_box(wrong)
    window = (slice(r0, r1 + 1), slice(c0, c1 + 1))
    mask, truth = mask[window], truth[window]
    largest, region, label = 0, truth, 0
    for error, sign in ((truth & ~mask, 1), (mask & ~truth, 0)):
        parts, count = ndi.label(error)
        if count:
            sizes = np.bincount(parts.ravel())[1:]
            if sizes.max() > largest:
                largest, label = int(sizes.max()), sign
                region = parts == 1 + int(sizes.argmax())
    row, column = deepest_point(region)
    return r0 + row, c0 + column, label


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
