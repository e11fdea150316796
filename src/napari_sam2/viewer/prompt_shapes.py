"""What prompts look like on the plane, and which of them is under the mouse.

No napari here: lines and places in ``(row, col)`` of the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.segmentation.revision import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.region import Region

__all__ = ["Place", "PromptShapes", "Stroke", "shapes_of"]


@dataclass(frozen=True)
class Place:
    """A point that was clicked, a corner of the box, or the middle of the region.

    Attributes
    ----------
    kind : Kind
        A point, a corner or a region.
    index : int
        Which point; or which corner, clockwise from the top left.
    at : tuple of float
        ``(row, col)``.
    inside : bool
        Whether it belongs to the object.
    """

    kind: Kind
    index: int
    at: tuple[float, float]
    inside: bool = True


@dataclass(frozen=True)
class Stroke:
    """A line on the canvas.

    Attributes
    ----------
    kind : Kind
        A box, a scribble or a lasso.
    index : int
        Which scribble or lasso.
    path : tuple of (float, float)
        Its corners; a closed line comes back to the first.
    inside : bool
        Whether it is about what belongs to the object.
    """

    kind: Kind
    index: int
    path: tuple[tuple[float, float], ...]
    inside: bool = True

    def distance(self, row: float, col: float) -> float:
        """How far away a place is."""
        corners = np.array(self.path)
        starts, along = corners[:-1], np.diff(corners, axis=0)
        if not len(along):
            return float(np.hypot(*(corners[0] - (row, col))))
        length = np.maximum((along**2).sum(1), 1e-12)
        share = (((row, col) - starts) * along).sum(1) / length
        nearest = starts + np.clip(share, 0, 1)[:, None] * along
        return float(np.hypot(*(nearest - (row, col)).T).min())

    def pieces(self, length: float) -> npt.NDArray[np.float64]:
        """Cut the line into what is to be drawn of it, shape (n, 2, 2).

        Parameters
        ----------
        length : float
            Of a dash and of a gap, in pixels of the plane; what is inside is drawn
            without gaps.
        """
        corners = np.array(self.path)
        if self.inside or len(corners) < 2:
            return np.stack([corners[:-1], corners[1:]], axis=1)
        lengths = np.hypot(*np.diff(corners, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(lengths)])
        count = max(1, int(along[-1] / (2 * length)))
        ends = np.linspace(0, along[-1], 2 * count)
        dashes = np.stack(
            [np.interp(ends, along, corners[:, axis]) for axis in (0, 1)], axis=1
        )
        return dashes.reshape(count, 2, 2)


@dataclass(frozen=True)
class PromptShapes:
    """All that is drawn of the prompts of one object.

    A region is taken hold of in its middle alone: clicks near the outline of an object
    are about that.
    """

    places: tuple[Place, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    region: Region | None = None

    def __bool__(self) -> bool:
        return bool(self.places or self.strokes)

    def under(self, row: float, col: float, reach: float) -> Place | Stroke | None:
        """Return what is nearest to a place, within reach; places before lines.

        Parameters
        ----------
        row, col : float
            Where the mouse is.
        reach : float
            In pixels of the plane.
        """

        def away(place: Place) -> float:
            return float(np.hypot(place.at[0] - row, place.at[1] - col))

        found: Sequence[Place] | Sequence[Stroke]
        found = [place for place in self.places if away(place) <= reach]
        if found:
            return min(found, key=away)
        near = [s for s in self.strokes if s.distance(row, col) <= reach]
        return min(near, key=lambda s: s.distance(row, col)) if near else None


def shapes_of(prompts: Prompts) -> PromptShapes:
    """Return what is drawn of some prompts."""
    places = [
        Place(Kind.POINT, number, (point.row, point.col), point.inside)
        for number, point in enumerate(prompts.points)
    ]
    strokes = [
        Stroke(Kind.SCRIBBLE, number, scribble.path, scribble.inside)
        for number, scribble in enumerate(prompts.scribbles)
    ]
    strokes += [
        Stroke(Kind.LASSO, number, (*lasso.path, lasso.path[0]), lasso.inside)
        for number, lasso in enumerate(prompts.lassos)
    ]
    if prompts.box is not None:
        top, left, bottom, right = prompts.box
        corners = ((top, left), (top, right), (bottom, right), (bottom, left))
        strokes.append(Stroke(Kind.BOX, 0, (*corners, corners[0])))
        places += [Place(Kind.CORNER, n, corner) for n, corner in enumerate(corners)]
    region = prompts.region
    if region is not None:
        (middle,) = region.points
        places.append(Place(Kind.REGION, 0, (middle.row, middle.col)))
    return PromptShapes(tuple(places), tuple(strokes), region)
