"""Random models in the official architecture, and the official predictor on them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sam2.sam2_image_predictor import SAM2ImagePredictor

from napari_sam2.models.architecture import build_architecture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from napari_sam2.engines.base import Engine


def randomized(config: str | Path, seed: int = 3) -> nn.Module:
    """Build a model in which no parameter is left at a value that hides bugs.

    SAM 2 begins with norms of 1 and many zeros (the memory embedding that the
    image gets, among others): code that forgets them would pass unnoticed.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_architecture(config).eval()
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point() and tensor.numel() > 1 and tensor.std() == 0:
            noise = torch.rand(tensor.shape, generator=generator)
            tensor.data += 0.2 * noise
    return model


def official(model: nn.Module) -> SAM2ImagePredictor:
    """Wrap a model in the official predictor, whatever the size of its input."""
    with warnings.catch_warnings():
        # It scripts its transforms, which torch deprecates.
        warnings.simplefilter("ignore")
        predictor = SAM2ImagePredictor(model)
    side = model.image_size
    predictor._bb_feat_sizes = [(side // s, side // s) for s in (4, 8, 16)]
    return predictor


def picture(rows: int, cols: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw blobs of color, so that the features differ from place to place."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :cols]
    image = np.full((rows, cols, 3), 40.0)
    for _ in range(30):
        row, col = random.uniform(0, rows), random.uniform(0, cols)
        radius = random.uniform(0.02, 0.1) * max(rows, cols)
        inside = np.hypot(y - row, x - col) < radius
        image[inside] += random.uniform(20, 160, 3)
    image += random.normal(0, 6, image.shape)
    return image.clip(0, 255).astype(np.uint8)


class Pair:
    """Our engine and the official predictor: same weights, same image."""

    def __init__(self, engine: Engine, model: nn.Module) -> None:
        side = model.image_size
        self.image = picture(side, side)
        self.engine = engine
        self.embedding = self.engine.encode(self.image)
        self.predictor = official(model)
        self.predictor.set_image(self.image)

    def official(self, **prompts: Any) -> tuple[NDArray[Any], ...]:
        """Return masks, scores and low-resolution logits."""
        result: tuple[NDArray[Any], ...] = self.predictor.predict(**prompts)
        return result
