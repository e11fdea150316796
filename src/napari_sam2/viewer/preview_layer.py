"""The preview as an Image layer, for a napari without overlays of others."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.viewer.preview import LOGIT_RANGE, NAME, Drawing

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

__all__ = ["LayerPreview", "is_preview"]

_MARK = "napari-sam2 preview"


def is_preview(layer: Layer) -> bool:
    """Whether a layer is a preview, to be left out of choosers."""
    return _MARK in layer.metadata


class LayerPreview:
    """Draws previews as a layer that is hidden, not removed, in between."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._layer: Image | None = None
        self._drawing: Drawing | None = None

    @property
    def shown(self) -> Drawing | None:
        """What is on the canvas; None if nothing is."""
        return self._drawing

    def show(self, drawing: Drawing, image: Image) -> None:
        """Draw a preview of a plane of an image, instead of the last one."""
        viewer = self._viewer()
        if viewer is None:
            return
        shape = _data_shape(drawing, image)
        layer = self._layer
        # The user may have deleted it, or turned to an image of other dimensions.
        if layer is None or layer not in viewer.layers or layer.data.shape != shape:
            self._remove(viewer)
            layer = self._add(viewer, shape, drawing, image)
        upright = drawing.preview.plane.index
        logits = drawing.logits - drawing.threshold
        if upright.row_axis > upright.col_axis:
            logits = logits.T
        layer.data[...] = logits.reshape(shape)
        layer.affine = _affine(drawing, image)
        layer.colormap = _colormap(drawing)
        layer.visible = True
        layer.refresh(thumbnail=False, extent=False, highlight=False)
        self._drawing = drawing

    def hide(self) -> None:
        """Draw nothing."""
        self._drawing = None
        if self._layer is not None and self._layer.visible:
            self._layer.visible = False

    def close(self) -> None:
        """Remove the layer."""
        self._drawing = None
        viewer = self._viewer()
        if viewer is not None:
            self._remove(viewer)

    def _add(
        self,
        viewer: ViewerModel,
        shape: tuple[int, ...],
        drawing: Drawing,
        image: Image,
    ) -> Image:
        from napari.layers import Image as ImageLayer

        layer = ImageLayer(
            np.zeros(shape, dtype=np.float32),
            name=NAME,
            # From the start: elsewhere, it would move the sliders.
            affine=_affine(drawing, image),
            blending="translucent_no_depth",
            contrast_limits=(-LOGIT_RANGE, LOGIT_RANGE),
            interpolation2d="linear",
            metadata={_MARK: True},
            units=image.units,
            visible=False,
        )
        active = viewer.layers.selection.active
        selected = set(viewer.layers.selection)
        viewer.add_layer(layer)
        viewer.layers.selection = selected
        viewer.layers.selection.active = active
        self._layer = layer
        return layer

    def _remove(self, viewer: ViewerModel) -> None:
        if self._layer is not None and self._layer in viewer.layers:
            viewer.layers.remove(self._layer)
        self._layer = None


def _data_shape(drawing: Drawing, image: Image) -> tuple[int, ...]:
    index = drawing.preview.plane.index
    shape = [1] * image.ndim
    shape[index.row_axis], shape[index.col_axis] = drawing.logits.shape
    return tuple(shape)


def _affine(drawing: Drawing, image: Image) -> npt.NDArray[np.float64]:
    """Place of the logits on the image's grid, then the image's own transform."""
    ndim = image.ndim
    steps = np.eye(ndim)
    origin = np.asarray(image.data_to_world(np.zeros(ndim)))
    whole = np.eye(ndim + 1)
    whole[:ndim, :ndim] = np.stack(
        [np.asarray(image.data_to_world(step)) - origin for step in steps], axis=1
    )
    whole[:ndim, ndim] = origin
    prediction, index = drawing.preview.prediction, drawing.preview.plane.index
    scale, translate = prediction.view.logits_scale_translate(drawing.logits.shape[0])
    grid = np.eye(ndim + 1)
    grid[:ndim, ndim] = index.position
    for axis, step, start in zip(
        (index.row_axis, index.col_axis), scale, translate, strict=True
    ):
        grid[axis, axis], grid[axis, ndim] = step, start
    return whole @ grid


def _colormap(drawing: Drawing) -> object:
    from napari.utils import Colormap

    style = drawing.style
    strong, faint = 0.45 + 0.55 * drawing.confidence, 0.12 + 0.28 * drawing.confidence
    line, fill = style.line, (*drawing.color, faint * style.strength)
    colors = [(*line, 0.0), (*line, 0.0), (*line, strong), fill, fill]
    return Colormap(colors, controls=[0, 0.499, 0.5, 0.53, 1], name=NAME)
