"""A segmenter whose answers can be foreseen, and waited for."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_sam2.engines.base import Embedding
from napari_sam2.segmentation.embedded import EmbeddedImage
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.seen import seen_in
from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import PlanePixels
    from napari_sam2.segmentation.prompts import Prompts

MASK_SIZE = 64


class FakeSegmenter:
    """Finds the connected regions of one intensity that hold the inside points,
    and what is bright in a box.

    Attributes
    ----------
    encodes, decodes : list
        What was asked for.
    encoding, stopped : threading.Event
        An encode has begun; one was cancelled.
    hold_encode, hold_decode : threading.Event
        Cleared: the call blocks until it is set (an encode, until cancelled).
    """

    def __init__(self, model: str = "fake") -> None:
        self.model = model
        self.device = "cpu"
        self.computes = "torch"
        self.engine = SimpleNamespace(
            image_size=256,
            mask_size=MASK_SIZE,
            model=model,
            name="fake",
            precision="fp32",
            device="cpu",
        )
        self.encodes: list[np.ndarray[Any, Any]] = []
        self.views: list[View] = []
        self.decodes: list[Prompts] = []
        self.cancelled = 0
        self.encoding = threading.Event()
        self.stopped = threading.Event()
        self.hold_encode = threading.Event()
        self.hold_encode.set()
        self.hold_decode = threading.Event()
        self.hold_decode.set()
        self.error: Exception | None = None
        self.zoom = False
        self.hold_look = threading.Event()
        self.hold_look.set()

    def embed_plane(
        self,
        pixels: PlanePixels,
        view: View | None = None,
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> EmbeddedImage:
        if self.error is not None:
            raise self.error
        if view is None:
            view = View.whole(pixels.shape, self.engine.image_size)
        image = pixels.seen(view)[..., 0]
        self.encodes.append(image)
        self.views.append(view)
        if progress is not None:
            progress(0.0)
        self.encoding.set()
        held = True
        while held:
            held = not self.hold_encode.wait(0.005)
            if cancel is not None and cancel.cancelled:
                self.cancelled += 1
                self.encoding.clear()
                self.stopped.set()
                cancel.raise_if_cancelled()
        self.encoding.clear()
        return EmbeddedImage(
            view, Embedding(image, image.nbytes), str(id(image)), pixels
        )

    def predict_prompts(
        self, image: EmbeddedImage, prompts: Prompts, *, multimask: bool | None = None
    ) -> Prediction:
        self.decodes.append(prompts)
        assert self.hold_decode.wait(10)
        pixels = image.embedding.payload
        mask = found_at(pixels, image.view, prompts)
        rows, cols = (np.arange(MASK_SIZE) * s // MASK_SIZE for s in pixels.shape)
        logits = np.where(mask[np.ix_(rows, cols)], 8.0, -8.0).astype(np.float32)
        return Prediction(0.9, logits, image.view)

    def predict_in(
        self,
        image: EmbeddedImage,
        view: View,
        prompts: Prompts,
        *,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        return self.predict_prompts(image, prompts)

    def look_closer(
        self,
        image: EmbeddedImage,
        prompts: Prompts,
        prediction: Prediction,
        *,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        """Find that the object is larger by a pixel all around."""
        while not self.hold_look.wait(0.005):
            if cancel is not None:
                cancel.raise_if_cancelled()
        logits = np.where(
            ndimage.binary_dilation(prediction.logits > 0), 8.0, -8.0
        ).astype(np.float32)
        return Prediction(0.95, logits, prediction.view)


def discs(
    centres: list[tuple[int, int]], shape: tuple[int, int] = (64, 64), radius: int = 6
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Draw bright discs, each of an intensity of its own, on black."""
    rows, cols = np.indices(shape)
    image = np.zeros(shape, np.uint8)
    for number, (row, col) in enumerate(centres):
        image[np.hypot(rows - row, cols - col) <= radius] = 100 + 20 * number
    return image


def found_at(
    pixels: np.ndarray[Any, Any], view: View, prompts: Prompts
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return what the fakes find: connected regions of one intensity."""
    mask = np.zeros(pixels.shape, bool)
    prompts = seen_in(view, prompts)
    # Large views come at a lower resolution.
    scale = np.array(pixels.shape) / (view.height, view.width)
    if prompts.bounds is not None:
        low, high = prompts.bounds[:2], prompts.bounds[2:]
        window = view.window[:2]
        (r0, c0), (r1, c1) = (
            np.clip(np.round((np.array(at) - window) * scale), 0, None).astype(int)
            for at in (low, high)
        )
        mask[r0 : r1 + 1, c0 : c1 + 1] = pixels[r0 : r1 + 1, c0 : c1 + 1] > 0
    for row, col, inside in prompts.places:
        at = (np.array([row, col]) - view.window[:2]) * scale
        place = tuple(np.clip(np.round(at), 0, np.array(mask.shape) - 1).astype(int))
        regions, _ = ndimage.label(pixels == pixels[place])
        mask[regions == regions[place]] = inside
    return mask
