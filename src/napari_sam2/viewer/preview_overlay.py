"""The preview as an overlay of the scene: no layer, no trace."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from napari.components.overlays import SceneOverlay
from psygnal import EmitLoopError
from pydantic import Field

from napari_sam2.annotation.objects import Pointing
from napari_sam2.viewer.palette import style_for
from napari_sam2.viewer.preview import LOGIT_RANGE, NAME, Drawing

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

__all__ = ["OverlayPreview", "PreviewOverlay", "is_supported"]

_KEY = NAME.lower().replace(" ", "_")


class PreviewOverlay(SceneOverlay):
    """napari's model of the overlay.

    Attributes
    ----------
    drawing : Drawing or None
        What to draw.
    """

    drawing: Any = Field(default=None, repr=False)


def is_supported(viewer: ViewerModel) -> bool:
    """Whether this napari draws overlays that it did not bring itself."""
    return hasattr(getattr(viewer, "scene", None), "overlays") and _registered()


class OverlayPreview:
    """Draws previews as an overlay of the viewer's scene."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._overlay = PreviewOverlay(visible=False)
        viewer.scene.overlays[_KEY] = self._overlay

    @property
    def shown(self) -> Drawing | None:
        """What is on the canvas; None if nothing is."""
        return self._overlay.drawing if self._overlay.visible else None

    def show(self, drawing: Drawing, image: Image) -> None:
        """Draw a preview, instead of the last one."""
        self._overlay.drawing = drawing
        if not self._overlay.visible:
            self._overlay.visible = True

    def hide(self) -> None:
        """Draw nothing."""
        if self._overlay.visible:
            self._overlay.visible = False
            self._overlay.drawing = None

    def close(self) -> None:
        """Take the overlay out of the viewer."""
        viewer = self._viewer()
        # A program that just ends takes the canvas away before the overlay.
        with suppress(RuntimeError, EmitLoopError):
            self.hide()
            if viewer is not None and viewer.scene.overlays.get(_KEY) is self._overlay:
                del viewer.scene.overlays[_KEY]


# Level is the logits, cut off at the ends of their range and scaled to 0..1. Its
# change from pixel to pixel of the screen tells how many of them the contour is
# away, so that the line is equally wide wherever the logits are steep or flat.
_OUTLINE = """
void draw_preview() {
    float level = gl_FragColor.r;
    float distance = (level - $threshold) / max(fwidth(level), 1e-6);
    float inside = smoothstep(-0.5, 0.5, distance);
    float line = 1.0 - smoothstep($width - 0.5, $width + 0.5, abs(distance));
    float halo = 1.0 - smoothstep($width + 0.5, $width + 1.5, abs(distance));
    // A chessboard of the screen makes dashes along a line of any direction.
    vec2 tile = floor(gl_FragCoord.xy / max($dash, 1.0));
    if ($dash > 0.0 && mod(tile.x + tile.y, 2.0) > 0.5) line = 0.0;
    // From below: fill, dark halo for bright images, line.
    vec4 color = vec4($fill.rgb, $fill.a * inside);
    float dark = 0.45 * halo * $line.a;
    float alpha = dark + color.a * (1.0 - dark);
    color = vec4(color.rgb * color.a * (1.0 - dark) / max(alpha, 1e-6), alpha);
    float light = line * $line.a;
    alpha = light + color.a * (1.0 - light);
    color.rgb = ($line.rgb * light + color.rgb * color.a * (1.0 - light));
    gl_FragColor = vec4(color.rgb / max(alpha, 1e-6), alpha);
}
"""


@cache
def _registered() -> bool:
    """Tell napari how to draw the overlay, once.

    napari's own example of a custom overlay does it so, but the modules are
    private, and a release may move them: then a layer is used.
    """
    try:
        import numpy as np
        from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
        from napari._vispy.utils.visual import overlay_to_visual
        from vispy.scene.visuals import Image as ImageNode
        from vispy.visuals.filters.base_filter import Filter
    except ImportError:
        return False

    class VispyPreviewOverlay(ViewerOverlayMixin, VispySceneOverlay):
        def __init__(self, **kwargs: Any) -> None:
            node = ImageNode(
                np.zeros((2, 2), dtype=np.float32),
                cmap="grays",
                clim=(-LOGIT_RANGE, LOGIT_RANGE),
                interpolation="linear",
                texture_format="auto",
            )
            self._outline = Filter(fcode=_OUTLINE, fpos=8)
            super().__init__(node=node, **kwargs)
            self._restyle(None)
            node.attach(self._outline)
            self.overlay.events.drawing.connect(self._on_drawing)
            self.reset()
            self._on_drawing()

        def _on_drawing(self) -> None:
            drawing: Drawing | None = self.overlay.drawing
            if drawing is None:
                return
            self.node.set_data(drawing.logits)
            self._place(drawing)
            self._restyle(drawing)
            self.node.update()

        def _place(self, drawing: Drawing) -> None:
            # vispy's x runs along the last displayed axis, and its pixel i from
            # i to i + 1; it multiplies from the left.
            linear, origin = drawing.geometry.linear, drawing.geometry.origin
            corner = origin - linear @ (0.5, 0.5)
            matrix = np.eye(4)
            matrix[:2, :2] = linear[::-1, ::-1].T
            matrix[3, :2] = corner[::-1]
            self.node.transform.matrix = matrix

        def _restyle(self, drawing: Drawing | None) -> None:
            usual = style_for("object", Pointing.NEW)
            style = usual if drawing is None else drawing.style
            confidence = 1.0 if drawing is None else drawing.confidence
            threshold = 0.0 if drawing is None else drawing.threshold
            color = (1.0, 1.0, 1.0) if drawing is None else drawing.color
            # In pixels of the device, which on a dense screen are smaller.
            density = getattr(self.node.canvas, "pixel_scale", 1) or 1
            shader = self._outline.fshader
            shader["threshold"] = 0.5 + threshold / (2 * LOGIT_RANGE)
            shader["width"] = (0.7 + 0.3 * confidence) * style.width * density
            shader["dash"] = 5.0 * density if style.dashed else 0.0
            shader["fill"] = (*color, (0.12 + 0.28 * confidence) * style.strength)
            shader["line"] = (*style.line, 0.45 + 0.55 * confidence)

        def close(self) -> None:
            self.overlay.events.drawing.disconnect(self._on_drawing)
            super().close()

    overlay_to_visual[PreviewOverlay] = VispyPreviewOverlay
    return True
