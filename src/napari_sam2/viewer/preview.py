"""The transient mask under the cursor.

What is drawn are the decoder's low-resolution logits as they come: the graphics
card interpolates and thresholds them, so the outline is smooth at any zoom and
nothing is upsampled on the CPU. It is drawn over the layers without being one,
so that it is in no chooser, in no file and never the active layer; where napari
has no place for that, a layer does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_sam2.viewer.palette import style_for

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_sam2.annotation.objects import Pointing, Preview
    from napari_sam2.viewer.geometry import PlaneGeometry
    from napari_sam2.viewer.palette import Style

__all__ = [
    "LOGIT_RANGE",
    "NAME",
    "Drawing",
    "PreviewDisplay",
    "display_for",
    "drawing",
    "label_color",
]

NAME = "SAM 2 preview"

LOGIT_RANGE = 8.0
"""Logits are drawn between minus and plus this; further out nothing changes."""

_DOUBTFUL, _SURE = 0.5, 0.85


@dataclass(frozen=True, eq=False)
class Drawing:
    """All that is needed to draw a preview.

    Attributes
    ----------
    logits : ndarray of float32, shape (h, w)
        At the decoder's resolution, rows first.
    threshold : float
        The outline runs where the logits are this.
    geometry : PlaneGeometry
        Where the center of each logit lies in the world.
    color : tuple of float
        RGB of the filling: that of the object, unless the style has its own.
    style : Style
        What else it looks like.
    confidence : float
        0 for a doubtful mask to 1 for a sure one.
    preview : Preview
        What is drawn.
    """

    logits: npt.NDArray[np.float32]
    threshold: float
    geometry: PlaneGeometry
    color: tuple[float, float, float]
    style: Style
    confidence: float
    preview: Preview

    @property
    def pointing(self) -> Pointing:
        """What a click would do."""
        return self.preview.pointing


class PreviewDisplay(Protocol):
    """Something in a viewer that draws previews."""

    @property
    def shown(self) -> Drawing | None:
        """What is on the canvas; None if nothing is."""

    def show(self, drawing: Drawing, image: Image) -> None:
        """Draw a preview of a plane of an image, instead of the last one."""

    def hide(self) -> None:
        """Draw nothing."""

    def close(self) -> None:
        """Leave nothing behind in the viewer."""


def drawing(
    preview: Preview,
    geometry: PlaneGeometry,
    color: npt.ArrayLike,
    palette: str = "object",
) -> Drawing:
    """Prepare a preview for being drawn.

    Parameters
    ----------
    preview : Preview
        From the session.
    geometry : PlaneGeometry
        Where the plane of the preview is drawn.
    color : array-like of float, shape (3,) or (4,)
        RGB(A) that the object's label has.
    palette : str
        Name of one of the :data:`~napari_sam2.viewer.palette.PALETTES`.
    """
    style = style_for(palette, preview.pointing)
    prediction = preview.prediction
    scale, translate = prediction.view.logits_scale_translate(
        prediction.logits.shape[0]
    )
    own = color if style.fill is None else style.fill
    red, green, blue = np.asarray(own, dtype=float).ravel()[:3]
    confidence = (prediction.score - _DOUBTFUL) / (_SURE - _DOUBTFUL)
    return Drawing(
        prediction.surface,
        prediction.threshold,
        geometry.of_grid(scale, translate),
        (float(red), float(green), float(blue)),
        style,
        float(np.clip(confidence, 0, 1)),
        preview,
    )


def label_color(labels: Labels | None, label: int) -> npt.NDArray[np.floating[Any]]:
    """Return the RGBA that an object has, or will have.

    Parameters
    ----------
    labels : Labels, optional
        Where it is kept; without any, in the colors of new labels.
    label : int
        Its id.
    """
    colormap = _new_colormap() if labels is None else labels.colormap
    color = np.asarray(colormap.map(label), dtype=float).ravel()
    # A layer that shows its selected label only makes all others invisible.
    return color if color[-1] else np.ones(4)


@cache
def _new_colormap() -> Any:
    from napari.utils.colormaps import label_colormap

    return label_colormap(49)


def display_for(viewer: ViewerModel) -> PreviewDisplay:
    """Return the best display that this napari allows."""
    from napari_sam2.viewer import preview_layer, preview_overlay

    if preview_overlay.is_supported(viewer):
        return preview_overlay.OverlayPreview(viewer)
    return preview_layer.LayerPreview(viewer)
