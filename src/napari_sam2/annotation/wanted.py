"""Which view of which plane is wanted, and which one answers until it is there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.segmentation.viewport import view_for

if TYPE_CHECKING:
    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.segmentation.embedded import PlanePixels
    from napari_sam2.segmentation.points import Box
    from napari_sam2.segmentation.view import BBox, View

__all__ = ["WantedView"]

# A view that is this much larger than the one on its way answers no longer.
_COARSEST = 3


@dataclass(eq=False)
class WantedView:
    """What is looked at, and what the model has seen of it so far.

    Attributes
    ----------
    plane : Plane, optional
        The plane that is worked on.
    pixels : PlanePixels, optional
        What the model is shown of it; None before there is a model.
    visible : tuple of int, optional
        What of the plane is on the canvas; None if nobody knows.
    view : View, optional
        The part of it that is to be encoded; None before there is a model.
    encoded : Encoded, optional
        What answers now: the view that is wanted, or the one before.
    """

    plane: Plane | None = None
    pixels: PlanePixels | None = None
    visible: BBox | None = None
    view: View | None = None
    encoded: Encoded | None = None

    def forget(self) -> None:
        """Want nothing, and have nothing; plane and place stay."""
        self.encoded = self.view = self.pixels = None

    @property
    def settled(self) -> bool:
        """Whether the view that is wanted is there."""
        encoded, plane = self.encoded, self.plane
        return (
            encoded is not None
            and encoded.image.view == self.view
            and (plane is None or encoded.plane.key == plane.key)
        )

    def choose(self, size: int) -> None:
        """Want the view that suits what is on the canvas; the last one if it does.

        Parameters
        ----------
        size : int
            Side of the model's input, in pixels.
        """
        self.view = self._view_for(self.visible, size)

    def around(self, extent: Box, size: int) -> View:
        """Return a view of a part of the plane that is not looked at.

        Parameters
        ----------
        extent : Box
            What it has to show.
        size : int
            Side of the model's input, in pixels.
        """
        assert self.view is not None
        # About as much as is looked at, and what was drawn in any case.
        height, width = self.view.height // 4, self.view.width // 4
        around = (
            math.floor(extent.row_min) - height,
            math.floor(extent.col_min) - width,
            math.ceil(extent.row_max) + height + 1,
            math.ceil(extent.col_max) + width + 1,
        )
        return self._view_for(around, size)

    def answering(self, extent: Box, *, coming: bool) -> Encoded | None:
        """Return what answers for a part of the plane now; None if nothing does.

        Parameters
        ----------
        extent : Box
            The part.
        coming : bool
            Whether the view that is wanted is on its way. It is waited for where the
            old one shows nothing, or next to nothing because the user has zoomed in a
            long way.
        """
        encoded, wanted = self.encoded, self.view
        if encoded is None or not _shows(encoded.image.view, extent):
            return None
        view = encoded.image.view
        if wanted is not None and coming:
            longest, enough = (max(one.height, one.width) for one in (view, wanted))
            if longest > _COARSEST * enough:
                return None
        return encoded

    def shows(self, extent: Box) -> bool:
        """Whether the view that is wanted will answer for a part of the plane."""
        # Before there is a model, nobody knows its views.
        return self.view is None or _shows(self.view, extent)

    def _view_for(self, visible: BBox | None, size: int) -> View:
        assert self.plane is not None
        return view_for(self.plane.shape, visible, size, self.view)


def _shows(view: View, extent: Box) -> bool:
    return view.contains(*extent[:2]) and view.contains(*extent[2:])
