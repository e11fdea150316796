"""The prompts of the current object on the canvas."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.prompt_overlay import PromptDisplay, PromptDrawing
from napari_sam2.viewer.prompt_shapes import PromptShapes, shapes_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sam2.annotation.marks import Mark
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.viewer.plane_in_view import PlaneInView
    from napari_sam2.viewer.prompt_shapes import Place, Stroke

__all__ = ["PromptsInView"]

_REACH = 6.0
"""Pixels of the screen from which a prompt can be taken hold of."""


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

    under_changed = Signal()
    """The mouse is over another prompt, or over none."""

    def __init__(
        self, viewer: ViewerModel, session: AnnotationSession, view: PlaneInView
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._session = session
        self._view = view
        self._sketch = PromptShapes()
        self._revised: Prompts | None = None
        self._held = False
        self.under: Place | Stroke | None = None
        """The prompt that the mouse is over, or has in its hand."""
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
        self._held = mark is not None
        if mark is None:
            self._sketch = PromptShapes()
        else:
            self._sketch = shapes_of(mark.said_of(None, inside=inside))
        self._refresh()

    def revise(self, prompts: Prompts) -> None:
        """Show the prompts as they are to become, while one is being moved."""
        self._held = True
        self._revised = prompts
        self._refresh()

    def let_go(self) -> None:
        """Take notice that the hand is empty: what it drew stays until the answer."""
        self._held = False

    def find(self, row: float, col: float) -> Place | Stroke | None:
        """Return the prompt of the current object that is at a place."""
        return self._said().under(row, col, _REACH * self.pixel)

    def hover(self, row: float, col: float) -> None:
        """Show which prompt a drag would take hold of."""
        under = self.find(row, col) if self.display.shown is not None else None
        if under != self.under:
            self.under = under
            self.under_changed.emit()
            self._refresh()

    def close(self) -> None:
        """Draw nothing any more."""
        self._connections.close()
        self.display.close()

    def _on_answer(self, *_: object) -> None:
        # Answers to what was asked before come while the hand draws on.
        if self._held:
            self._refresh()
            return
        self._revised = None
        self.sketch(None)

    def _refresh(self, *_: object) -> None:
        geometry = self._view.geometry
        shapes = self._shapes()
        there = (*shapes.places, *shapes.strokes)
        if self.under is not None and self.under not in there and not self._held:
            # Nobody moved the mouse: what was under it is gone.
            self.under = None
            self.under_changed.emit()
        if geometry is None or not shapes:
            self.display.show(None)
        else:
            self.display.show(PromptDrawing(shapes, geometry, self.pixel, self.under))

    def _on_zoom(self) -> None:
        shown = self.display.shown
        # Dashes have a length on the screen; all else scales by itself.
        if shown is not None and not all(s.inside for s in shown.shapes.strokes):
            self._refresh()

    def _shapes(self) -> PromptShapes:
        if not self._session.active or self._session.plane is None:
            return PromptShapes()
        said, sketch = self._said(), self._sketch
        places = said.places + sketch.places
        return PromptShapes(places, said.strokes + sketch.strokes, said.region)

    def _said(self) -> PromptShapes:
        current, plane = self._session.current, self._session.plane
        if current is None or plane is None or current.plane.place != plane.place:
            return PromptShapes()
        return shapes_of(self._revised or current.prompts)
