"""The plane of the chosen image that is in view, as sliders and camera move."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.viewer.camera import CameraWatch, visible_in
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.geometry import PlaneGeometry, displayed_axes, geometry_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.segmentation.view import BBox
    from napari_sam2.viewer.choices import LayerChoices
    from napari_sam2.viewer.sight import Sight

__all__ = ["PlaneInView"]

_TRANSFORMS = ("affine", "rotate", "scale", "shear", "translate", "units")
_SLIDERS = ("point", "current_step", "order", "ndisplay", "ndim", "units")


class PlaneInView:
    """Knows which plane is looked at, and where on the canvas it is.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    choices : LayerChoices
        Which image it is.
    sight : Sight
        How it is shown to the model.
    """

    changed = Signal()
    """Look again: perhaps it is another plane."""

    moved = Signal()
    """The image was scaled, moved, turned or sheared."""

    panned = Signal()
    """Another part of the plane is on the canvas, or more or less of it."""

    def __init__(
        self, viewer: ViewerModel, choices: LayerChoices, sight: Sight
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._choices = choices
        self._sight = sight
        self._revision = 0
        self._geometry: PlaneGeometry | None = None
        self._connections = Connections()
        self._of_image = Connections()
        self._camera = CameraWatch(viewer)
        self._camera.rested.connect(self._on_camera)
        add = self._connections.add
        add(choices.image_changed, self._on_image)
        add(choices.image_data_changed, self._on_image_data)
        add(sight.changed, self.changed.emit)
        for name in _SLIDERS:
            signal = getattr(viewer.dims.events, name, None)
            if signal is not None:
                add(signal, self._on_dims)
        self._follow_image()

    @property
    def plane(self) -> Plane | None:
        """The plane; None if there is none in view."""
        viewer, image = self._viewer(), self._choices.image
        if viewer is None or image is None:
            return None
        return self._sight.plane(viewer.dims, (image.unique_id, self._revision))

    @property
    def visible(self) -> BBox | None:
        """What of the plane is on the canvas; may reach beyond it."""
        viewer, geometry = self._viewer(), self.geometry
        if viewer is None or geometry is None or viewer.dims.ndisplay != 2:
            return None
        return visible_in(viewer, geometry)

    @property
    def obstacle(self) -> str | None:
        """Why this display shows no plane to point at, in words; None if it does."""
        viewer, image = self._viewer(), self._choices.image
        if viewer is not None and viewer.dims.ndisplay == 3:
            return "SAM 2 works in 2-D: leave the 3-D display to go on"
        if viewer is None or image is None:
            return None
        if displayed_axes(image.ndim, viewer.dims) is None:
            return f"“{image.name}” is seen from its edge: roll the axes back to go on"
        return None

    @property
    def geometry(self) -> PlaneGeometry | None:
        """Where the plane is drawn."""
        viewer, image = self._viewer(), self._choices.image
        if self._geometry is None and viewer is not None and image is not None:
            self._geometry = geometry_of(image, viewer.dims)
        return self._geometry

    def place(self, position: Sequence[float]) -> tuple[float, float] | None:
        """Turn a position in the world into ``(row, col)`` of the plane.

        None if there is no plane, or if the position was taken in a world that had
        more or fewer axes.
        """
        viewer, geometry = self._viewer(), self.geometry
        if viewer is None or geometry is None or len(position) != viewer.dims.ndim:
            return None
        return geometry.to_plane(position)

    def image_of(self, plane: Plane) -> Image | None:
        """Return the image that a plane is of; None if it is gone."""
        for image in self._choices.images:
            if isinstance(plane.image, tuple) and image.unique_id == plane.image[0]:
                return image
        return None

    def settle(self) -> None:
        """Take the camera for resting now, if it has moved just before."""
        self._camera.settle()

    def close(self) -> None:
        """Follow no longer."""
        self._camera.close()
        self._connections.close()
        self._of_image.close()

    def _follow_image(self) -> None:
        self._of_image.close()
        image = self._choices.image
        if image is not None:
            for name in _TRANSFORMS:
                self._of_image.add(getattr(image.events, name), self._on_transform)

    def _on_image(self) -> None:
        self._follow_image()
        self._look_again()

    def _on_image_data(self) -> None:
        self._revision += 1
        self._look_again()

    def _on_transform(self) -> None:
        self._geometry = None
        self.moved.emit()
        # A scale decides, too, which plane of a stack is in view.
        self._look_again()

    def _on_camera(self) -> None:
        self.panned.emit()

    def _on_dims(self) -> None:
        self._look_again()

    def _look_again(self) -> None:
        self._geometry = None
        self.changed.emit()
