"""Learning from a larger model: what does it say to the same prompts?

Distillation with prompts in the loop, as EdgeSAM does it (Zhou et al. 2023,
arXiv:2312.06660): teacher and student see the same window and the same click or box,
and the student's mask is drawn to the teacher's as well as to the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_sam2.training.objective import CELL, overlap
from napari_sam2.training.prompts import TOP_LEFT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_sam2.engines.base import Engine
    from napari_sam2.training.batches import Batch, Group

# A teacher that is this wrong about an object has nothing to say about it.
WRONG = 0.5


@dataclass(frozen=True)
class Lesson:
    """What the teacher says of the objects of a group.

    Attributes
    ----------
    target : torch.Tensor
        Probability of the object in every cell, shape (objects, 1, rows, columns).
    weight : torch.Tensor
        How much to listen, shape (objects,): 0 where the teacher means something else
        than the label.
    """

    target: Tensor
    weight: Tensor


class Tutor:
    """A larger model that answers the first prompts of a batch.

    Parameters
    ----------
    engine : Engine
        The larger model.
    weight : float
        Weight of its lessons.
    """

    def __init__(self, engine: Engine, weight: float) -> None:
        self.engine = engine
        self.weight = weight

    @classmethod
    def of(cls, model: str, device: str, weight: float) -> Tutor:
        """Load a model of the catalogue, or a checkpoint.

        Raises
        ------
        ModelError
            If its weights are missing or are not what they claim to be.
        """
        from napari_sam2.engines import create_engine
        from napari_sam2.models.catalog import get_model

        return cls(create_engine(get_model(model), device), weight)

    def lessons(self, batch: Batch) -> list[Lesson | None]:
        """Answer the first prompts of every group of a batch."""
        size = batch.images.shape[-1]
        pixels = (batch.images.float() * 255).round().byte().permute(0, 2, 3, 1)
        embeddings = [self.engine.encode(image) for image in pixels.cpu().numpy()]
        lessons: list[Lesson | None] = []
        for group in batch.groups:
            windows = _by_window(group.index)
            logits = torch.cat(
                [
                    self._answer(embeddings[window], group, rows, size)
                    for window, rows in windows
                ]
            )
            order = torch.cat([rows for _, rows in windows])
            logits = logits[order.argsort()].to(group.target.device)
            lessons.append(self._lesson(logits, group))
        return lessons

    def _answer(
        self, embedding: object, group: Group, rows: Tensor, size: int
    ) -> Tensor:
        """Logits of all candidates, shape (objects, candidates, rows, columns)."""
        # The engine counts from pixel centres, training from the edge.
        scale = self.engine.image_size / size
        points: NDArray[np.float32] = (group.points[rows] * scale - 0.5).cpu().numpy()
        labels: NDArray[np.int32] = group.labels[rows].cpu().numpy()
        boxed = int(labels[0, 0]) == TOP_LEFT
        decoded = self.engine.decode(
            embedding,  # type: ignore[arg-type]
            points=None if boxed else points,
            labels=None if boxed else labels,
            boxes=points.reshape(-1, 4) if boxed else None,
            multimask=not boxed,
        )
        side = size // CELL
        return functional.interpolate(
            torch.from_numpy(decoded.logits), (side, side), mode="bilinear"
        )

    def _lesson(self, logits: Tensor, group: Group) -> Lesson:
        agreement = overlap(logits, group.target)
        # Of part, object and whole, the one that the label means.
        best, which = agreement.max(1)
        chosen = logits.gather(
            1, which[:, None, None, None].expand(-1, 1, *logits.shape[2:])
        )
        weight = self.weight * best * (best > WRONG)
        return Lesson(chosen.sigmoid(), weight)


def _by_window(index: Tensor) -> list[tuple[int, Tensor]]:
    """Rows of a group, by window."""
    index = index.cpu()
    return [
        (int(window), torch.nonzero(index == window)[:, 0]) for window in index.unique()
    ]
