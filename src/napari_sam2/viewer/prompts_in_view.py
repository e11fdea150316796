"""The prompts of the current object on the canvas."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.prompt_overlay import PromptDisplay, PromptDrawing
from napari_sam2.viewer.prompt_shapes import PromptShapes, shapes_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sam2.annotation.marks import Mark
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.plane_in_view import PlaneInView

__all__ = ["PromptsInView"]


class PromptsInView:
    """Shows the prompts of the current object, and what is being drawn.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    session : AnnotationSession
        Whose current object it is.
    view : PlaneInView
        Where the plane is drawn.
    """

    def __init__(
        self, viewer: ViewerModel, session: AnnotationSession, view: PlaneInView
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._session = session
        self._view = view
        self._sketch = PromptShapes()
        self.display = PromptDisplay(viewer)
        self._connections = Connections()
        add = self._connections.add
        # The line that was drawn stays until there is an answer to it.
        for answer in ("current_changed", "objects_changed", "notice", "failed"):
            add(getattr(session, answer), self._on_answer)
        add(view.changed, self._on_answer)
        add(session.status_changed, self._refresh)
        add(view.moved, self._refresh)
        add(viewer.scene.camera.events.zoom, self._on_zoom)

    @property
    def pixel(self) -> float:
        """Pixels of the plane that one of the screen takes, about."""
        viewer, geometry = self._viewer(), self._view.geometry
        if viewer is None or geometry is None:
            return 1.0
        size = float(np.sqrt(abs(np.linalg.det(geometry.linear))))
        return 1.0 / (float(viewer.scene.camera.zoom) * size)

    def sketch(self, mark: Mark | None, *, inside: bool = True) -> None:
        """Show a line that is being drawn; None: no longer."""
        if mark is None:
            self._sketch = PromptShapes()
        else:
            self._sketch = shapes_of(mark.said_of(None, inside=inside))
        self._refresh()

    def close(self) -> None:
        """Draw nothing any more."""
        self._connections.close()
        self.display.close()

    def _on_answer(self, *_: object) -> None:
        self.sketch(None)

    def _refresh(self, *_: object) -> None:
        geometry = self._view.geometry
        shapes = self._shapes()
        if geometry is None or not shapes:
            self.display.show(None)
        else:
            self.display.show(PromptDrawing(shapes, geometry, self.pixel))

    def _on_zoom(self) -> None:
        shown = self.display.shown
        # Dashes have a length on the screen; all else scales by itself.
        if shown is not None and not all(s.inside for s in shown.shapes.strokes):
            self._refresh()

    def _shapes(self) -> PromptShapes:
        session, current = self._session, self._session.current
        plane = session.plane
        if plane is None or not session.active:
            return PromptShapes()
        if current is None or current.plane.key != plane.key:
            return self._sketch
        said = shapes_of(current.prompts)
        sketch = self._sketch
        return PromptShapes(said.places + sketch.places, said.strokes + sketch.strokes)
