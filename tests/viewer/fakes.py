"""A segmenter that finds discs, smoothly, and as fast or slowly as it is told."""

from __future__ import annotations

import threading
from dataclasses import replace
from time import sleep
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_sam2.engines.base import Embedding
from napari_sam2.segmentation.embedded import EmbeddedImage
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.view import View
from tests.annotation.fakes import found_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import PlanePixels
    from napari_sam2.segmentation.prompts import Prompts

MASK_SIZE = 96


class FakeSegmenter:
    """Finds the connected regions of one intensity that hold the inside points,
    and what is bright in a box.

    Attributes
    ----------
    encodes, decodes : list
        What was asked for: planes and prompts.
    seconds : float
        That each decode takes.
    hold_encode : threading.Event
        Cleared: an encode goes on until it is set, or until it is cancelled.
    encoding : threading.Event
        Set while an encode runs.
    error : Exception, optional
        Raised by the next encodes.
    """

    def __init__(self, model: str = "starter", seconds: float = 0.0) -> None:
        self.model = model
        self.device = "cpu"
        self.computes = "torch"
        self.engine = SimpleNamespace(
            image_size=384,
            mask_size=MASK_SIZE,
            model=model,
            name="fake",
            precision="fp32",
            device="cpu",
        )
        self.seconds = seconds
        self.score = 0.9
        self.zoom = False
        self.encodes: list[np.ndarray[Any, Any]] = []
        self.views: list[View] = []
        self.decodes: list[Prompts] = []
        self.hold_encode = threading.Event()
        self.hold_encode.set()
        self.encoding = threading.Event()
        self.cancelled = 0
        self.error: Exception | None = None

    def embed_plane(
        self,
        pixels: PlanePixels,
        view: View | None = None,
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> EmbeddedImage:
        if view is None:
            view = View.whole(pixels.shape, self.engine.image_size)
        gray = pixels.seen(view)[..., 0]
        if self.error is not None:
            raise self.error
        self.encodes.append(gray)
        self.views.append(view)
        if progress is not None:
            progress(0.4)
        self.encoding.set()
        try:
            while not self.hold_encode.wait(0.005):
                if cancel is not None and cancel.cancelled:
                    self.cancelled += 1
                    cancel.raise_if_cancelled()
        finally:
            self.encoding.clear()
        return EmbeddedImage(view, Embedding(gray, gray.nbytes), str(id(gray)), pixels)

    def predict_prompts(
        self, image: EmbeddedImage, prompts: Prompts, *, multimask: bool | None = None
    ) -> Prediction:
        self.decodes.append(prompts)
        sleep(self.seconds)  # the engine that is slow, not a test that waits
        pixels = image.embedding.payload
        mask = found_at(pixels, image.view, prompts)
        answer = Prediction(self.score, smooth_logits(mask), image.view)
        if prompts.choice is None and not prompts.ambiguous:
            return answer
        return replace(answer, rank=1 if prompts.choice is None else prompts.choice)

    def predict_in(
        self,
        image: EmbeddedImage,
        view: View,
        prompts: Prompts,
        *,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        return self.predict_prompts(image, prompts)


def smooth_logits(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Turn a mask into logits that are steep, but not infinitely so, at its edge."""
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    distance = np.where(mask, inside - 0.5, 0.5 - outside)
    places = [
        (np.arange(MASK_SIZE) + 0.5) * length / MASK_SIZE - 0.5 for length in mask.shape
    ]
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    logits = ndimage.map_coordinates(distance, grid, order=1, mode="nearest")
    return np.clip(logits, -16, 16).astype(np.float32)


def discs(
    centers: list[tuple[int, int]], shape: tuple[int, int], radius: int
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Draw bright discs, each of an intensity of its own, on black."""
    rows, cols = np.indices(shape)
    image = np.zeros(shape, np.uint8)
    for number, (row, col) in enumerate(centers):
        image[np.hypot(rows - row, cols - col) <= radius] = 100 + 30 * number
    return image
