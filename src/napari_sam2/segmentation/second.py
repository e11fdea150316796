"""A second look: the same object from a little farther away, and transposed.

Asked twice, of an object that it is shown in two ways, a model errs in two ways, and
the mean of its answers errs less. That holds above all for a small model and for
corrections. Test-time augmentation, as Moshkov et al. use it for cells ("Test-time
augmentation for deep learning-based cell segmentation on microscopy images",
Scientific Reports 2020, doi:10.1038/s41598-020-61808-3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.segmentation.choice import best, overlap
from napari_sam2.segmentation.zoom import around

if TYPE_CHECKING:
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.view import View

__all__ = ["agreed", "second_view"]

# Side of the second view, relative to the first.
_WIDER = 1.5


def second_view(view: View) -> View:
    """Show what another view shows, differently.

    Parameters
    ----------
    view : View
        The first view.

    Returns
    -------
    View
        Around the first as far as the plane goes, and transposed.
    """
    r0, c0, r1, c1 = view.window
    rows = around(r0, r1, view.height * _WIDER, view.plane_shape[0])
    cols = around(c0, c1, view.width * _WIDER, view.plane_shape[1])
    return replace(
        view,
        window=(rows[0], cols[0], rows[1], cols[1]),
        transposed=not view.transposed,
    )


def agreed(first: Prediction, second: Prediction) -> Prediction:
    """Return the mean of two answers about the same object.

    Parameters
    ----------
    first, second : Prediction
        From two views of one plane. Where the second has alternatives, the one that is
        most like the first is taken.

    Returns
    -------
    Prediction
        In the view of the first, with the alternatives of neither.
    """
    others = second.alternatives or (second,)
    other = best(others, lambda one: overlap(first, one))
    both = [first.logits, other.logits_over(first.view)]
    return replace(
        first,
        score=(first.score + other.score) / 2,
        logits=np.mean(both, axis=0, dtype=np.float32),
        alternatives=(),
    )
