"""A closer look: the part of a plane in which a small object is large enough.

A model sees the whole plane squashed to its input, and a nucleus of a large scan
takes up a few pixels of it. Once it is known where the object is, its surroundings
alone are shown to the model, so that the object gets the size at which the model
outlines best. Interactive segmentation knows this as a zoom-in: Sofiiuk et al.,
"f-BRS" (CVPR 2020, arXiv:2001.10331), and, in 3-D, nnInteractive's auto-zoom
(arXiv:2503.08373).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.view import BBox

__all__ = ["LOOKS", "around", "closer_view"]

LOOKS = 2
"""Closer looks at an object at most: the first may find it smaller than it seemed."""

# Shares of the view's side. An object below the least is looked at more closely, and
# one above the most, which a closer look may cut off, from farther away. In between
# the view stays, so that corrections do not have to encode anew.
_LEAST, _WANTED, _MOST = 0.18, 0.25, 0.6

# More pixels than this of the model's input for one of the plane show nothing new.
_MOST_MAGNIFIED = 8


def closer_view(prediction: Prediction, prompts: Prompts) -> View:
    """Say in which view an object should be looked at.

    Parameters
    ----------
    prediction : Prediction
        What is known of the object.
    prompts : Prompts
        What was said about it; stays in the view.

    Returns
    -------
    View
        That of the prediction, if it is close enough.
    """
    view = prediction.view
    extent = _extent(prediction, prompts)
    if extent is None:
        return view
    r0, c0, r1, c1 = extent
    share = max((r1 - r0) / view.height, (c1 - c0) / view.width)
    whole = View.whole(view.plane_shape, view.image_size)
    if share >= _LEAST and (view == whole or share <= _MOST):
        return view
    least = view.image_size / _MOST_MAGNIFIED
    side = max(max(r1 - r0, c1 - c0) / _WANTED, least)
    rows = around(r0, r1, side, view.plane_shape[0])
    cols = around(c0, c1, side, view.plane_shape[1])
    closer = View(
        view.plane_shape, (rows[0], cols[0], rows[1], cols[1]), view.image_size
    )
    # A view that shows hardly more than the present one is not worth an encoding.
    gain = view.height * view.width / (closer.height * closer.width)
    return view if 0.7 < gain < 1.4 else closer


def _extent(prediction: Prediction, prompts: Prompts) -> BBox | None:
    """Bounding box of the object and of the prompts that lie on it."""
    box = prompts.bounds
    if box is not None:
        boxes = [(box.row_min, box.col_min, box.row_max + 1, box.col_max + 1)]
    else:
        boxes = []
        found = _pointed_at(prediction, prompts)
        if found is not None:
            boxes.append(found)
    boxes += [(p.row, p.col, p.row + 1, p.col + 1) for p in prompts.places if p.inside]
    if not boxes:
        return None
    starts, stops = np.array(boxes)[:, :2], np.array(boxes)[:, 2:]
    low, high = np.floor(starts.min(0)), np.ceil(stops.max(0))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _pointed_at(
    prediction: Prediction, prompts: Prompts
) -> tuple[float, float, float, float] | None:
    """Bounding box of the parts of the mask that were clicked, else of all of it.

    Specks far away would make the object seem larger than it is.
    """
    from scipy import ndimage as ndi

    above: npt.NDArray[np.bool_] = prediction.logits > prediction.threshold
    if not above.any():
        return None
    parts, count = ndi.label(above)
    inside = [point for point in prompts.places if point.inside]
    if count > 1 and inside:
        cells = prediction.view.cells(inside, len(above))
        clicked = np.unique(parts[cells[:, 0], cells[:, 1]])
        clicked = clicked[clicked > 0]
        if clicked.size:
            above = np.isin(parts, clicked)
    rows, cols = np.flatnonzero(above.any(1)), np.flatnonzero(above.any(0))
    (height, width), (row, col) = prediction.view.logits_scale_translate(len(above))
    return (
        row + (rows[0] - 0.5) * height + 0.5,
        col + (cols[0] - 0.5) * width + 0.5,
        row + (rows[-1] + 0.5) * height + 0.5,
        col + (cols[-1] + 0.5) * width + 0.5,
    )


def around(start: int, stop: int, side: float, length: int) -> tuple[int, int]:
    """Stretch of a given length around another, within the plane."""
    side = min(round(side), length)
    low = min(max(round((start + stop - side) / 2), 0), length - side)
    return int(low), int(low + side)
