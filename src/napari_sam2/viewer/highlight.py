"""The outline of objects that are selected in the list, drawn over the layers."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components.overlays import SceneOverlay
from psygnal import EmitLoopError
from pydantic import Field

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel

__all__ = ["Highlight", "HighlightOverlay"]

_KEY = "sam_2_highlight"


class HighlightOverlay(SceneOverlay):
    """napari's model of the overlay.

    Attributes
    ----------
    edges : ndarray of float, shape (2 * n, 2), or None
        Both ends of each edge, in the two displayed coordinates of the world.
    """

    edges: Any = Field(default=None, repr=False)


class Highlight:
    """Draws edges over the layers, where napari lets overlays be drawn.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._overlay: HighlightOverlay | None = None
        if hasattr(getattr(viewer, "scene", None), "overlays") and _registered():
            self._overlay = HighlightOverlay(visible=False)
            viewer.scene.overlays[_KEY] = self._overlay

    @property
    def edges(self) -> npt.NDArray[np.float64] | None:
        """What is drawn; None if nothing is."""
        overlay = self._overlay
        return overlay.edges if overlay is not None and overlay.visible else None

    def show(self, edges: npt.NDArray[np.float64] | None) -> None:
        """Draw edges instead of the last ones; None: nothing."""
        overlay = self._overlay
        if overlay is None:
            return
        if edges is None or not len(edges):
            if overlay.visible:
                overlay.visible = False
                overlay.edges = None
            return
        overlay.edges = edges
        overlay.visible = True

    def close(self) -> None:
        """Take the overlay out of the viewer."""
        viewer, overlay = self._viewer(), self._overlay
        # A program that just ends takes the canvas away before the overlay.
        with suppress(RuntimeError, EmitLoopError):
            self.show(None)
            if viewer is not None and viewer.scene.overlays.get(_KEY) is overlay:
                del viewer.scene.overlays[_KEY]


@cache
def _registered() -> bool:
    """Tell napari how to draw the overlay, once; False if it cannot be told."""
    try:
        from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
        from napari._vispy.utils.visual import overlay_to_visual
        from vispy.scene.visuals import Compound, Line
    except ImportError:
        return False

    class VispyHighlightOverlay(ViewerOverlayMixin, VispySceneOverlay):
        def __init__(self, **kwargs: Any) -> None:
            nothing = np.zeros((2, 2))
            # White over black is seen on every image, in every color of a label.
            self._lines = [
                Line(nothing, connect="segments", color=color, width=width)
                for color, width in (((0, 0, 0, 0.7), 4), ((1, 1, 1, 1), 1.5))
            ]
            super().__init__(node=Compound(self._lines), **kwargs)
            self.overlay.events.edges.connect(self._on_edges)
            self.reset()
            self._on_edges()

        def _on_edges(self) -> None:
            edges = self.overlay.edges
            if edges is None:
                return
            for line in self._lines:
                # vispy's x runs along the last displayed axis.
                line.set_data(pos=edges[:, ::-1].astype(np.float32))
            self.node.update()

        def close(self) -> None:
            self.overlay.events.edges.disconnect(self._on_edges)
            super().close()

    overlay_to_visual[HighlightOverlay] = VispyHighlightOverlay
    return True
