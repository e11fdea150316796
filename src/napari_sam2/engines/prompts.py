"""A batch of prompts, checked and put as the model's decoder wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PromptBatch"]

# The corners of a box are points of two more kinds.
_BOX_LABELS = (2, 3)
_PADDING = -1


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Prompts of ``n`` objects, with as many points for each.

    Attributes
    ----------
    points : ndarray of float32, shape (n, k, 2)
        ``(x, y)`` in pixels of the model's input: the corners of the box if there is
        one, then the points, then the padding that the official predictor adds. Empty
        (k is 0) for an object that is prompted by a mask only.
    labels : ndarray of int32, shape (n, k)
        1 inside, 0 outside, 2 and 3 the first and the last corner, -1 padding.
    masks : ndarray of float32, shape (n, 1, side, side), or None
        Logits of earlier answers.
    """

    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    masks: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(
        cls,
        mask_size: int,
        points: npt.NDArray[np.float32] | None,
        labels: npt.NDArray[np.int32] | None,
        boxes: npt.NDArray[np.float32] | None,
        masks: npt.NDArray[np.float32] | None,
    ) -> PromptBatch:
        """Join what :meth:`napari_sam2.engines.base.Engine.decode` was given.

        Raises
        ------
        EngineError
            If the prompts do not form one batch.
        """
        n = _batch_size(mask_size, points, labels, boxes, masks)
        places, kinds = [], []
        if boxes is not None:
            places.append(np.reshape(boxes, (n, 2, 2)))
            kinds.append(np.tile(_BOX_LABELS, (n, 1)))
        if points is not None and labels is not None:
            places.append(points)
            kinds.append(labels)
        padding = 1 if places else 0
        places.append(np.zeros((n, padding, 2), dtype=np.float32))
        kinds.append(np.full((n, padding), _PADDING, dtype=np.int32))
        return cls(
            np.concatenate(places, axis=1).astype(np.float32),
            np.concatenate(kinds, axis=1).astype(np.int32),
            None if masks is None else np.array(masks, dtype=np.float32),
        )

    def parts(self, size: int) -> list[PromptBatch]:
        """Cut into batches of at most ``size`` objects."""
        if len(self) <= size:
            return [self]
        slices = [slice(at, at + size) for at in range(0, len(self), size)]
        return [
            PromptBatch(
                self.points[part],
                self.labels[part],
                None if self.masks is None else self.masks[part],
            )
            for part in slices
        ]


def _batch_size(
    side: int,
    points: npt.NDArray[np.float32] | None,
    labels: npt.NDArray[np.int32] | None,
    boxes: npt.NDArray[np.float32] | None,
    masks: npt.NDArray[np.float32] | None,
) -> int:
    given = {"points": points, "labels": labels, "boxes": boxes, "masks": masks}
    sizes = {len(part) for part in (points, boxes, masks) if part is not None}
    k = 0 if points is None or points.ndim < 2 else points.shape[1]
    if (
        len(sizes) != 1
        or (points is None) != (labels is None)
        or (points is not None and points.shape[1:] != (k, 2))
        or (labels is not None and labels.shape != (*sizes, k))
        or (boxes is not None and boxes.shape[1:] != (4,))
        or (masks is not None and masks.shape[1:] != (1, side, side))
    ):
        shapes = {
            name: None if part is None else part.shape for name, part in given.items()
        }
        raise EngineError(f"These prompts do not form one batch: {shapes}.")
    return sizes.pop()
