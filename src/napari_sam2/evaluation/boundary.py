"""How well two outlines agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.evaluation.cut import joint_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sam2.evaluation.cut import Cut

TOLERANCE = 2.0
"""Distance in pixels within which two points of outlines are the same.

About as far as two people who draw the same object lie apart. Martin et al. 2004
(BSDS) allow 0.0075 of an image's diagonal and Perazzi et al. 2016 (DAVIS) 0.008,
which is 4 and 8 pixels of their images: too much for objects of ten pixels.
"""


def boundary_f(
    mask: Cut, truth: Cut, shape: tuple[int, int], tolerance: float = TOLERANCE
) -> float:
    """F-score of an outline.

    Precision is the share of the mask's outline that lies within the tolerance of
    the truth's, recall the share of the truth's outline that lies within the
    tolerance of the mask's, and F their harmonic mean, as of Martin, Fowlkes & Malik
    2004, "Learning to detect natural image boundaries", and Perazzi et al. 2016, "A
    benchmark dataset and evaluation methodology for video object segmentation".

    Parameters
    ----------
    mask, truth : Cut
        Two masks of a plane.
    shape : tuple of int
        Rows and columns of the plane. Where a mask ends because the plane does,
        it has no outline.
    tolerance : float
        In pixels.

    Returns
    -------
    float
        0 to 1. If neither has an outline, 1; if only one has, 0.
    """
    if not (mask.area or truth.area):
        return 1.0
    r0, c0, r1, c1 = joint_window(mask, truth)
    # A margin tells pixels at the edge of the window from those at the plane's.
    r0, c0 = max(r0 - 1, 0), max(c0 - 1, 0)
    r1, c1 = min(r1 + 1, shape[0]), min(c1 + 1, shape[1])
    drawn, real = (_outline(cut.within((r0, c0, r1, c1))) for cut in (mask, truth))
    if not len(drawn) or not len(real):
        return float(len(drawn) == len(real))
    precision = _share_near(drawn, real, tolerance)
    recall = _share_near(real, drawn, tolerance)
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows and columns of the pixels with one of their 4 neighbors outside."""
    from scipy import ndimage as ndi

    inner = ndi.binary_erosion(mask, border_value=1)
    return np.argwhere(mask & ~inner)


def _share_near(
    points: NDArray[np.int64], others: NDArray[np.int64], tolerance: float
) -> float:
    from scipy.spatial import cKDTree

    # Nobody needs to know how far what is too far is.
    bound = tolerance + 1
    distances, _ = cKDTree(others).query(points, distance_upper_bound=bound)
    return float((distances <= tolerance).mean())
