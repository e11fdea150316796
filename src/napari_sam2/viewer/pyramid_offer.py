"""An image that is too large to be drawn is offered coarser resolutions."""

from __future__ import annotations

import weakref
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer
from psygnal import Signal

from napari_sam2.annotation.huge import TEXTURE
from napari_sam2.errors import Cancelled, ImageError
from napari_sam2.segmentation.pyramid import Pyramid
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.layers import opened_from, spatial_shape

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.viewer.choices import LayerChoices

__all__ = ["PyramidOffer", "too_large_to_draw"]

# Pixels of a plane that napari reads whole before it shows any, where that takes long.
_LAZY = 1 << 27


def too_large_to_draw(layer: Image) -> bool:
    """Whether napari draws an image coarsely, or has to read too much to draw it."""
    if layer.multiscale:
        return False
    rows, cols = spatial_shape(layer)[-2:]
    data: Any = layer.data
    lazy = not isinstance(data, np.ndarray) or isinstance(data, np.memmap)
    return max(rows, cols) > TEXTURE or (lazy and rows * cols > _LAZY)


class PyramidOffer:
    """Offers to show the chosen image in several resolutions.

    The full one is the array itself, the others are averaged when they are looked at.
    The image stays, hidden: who removes the new one is where he was.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    session : AnnotationSession
        Beside which the image is read.
    choices : LayerChoices
        Which image it is.
    """

    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, session: AnnotationSession, choices: LayerChoices
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._session = session
        self._choices = choices
        # Answered, or answered by making one.
        self._done: weakref.WeakSet[Image] = weakref.WeakSet()
        self._at_work: CancelToken | None = None
        self._connections = Connections()
        self._connections.add(choices.image_changed, self.changed.emit)
        self._connections.add(choices.image_data_changed, self.changed.emit)

    @property
    def image(self) -> Image | None:
        """The image that it is about; None if there is nothing to offer."""
        image = self._choices.image
        if image is None or image in self._done or not too_large_to_draw(image):
            return None
        return image

    @property
    def at_work(self) -> bool:
        """Whether an image is being read."""
        return self._at_work is not None

    @property
    def text(self) -> str:
        """What is offered, and why; empty if there is nothing to offer."""
        image = self.image
        if image is None:
            return ""
        if self.at_work:
            return "Reading the image once"
        rows, cols = spatial_shape(image)[-2:]
        side = "wide" if cols >= rows else "high"
        return f"{max(rows, cols):,} px {side}"

    def make(self) -> None:
        """Read the plane in view once, then show the image in several resolutions."""
        viewer, image = self._viewer(), self.image
        if viewer is None or image is None or self.at_work:
            return
        pyramid = Pyramid(image.data, rgb=image.rgb)
        lead = viewer.dims.current_step[: viewer.dims.ndim - 2][
            viewer.dims.ndim - image.ndim :
        ]
        shape = spatial_shape(image)
        position = tuple(
            min(max(int(step), 0), length - 1)
            for step, length in zip(lead, shape, strict=False)
        )
        alive, name = weakref.ref(image), image.name

        def work(cancel: CancelToken) -> Pyramid:
            try:
                pyramid.prepare(position, cancel)
            except Cancelled:
                raise
            except Exception as error:
                raise ImageError(
                    f"“{name}” could not be read ({error}). Check that its file is "
                    "still there; the image stays as it is."
                ) from error
            return pyramid

        def done(made: Pyramid) -> None:
            self._at_work = None
            layer = alive()
            if layer is not None:
                self._show(layer, made)
            self.changed.emit()

        self._at_work = self._session.run_aside(work, done, self._on_failed)
        self.changed.emit()

    def dismiss(self) -> None:
        """Offer it no more for this image; stop reading it."""
        image = self.image
        if image is not None:
            self._done.add(image)
        if self._at_work is not None:
            self._at_work.cancel()
            self._at_work = None
        self.changed.emit()

    def close(self) -> None:
        """Offer nothing any more."""
        if self._at_work is not None:
            self._at_work.cancel()
        self._connections.close()

    def _on_failed(self) -> None:
        self._at_work = None
        self.changed.emit()

    def _show(self, image: Image, pyramid: Pyramid) -> None:
        viewer = self._viewer()
        if viewer is None or image not in viewer.layers:
            return
        _, state, _ = image.as_layer_data_tuple()
        state |= {"multiscale": True, "visible": True}
        layer = Layer.create(pyramid.levels, state, "image")
        assert isinstance(layer, Image)
        # They are of the same size, and lie in the same place.
        self._choices.share_labels(layer, image)
        opened_from(layer, image)
        self._done.add(image)
        # By its name, an image that nobody has saved is known again.
        image.name = f"{image.name} · one resolution"
        at_hand, before = self._choices.image is image, viewer.layers.selection.active
        # Who has gone on to another image meanwhile is left there.
        with nullcontext() if at_hand else self._choices.deaf():
            viewer.layers.insert(viewer.layers.index(image) + 1, layer)
            viewer.layers.selection.active = layer if at_hand else before
        image.visible = False
