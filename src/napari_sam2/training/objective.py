"""What training minimises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

FAR = 0.05  # weight of pixels far from the object
CELL = 4  # stride of the logits


def neighbourhood(boxes: Tensor, size: int) -> Tensor:
    """Weight 1 around an object and little elsewhere.

    The image is mostly far from any one object; unweighted, cross-entropy would be
    about telling background from background.

    Parameters
    ----------
    boxes : torch.Tensor
        Visible extent (x, y, x, y) of the objects in cells, shape (objects, 4).
    size : int
        Side of the logits in cells.

    Returns
    -------
    torch.Tensor
        float32 of shape (objects, 1, size, size).
    """
    at = torch.arange(size, dtype=torch.float32) + 0.5
    reach = (boxes[:, 2:] - boxes[:, :2]) / 2 + 3
    low, high = boxes[:, :2] - reach, boxes[:, 2:] + reach
    across = (at >= low[:, :1]) & (at <= high[:, :1])
    down = (at >= low[:, 1:]) & (at <= high[:, 1:])
    near = down[:, None, :, None] & across[:, None, None, :]
    return torch.where(near, 1.0, FAR)


def mask_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy and Dice.

    Parameters
    ----------
    logits : torch.Tensor
        float32 of shape (objects, masks, rows, columns).
    target : torch.Tensor
        Share of the object in every cell, shape (objects, 1, rows, columns).
    weight : torch.Tensor
        From `neighbourhood`, of the same shape as the target.

    Returns
    -------
    torch.Tensor
        Shape (objects, masks).
    """
    target = target.expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(
        logits, target, reduction="none"
    )
    entropy = (entropy * weight).sum((2, 3)) / weight.sum((2, 3))
    chance = logits.sigmoid()
    overlap = (chance * target).sum((2, 3))
    dice = 1 - (2 * overlap + 1) / (chance.sum((2, 3)) + target.sum((2, 3)) + 1)
    return 2 * entropy + dice


@torch.no_grad()
def overlap(logits: Tensor, target: Tensor) -> Tensor:
    """Intersection over union of the masks, shape (objects, masks)."""
    mask, truth = logits > 0, target > 0.5
    both, either = (mask & truth).sum((2, 3)), (mask | truth).sum((2, 3))
    return both / either.clamp(min=1)


class DenseHead(nn.Module):
    """Auxiliary targets on the finest features, used in training only.

    It tells the trunk from the first step what objects look like, while the decoder
    still learns to listen to prompts.

    Parameters
    ----------
    channels : int
        Width of the features.
    """

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 64, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, 4, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Foreground, boundary and offset, shape (batch, 4, rows, columns)."""
        maps: Tensor = self.layers(features)
        return maps


def dense_targets(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the dense head should say about a window.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (size, size).

    Returns
    -------
    numpy.ndarray
        float32 of shape (4, size / 4, size / 4): foreground, boundary between
        labels, and the way to the object's centre of mass (rows, columns), in
        quarters of the window.
    """
    seen = labels[CELL // 2 :: CELL, CELL // 2 :: CELL]
    side = len(seen)
    edge = np.zeros(seen.shape, bool)
    edge[:, 1:] |= seen[:, 1:] != seen[:, :-1]
    edge[1:] |= seen[1:] != seen[:-1]
    flat = seen.ravel()
    at = np.arange(side, dtype=np.float32)
    rows, columns = np.repeat(at, side), np.tile(at, side)
    count = np.maximum(np.bincount(flat), 1)
    down = (np.bincount(flat, rows) / count)[flat] - rows
    across = (np.bincount(flat, columns) / count)[flat] - columns
    # Offsets mean the same length at any window size: 16 cells are a quarter of 256.
    offsets = np.stack([down, across]).reshape(2, side, side) / 16
    return np.concatenate([(seen > 0)[None], edge[None], offsets]).astype(np.float32)


def dense_loss(maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Loss of the dense head.

    Parameters
    ----------
    maps : torch.Tensor
        Output of `DenseHead`.
    targets : torch.Tensor
        From `dense_targets`, of the same shape.
    known : torch.Tensor
        1 for windows whose background is known, else 0, shape (batch,).

    Returns
    -------
    torch.Tensor
        A scalar.
    """
    entropy = functional.binary_cross_entropy_with_logits
    inside = targets[:, 0]
    foreground = entropy(maps[:, 0], inside, reduction="none").mean((1, 2))
    boundary = entropy(
        maps[:, 1], targets[:, 1], reduction="none", pos_weight=maps.new_tensor(3.0)
    ).mean((1, 2))
    error = (maps[:, 2:] - targets[:, 2:]).clamp(-4, 4).abs().sum(1)
    offset = (error * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
    each = foreground + 2 * boundary + 2 * offset
    return (each * known).sum() / known.sum().clamp(min=1)
