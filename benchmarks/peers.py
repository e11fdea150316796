"""What other plugins do, as closely as it can be put into one class.

The official ``SAM2ImagePredictor`` is asked on the window's own thread, and its
answer, a mask of the size of the image, is assigned to a Labels layer as a whole.
The weights are those of the starter, so that only the way differs.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchmarks.stage import Stage
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["Peer", "official_predictor"]


class Peer:
    """Answers each mouse move at once, in the callback.

    Attributes
    ----------
    handed : list of float
        When each mask was in the layer, by `time.perf_counter`.
    answered : list of tuple
        The same, each with the ``(row, col)`` that was asked for.
    """

    def __init__(self, stage: Stage, predictor: Any) -> None:
        self.handed: list[float] = []
        self.answered: list[tuple[float, tuple[float, float]]] = []
        self._predictor = predictor
        image = stage.image
        low, high = image.contrast_limits
        gray = np.clip((image.data - low) / (high - low) * 255, 0, 255)
        rgb = np.repeat(gray.astype(np.uint8)[..., np.newaxis], 3, axis=-1)
        self._predictor.set_image(rgb)
        shape = image.data.shape
        self._layer = stage.viewer.add_labels(np.zeros(shape, np.uint8), name="mask")
        self._image = image
        stage.viewer.layers.selection.active = image
        stage.viewer.mouse_move_callbacks.append(self._on_move)

    def _on_move(self, _: Any, event: Any) -> None:
        row, col = self._image.world_to_data(event.position)
        if not (0 <= row < self._image.data.shape[0]):
            return
        masks, scores, _ = self._predictor.predict(
            point_coords=np.array([[col, row]]),
            point_labels=np.array([1]),
            multimask_output=True,
        )
        self._layer.data = masks[int(np.argmax(scores))].astype(np.uint8)
        self.handed.append(time.perf_counter())
        self.answered.append((self.handed[-1], (float(row), float(col))))


def official_predictor(spec: ModelSpec) -> Any:
    """Return the official predictor with the weights of a model."""
    from napari_sam2.models.build import build_model

    with warnings.catch_warnings():
        # It scripts its transforms, which torch deprecates.
        warnings.simplefilter("ignore")
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        predictor = SAM2ImagePredictor(build_model(spec))
    # It takes every model for one of 1024 pixels.
    side = predictor.model.image_size
    predictor._bb_feat_sizes = [(side // n, side // n) for n in (4, 8, 16)]
    return predictor
