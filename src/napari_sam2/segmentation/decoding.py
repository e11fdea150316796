"""From prompts on a plane to the engine's numbers, and back to masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.dense import mask_logits
from napari_sam2.segmentation.points import Box
from napari_sam2.segmentation.prediction import Prediction

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.engines.base import Engine
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.view import View

__all__ = ["candidates"]


def candidates(
    engine: Engine, image: EmbeddedImage, prompts: Prompts, several: bool
) -> tuple[Prediction, ...]:
    """Ask the model what prompts mean.

    Parameters
    ----------
    engine : Engine
        The model.
    image : EmbeddedImage
        What it saw.
    prompts : Prompts
        At least a point, a box or a mask. A box that reaches beyond the view is cut
        off at its outermost pixels.
    several : bool
        Three candidates (part, object, whole) instead of one.

    Returns
    -------
    tuple of Prediction
        In the order of the model, without alternatives.

    Raises
    ------
    PromptError
        If there are no prompts, if one lies outside of the view, or if the mask is not
        one of this model.
    EngineError
        If the device fails.
    """
    view = image.view
    points, labels = _points(prompts, view)
    decoded = engine.decode(
        image.embedding,
        points=points,
        labels=labels,
        boxes=_box(prompts, view),
        masks=_mask(prompts, view, engine.mask_size),
        multimask=several,
    )
    masks = decoded.logits[0]
    if view.transposed:
        masks = np.ascontiguousarray(masks.swapaxes(1, 2))
    return tuple(
        Prediction(float(score), logits, view)
        for logits, score in zip(masks, decoded.scores[0], strict=True)
    )


def _points(
    prompts: Prompts, view: View
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.int32] | None]:
    if not prompts:
        raise PromptError("Give at least a point, a box or a mask.")
    for row, col, _ in prompts.points:
        if not view.contains(row, col):
            raise PromptError(
                f"The point (row {row:g}, column {col:g}) lies outside of the image."
            )
    # A line may leave the view, and says there what the view does not show.
    places = [place for place in prompts.places if view.contains(*place[:2])]
    if not places:
        return None, None
    labels = np.array([[place.inside for place in places]], dtype=np.int32)
    return view.points_to_model(places)[np.newaxis], labels


def _box(prompts: Prompts, view: View) -> npt.NDArray[np.float32] | None:
    if prompts.bounds is None:
        return None
    box = view.box_to_model(_within(prompts.bounds, view))
    return box[np.newaxis]


def _within(box: Box, view: View) -> Box:
    """Cut a box off at the outermost pixels of the view."""
    r0, c0, r1, c1 = view.window
    if (
        box.row_max < r0 - 0.5
        or box.col_max < c0 - 0.5
        or box.row_min >= r1 - 0.5
        or box.col_min >= c1 - 0.5
    ):
        raise PromptError("The box lies outside of the image.")
    rows = np.clip([box.row_min, box.row_max], r0, r1 - 1)
    cols = np.clip([box.col_min, box.col_max], c0, c1 - 1)
    return Box(float(rows[0]), float(cols[0]), float(rows[1]), float(cols[1]))


def _mask(prompts: Prompts, view: View, size: int) -> npt.NDArray[np.float32] | None:
    logits = mask_logits(prompts, view, size)
    if logits is None:
        return None
    if view.transposed:
        logits = np.ascontiguousarray(logits.T)
    return logits[np.newaxis, np.newaxis]
