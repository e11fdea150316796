"""Prompts of which one was moved or taken away.

The mask that they refined is the answer to what was there before, so it is left out:
the model is asked anew, with everything that is said now, at once.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from napari_sam2.segmentation.points import Box

if TYPE_CHECKING:
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.strokes import Path

__all__ = ["Kind", "moved", "without"]

_Thing = TypeVar("_Thing")


class Kind(Enum):
    """What can be taken hold of."""

    POINT = "point"
    CORNER = "corner"
    BOX = "box"
    SCRIBBLE = "scribble"
    LASSO = "lasso"
    REGION = "region"


def moved(
    prompts: Prompts,
    kind: Kind,
    index: int,
    by: tuple[float, float],
    shape: tuple[int, int],
) -> Prompts:
    """Return prompts of which one lies elsewhere.

    Parameters
    ----------
    prompts : Prompts
        As they were.
    kind : Kind
        What was moved.
    index : int
        Which of this kind; of the corners, clockwise from the top left.
    by : tuple of float
        Rows and columns.
    shape : tuple of int
        ``(rows, cols)`` of the plane, which no point, corner or region leaves.
    """
    rows, cols = by
    if kind is Kind.POINT:
        points = list(prompts.points)
        row, col = _within(points[index].row + rows, points[index].col + cols, shape)
        points[index] = points[index]._replace(row=row, col=col)
        return _anew(prompts, points=tuple(points))
    if kind is Kind.SCRIBBLE:
        scribbles = list(prompts.scribbles)
        path = _shifted(scribbles[index].path, by)
        scribbles[index] = replace(scribbles[index], path=path)
        return _anew(prompts, scribbles=tuple(scribbles))
    if kind is Kind.LASSO:
        lassos = list(prompts.lassos)
        lassos[index] = replace(lassos[index], path=_shifted(lassos[index].path, by))
        return _anew(prompts, lassos=tuple(lassos))
    if kind is Kind.REGION and prompts.region is not None:
        region = prompts.region
        row, col = _within(
            region.row + round(rows),
            region.col + round(cols),
            (shape[0] - region.height + 1, shape[1] - region.width + 1),
        )
        return _anew(prompts, region=replace(region, row=int(row), col=int(col)))
    if prompts.box is None:
        return prompts
    top, left, bottom, right = prompts.box
    if kind is Kind.BOX or index in (0, 1):
        top += rows
    if kind is Kind.BOX or index in (2, 3):
        bottom += rows
    if kind is Kind.BOX or index in (0, 3):
        left += cols
    if kind is Kind.BOX or index in (1, 2):
        right += cols
    (top, left), (bottom, right) = (
        _within(*corner, shape) for corner in ((top, left), (bottom, right))
    )
    (top, bottom), (left, right) = sorted((top, bottom)), sorted((left, right))
    return _anew(prompts, box=Box(top, left, bottom, right))


def without(prompts: Prompts, kind: Kind, index: int) -> Prompts:
    """Return prompts of which one is gone; of a box, a corner stands for all of it."""
    if kind is Kind.POINT:
        return _anew(prompts, points=_but(prompts.points, index))
    if kind is Kind.SCRIBBLE:
        return _anew(prompts, scribbles=_but(prompts.scribbles, index))
    if kind is Kind.LASSO:
        return _anew(prompts, lassos=_but(prompts.lassos, index))
    if kind is Kind.REGION:
        return _anew(prompts, region=None)
    return _anew(prompts, box=None)


def _anew(prompts: Prompts, **changes: object) -> Prompts:
    return replace(prompts, mask=None, answered=0, choice=None, **changes)  # type: ignore[arg-type]


def _but(things: tuple[_Thing, ...], index: int) -> tuple[_Thing, ...]:
    return (*things[:index], *things[index + 1 :])


def _shifted(path: Path, by: tuple[float, float]) -> Path:
    return tuple((row + by[0], col + by[1]) for row, col in path)


def _within(row: float, col: float, shape: tuple[int, int]) -> tuple[float, float]:
    rows, cols = shape
    return min(max(row, 0.0), rows - 1.0), min(max(col, 0.0), cols - 1.0)
