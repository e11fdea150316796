"""What scripts pass as prompts, checked and made into prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import Box, MaskPrompt, Point

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.view import View

__all__ = ["as_box", "as_mask", "as_points"]


def as_points(
    points: npt.ArrayLike | None, labels: npt.ArrayLike | None
) -> tuple[Point, ...]:
    """Read places, shape (k, 2) or (2,), and their labels, shape (k,).

    Raises
    ------
    PromptError
        If they are malformed.
    """
    if points is None:
        if labels is not None:
            raise PromptError("Labels were given without points.")
        return ()
    places = np.atleast_2d(_numbers(points, "points"))
    if places.size == 0:
        places = places.reshape(0, 2)
    if places.ndim != 2 or places.shape[1] != 2:
        raise PromptError(
            f"Points are an array of shape (k, 2), not {np.shape(points)}."
        )
    kinds = np.ones(len(places)) if labels is None else _numbers(labels, "labels")
    kinds = np.atleast_1d(kinds)
    if kinds.shape != (len(places),) or not np.isin(kinds, (0, 1)).all():
        raise PromptError("Labels are one number for each point: 1 inside, 0 outside.")
    return tuple(
        Point(float(row), float(col), bool(kind))
        for (row, col), kind in zip(places, kinds, strict=True)
    )


def as_box(box: npt.ArrayLike | None) -> Box | None:
    """Read ``(row_min, col_min, row_max, col_max)``.

    Raises
    ------
    PromptError
        If it is not four numbers in that order.
    """
    if box is None:
        return None
    numbers = _numbers(box, "box")
    if numbers.shape != (4,):
        raise PromptError(
            "A box is (row_min, col_min, row_max, col_max), not an array of shape "
            f"{numbers.shape}."
        )
    return Box(*map(float, numbers))


def as_mask(
    mask: Prediction | MaskPrompt | npt.ArrayLike | None, view: View
) -> MaskPrompt | None:
    """Read an earlier answer on a plane, or its logits over the given view.

    Raises
    ------
    PromptError
        If it belongs to a plane of another shape, or is not an array of logits.
    """
    if mask is None or isinstance(mask, MaskPrompt):
        return mask
    if isinstance(mask, Prediction):
        if mask.view.plane_shape != view.plane_shape:
            raise PromptError("The mask to refine belongs to another image.")
        return MaskPrompt(mask.logits, mask.view)
    return MaskPrompt(_numbers(mask, "mask").astype(np.float32))


def _numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f"The {name} must be made of numbers.") from error
