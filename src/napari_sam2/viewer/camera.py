"""What of a plane is on the canvas, and when that has changed for a moment."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.later import Later

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sam2.segmentation.view import BBox
    from napari_sam2.viewer.geometry import PlaneGeometry

__all__ = ["CameraWatch", "visible_in"]

_REST = 80
"""Milliseconds without a move of the camera after which it has come to rest."""


def visible_in(viewer: ViewerModel, geometry: PlaneGeometry) -> BBox:
    """Return the smallest rectangle of a plane with all that is on the canvas.

    Parameters
    ----------
    viewer : ViewerModel
        In 2-D display.
    geometry : PlaneGeometry
        Where the plane is drawn.

    Returns
    -------
    tuple of int
        ``(row_start, col_start, row_stop, col_stop)``, half-open; may reach beyond
        the plane.
    """
    camera = viewer.scene.camera
    center = np.array(camera.center[-2:], dtype=np.float64)
    extent = np.array(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom
    world = np.zeros(viewer.dims.ndim)
    places = []
    for down, right in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        world[list(geometry.displayed)] = center + extent / 2 * (down, right)
        places.append(geometry.to_plane(world.tolist()))
    low, high = np.min(places, axis=0), np.max(places, axis=0)
    return (
        math.floor(low[0] + 0.5),
        math.floor(low[1] + 0.5),
        math.ceil(high[0] + 0.5),
        math.ceil(high[1] + 0.5),
    )


class CameraWatch:
    """Tells when pan and zoom have come to rest, or the canvas has another size.

    Where no Qt application runs, every change is told at once.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    """

    rested = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._connections = Connections()
        self._later = Later(self._on_rest, _REST, rest=True)
        for events, name in (
            (viewer.scene.camera.events, "center"),
            (viewer.scene.camera.events, "zoom"),
            (viewer.canvas.events, "size"),
            (viewer.canvas.grid.events, "enabled"),
        ):
            signal = getattr(events, name, None)
            if signal is not None:
                self._connections.add(signal, self._on_change)

    def settle(self) -> None:
        """Tell of a change now that would be told of a moment later."""
        self._later.now()

    def close(self) -> None:
        """Tell nothing any longer."""
        self._connections.close()
        self._later.close()

    def _on_change(self) -> None:
        self._later.ask()

    def _on_rest(self) -> None:
        self.rested.emit()
