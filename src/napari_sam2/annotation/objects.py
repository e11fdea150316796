"""What the session shows and keeps: previews and objects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.segmentation.region import Region

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.view import View

__all__ = ["AnnotatedObject", "Notes", "Pointing", "Preview"]


class Pointing(Enum):
    """What a click at the place of the mouse would do."""

    NEW = "new"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, eq=False)
class Preview:
    """What a click would make of the place under the mouse.

    Attributes
    ----------
    prediction : Prediction
        The mask that a click would keep.
    prompts : Prompts
        That gave it.
    plane : Plane
        On which it lies.
    label : int
        Id that the object has, or would get.
    pointing : Pointing
        What the click would do.
    generation : int
        Of the image and model that it was made for.
    """

    prediction: Prediction
    prompts: Prompts
    plane: Plane
    label: int
    pointing: Pointing
    generation: int


@dataclass(frozen=True, eq=False)
class AnnotatedObject:
    """An object on one plane, with all that was said about it.

    Attributes
    ----------
    label : int
        Its id in the labels.
    prompts : Prompts
        All points that were clicked, and the mask that the last one refined.
    prediction : Prediction
        The answer to them, without alternatives.
    plane : Plane
        On which it lies.
    model : str
        Identifies the weights that made the prediction, as an engine does.
    written : PixelChange, optional
        What it did to the labels; None while it is a draft that is not kept.
    beyond : tuple of Region
        What belongs to it beside the view of the prediction: what was found in
        other views, before the user went on.
    """

    label: int
    prompts: Prompts
    prediction: Prediction
    plane: Plane
    model: str
    written: PixelChange | None = None
    beyond: tuple[Region, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether it is in the labels."""
        return self.written is not None

    def places(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return rows and columns of its pixels on the plane."""
        row, col = self.prediction.bbox[:2]
        parts = [(row, col, self.prediction.crop)]
        parts += [(part.row, part.col, part.crop) for part in self.beyond]
        found = [np.nonzero(crop) for _, _, crop in parts]
        for (rows, cols), (row, col, _) in zip(found, parts, strict=True):
            rows += row
            cols += col
        if len(found) == 1:
            [(rows, cols)] = found
            return rows, cols
        return (
            np.concatenate([rows for rows, _ in found]),
            np.concatenate([cols for _, cols in found]),
        )

    def beside(self, view: View) -> tuple[Region, ...]:
        """Return what belongs to it where another view shows nothing."""
        parts = [part.beside(view.window) for part in self.beyond]
        r0, c0, r1, c1 = self.prediction.bbox
        s0, t0, s1, t1 = view.window
        if r0 < s0 or c0 < t0 or r1 > s1 or c1 > t1:
            crop = self.prediction.crop
            if crop.size:
                parts.append(Region.of(crop, r0, c0).beside(view.window))
        return tuple(part for part in parts if part is not None)


@dataclass(frozen=True)
class Notes:
    """What the user says of an object, whoever made it.

    They belong to an id, not to an :class:`AnnotatedObject`: what was painted, or was
    there before the tool came, has a class as well.

    Attributes
    ----------
    category : str, optional
        Short name of its class.
    reviewed : bool
        Whether somebody has looked at it and found it right.
    """

    category: str | None = None
    reviewed: bool = False
