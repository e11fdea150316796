"""An engine that answers at once, and predictably."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.engines.base import Decoded, Embedding, Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_sam2.engines.cancellation import CancelToken


class FakeEngine(Engine):
    """Draws a disc around the first token; three times larger for the second."""

    name = "fake"
    device = "cpu"
    image_size = 64
    mask_size = 16

    def __init__(self, model: str = "fake") -> None:
        self.model = model
        self.images: list[NDArray[np.uint8]] = []
        self.prompts: list[dict[str, Any]] = []

    def encode(
        self,
        image: NDArray[np.uint8],
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Embedding:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None:
            progress(1.0)
        self.images.append(image)
        return Embedding(payload=len(self.images), nbytes=1000)

    def decode(
        self,
        embedding: Embedding,
        *,
        points: NDArray[np.float32] | None = None,
        labels: NDArray[np.int32] | None = None,
        boxes: NDArray[np.float32] | None = None,
        masks: NDArray[np.float32] | None = None,
        multimask: bool = False,
    ) -> Decoded:
        self.prompts.append(
            {
                "points": points,
                "labels": labels,
                "boxes": boxes,
                "masks": masks,
                "multimask": multimask,
            }
        )
        x, y = (32.0, 32.0) if points is None else points[0, 0]
        scale = self.image_size / self.mask_size
        rows, cols = (np.mgrid[:16, :16] + 0.5) * scale - 0.5
        distance = np.hypot(rows - y, cols - x)
        radii = (6.0, 18.0, 12.0) if multimask else (12.0,)
        logits = np.array([[r - distance for r in radii]], dtype=np.float32)
        scores = np.array([[0.5, 0.9, 0.7][: len(radii)]], dtype=np.float32)
        return Decoded(logits, scores)


class PackingEngine(FakeEngine):
    """Its embeddings are 4,000 bytes that say what they are of."""

    def encode(self, image: NDArray[np.uint8], **options: Any) -> Embedding:
        super().encode(image, **options)
        return embedding(int(image.sum()))

    def pack(self, embedding: Embedding) -> dict[str, NDArray[Any]] | None:
        return {"values": embedding.payload}

    def unpack(self, arrays: dict[str, NDArray[Any]]) -> Embedding:
        return Embedding(arrays["values"], arrays["values"].nbytes)


def embedding(value: int) -> Embedding:
    values = np.full(1000, value, np.float32)
    return Embedding(values, values.nbytes)
