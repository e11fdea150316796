"""What a view shows of the prompts of an object that reaches beyond it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_sam2.segmentation.prompts import Box, Prompts
from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    from napari_sam2.segmentation.strokes import Lasso, Scribble

__all__ = ["seen_in"]


def seen_in(view: View, prompts: Prompts) -> Prompts:
    """Leave out the prompts that lie beside a view.

    They have had their effect on the mask that is refined. What lies outside of the
    plane stays, to be complained about, and a line that enters the view stays whole.

    Parameters
    ----------
    view : View
        What the model sees.
    prompts : Prompts
        What was said about an object.

    Returns
    -------
    Prompts
        The same ones, if all of them can be seen.
    """
    if view.window == (0, 0, *view.plane_shape):
        return prompts
    whole = View.whole(view.plane_shape, view.image_size)
    points = tuple(
        point
        for point in prompts.points
        if view.contains(*point[:2]) or not whole.contains(*point[:2])
    )
    seen = replace(
        prompts,
        points=points,
        box=prompts.box if _overlap(view, prompts.box, whole) else None,
        region=prompts.region
        if prompts.region and _overlap(view, prompts.region.bounds, whole)
        else None,
        scribbles=tuple(line for line in prompts.scribbles if _enters(view, line)),
        lassos=tuple(line for line in prompts.lassos if _enters(view, line)),
        answered=sum(
            _enters(view, line) for line in prompts.lassos[: prompts.answered]
        ),
    )
    return prompts if seen == prompts else seen


def _enters(view: View, line: Scribble | Lasso) -> bool:
    rows, cols = zip(*line.path, strict=True)
    return _shows(view, Box(min(rows), min(cols), max(rows), max(cols)))


def _overlap(view: View, box: Box | None, whole: View) -> bool:
    return box is not None and (_shows(view, box) or not _shows(whole, box))


def _shows(view: View, box: Box) -> bool:
    r0, c0, r1, c1 = view.window
    return (
        box.row_max >= r0 - 0.5
        and box.col_max >= c0 - 0.5
        and box.row_min < r1 - 0.5
        and box.col_min < c1 - 0.5
    )
