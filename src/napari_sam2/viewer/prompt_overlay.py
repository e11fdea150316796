"""Prompts on the canvas, as an overlay of the scene: no layer, no trace."""

from __future__ import annotations

import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components.overlays import SceneOverlay
from napari.layers.base._base_constants import Blending
from psygnal import EmitLoopError
from pydantic import Field

from napari_sam2.segmentation.revision import Kind

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel

    from napari_sam2.viewer.geometry import PlaneGeometry
    from napari_sam2.viewer.prompt_shapes import Place, PromptShapes, Stroke

__all__ = ["PromptDisplay", "PromptDrawing", "PromptOverlay", "prompts_drawn"]

_KEY = "sam_2_prompts"

# Told apart by shape first: discs and unbroken lines belong to the object, crosses and
# dashes do not. The colors are those of the preview's outline, and stay apart to
# color-blind eyes.
_INSIDE = (0.55, 0.85, 1.0, 1.0)
_OUTSIDE = (1.0, 0.65, 0.1, 1.0)
_HELD = (1.0, 1.0, 1.0, 1.0)
_DARK = (0.0, 0.0, 0.0, 0.75)

_DASH = 6.0
"""Pixels of the screen."""


@dataclass(frozen=True, eq=False)
class PromptDrawing:
    """All that is needed to draw prompts.

    Attributes
    ----------
    shapes : PromptShapes
        On the plane.
    geometry : PlaneGeometry
        Where the plane is drawn.
    pixel : float
        Pixels of the plane that one of the screen takes.
    under : Place or Stroke, optional
        What the mouse is over, or has in its hand.
    """

    shapes: PromptShapes
    geometry: PlaneGeometry
    pixel: float
    under: Place | Stroke | None = None


class PromptOverlay(SceneOverlay):
    """napari's model of the overlay.

    Attributes
    ----------
    drawing : PromptDrawing or None
        What to draw.
    """

    drawing: Any = Field(default=None, repr=False)


class PromptDisplay:
    """Draws prompts over the viewer's scene, where this napari has a place for it."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._overlay = PromptOverlay(
            visible=False, blending=Blending.TRANSLUCENT_NO_DEPTH, order=10**6 + 1
        )
        if hasattr(getattr(viewer, "scene", None), "overlays") and _registered():
            viewer.scene.overlays[_KEY] = self._overlay

    @property
    def shown(self) -> PromptDrawing | None:
        """What is on the canvas; None if nothing is."""
        return self._overlay.drawing if self._overlay.visible else None

    def show(self, drawing: PromptDrawing | None) -> None:
        """Draw prompts instead of the last ones; None: nothing."""
        if drawing is not None:
            self._overlay.drawing = drawing
        visible = drawing is not None
        if self._overlay.visible is not visible:
            self._overlay.visible = visible
        if drawing is None and self._overlay.drawing is not None:
            self._overlay.drawing = None

    def close(self) -> None:
        """Take the overlay out of the viewer."""
        viewer = self._viewer()
        # A program that just ends takes the canvas away before the overlay.
        with suppress(RuntimeError, EmitLoopError):
            self.show(None)
            if viewer is not None and viewer.scene.overlays.get(_KEY) is self._overlay:
                del viewer.scene.overlays[_KEY]


def prompts_drawn(viewer: ViewerModel) -> bool:
    """Whether a viewer has the overlay."""
    return _KEY in getattr(getattr(viewer, "scene", None), "overlays", ())


@cache
def _registered() -> bool:
    """Tell napari how to draw the overlay, once; see the overlay of the preview."""
    try:
        from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
        from napari._vispy.utils.visual import overlay_to_visual
        from vispy.scene.visuals import Compound, Line, Markers
    except ImportError:
        return False

    class VispyPromptOverlay(ViewerOverlayMixin, VispySceneOverlay):
        def __init__(self, **kwargs: Any) -> None:
            self._halo, self._line = Line(antialias=True), Line(antialias=True)
            self._marks = Markers()
            node = Compound([self._halo, self._line, self._marks])
            super().__init__(node=node, **kwargs)
            self.overlay.events.drawing.connect(self._on_drawing)
            self.reset()
            self._on_drawing()

        def _on_drawing(self) -> None:
            drawing: PromptDrawing | None = self.overlay.drawing
            if drawing is not None:
                self._draw_lines(drawing)
                self._draw_marks(drawing)
                self.node.update()

        def _draw_lines(self, drawing: PromptDrawing) -> None:
            lines = _lines(drawing)
            for line in (self._halo, self._line):
                line.visible = bool(lines)
            if not lines:
                return
            pieces = [piece for piece, _ in lines]
            colors = [np.tile(color, (len(piece), 1)) for piece, color in lines]
            # vispy's x runs along the last displayed axis.
            places = drawing.geometry.to_world(np.concatenate(pieces))[:, ::-1]
            self._halo.set_data(places, color=_DARK, width=4, connect="segments")
            self._line.set_data(
                places, color=np.concatenate(colors), width=2, connect="segments"
            )

        def _draw_marks(self, drawing: PromptDrawing) -> None:
            marks = drawing.shapes.places
            self._marks.visible = bool(marks)
            if not marks:
                return
            places = drawing.geometry.to_world([mark.at for mark in marks])[:, ::-1]
            held = [mark == drawing.under for mark in marks]
            size = [11 if mark.kind is Kind.POINT else 9 for mark in marks]
            self._marks.set_data(
                places,
                size=np.array(size) + 4.0 * np.array(held),
                edge_width=1.5,
                edge_color=np.array([_DARK] * len(marks)),
                face_color=np.array([_color(mark.inside) for mark in marks]),
                symbol=[_symbol(mark) for mark in marks],
            )

        def close(self) -> None:
            self.overlay.events.drawing.disconnect(self._on_drawing)
            super().close()

    overlay_to_visual[PromptOverlay] = VispyPromptOverlay
    return True


def _color(inside: bool) -> tuple[float, float, float, float]:
    return _INSIDE if inside else _OUTSIDE


def _lines(
    drawing: PromptDrawing,
) -> list[tuple[npt.NDArray[np.float64], tuple[float, float, float, float]]]:
    """Return both ends of each piece of each line, and the color of the line."""
    under, shapes = drawing.under, drawing.shapes
    lines = [
        (
            stroke.pieces(_DASH * drawing.pixel).reshape(-1, 2),
            _HELD if stroke == under else _color(stroke.inside),
        )
        for stroke in shapes.strokes
        if len(stroke.path) > 1
    ]
    if shapes.region is not None:
        held = under is not None and under.kind is Kind.REGION
        lines.append((shapes.region.edges, _HELD if held else _INSIDE))
    return lines


def _symbol(mark: Place) -> str:
    if mark.kind is Kind.CORNER:
        return "square"
    if mark.kind is Kind.REGION:
        return "diamond"
    return "disc" if mark.inside else "x"
