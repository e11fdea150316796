"""The clicks and boxes a user would make, drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage as ndi
from torch.nn import functional

from napari_sam2.training.windows import VIEW

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = 0, 1, 2, 3  # labels of SAM's points


def first_click(
    mask: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[float, float]:
    """Click on an object: half the time anywhere, else near its deepest point.

    Parameters
    ----------
    mask : numpy.ndarray
        bool of shape (rows, columns), not empty.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of float
        (x, y) in pixels, where a pixel's centre lies at half integers.
    """
    used_rows, used_columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    r0, c0 = int(used_rows[0]), int(used_columns[0])
    inner = mask[r0 : used_rows[-1] + 1, c0 : used_columns[-1] + 1]
    if rng.random() < 0.5:
        rows, columns = inner.nonzero()
    else:
        step = 1 + max(inner.shape) // 96  # depth need not be exact on large objects
        depth = ndi.distance_transform_edt(np.pad(inner[::step, ::step], 1))
        depth = depth[1:-1, 1:-1]
        share = 1.0 if rng.random() < 0.5 else 0.6
        rows, columns = (depth >= share * depth.max()).nonzero()
        rows, columns = rows * step, columns * step
    k = rng.integers(len(rows))
    return (
        c0 + columns[k] + rng.uniform(0.2, 0.8),
        r0 + rows[k] + rng.uniform(0.2, 0.8),
    )


def loose_box(
    box: NDArray[np.float32], origin: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Move the corners of a box as a hasty user would.

    Parameters
    ----------
    box : numpy.ndarray
        (x, y, x, y) in pixels of the window.
    origin : tuple of int
        Row and column of the window in the view.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        float32 of shape (2, 2): the corners (x, y), kept inside the view.
    """
    corners = box.reshape(2, 2)
    extent = corners[1] - corners[0]
    loose = rng.choice([0.01, 0.05, 0.1], p=[0.4, 0.4, 0.2])
    moved = corners + rng.normal(0, 1, (2, 2)) * np.minimum(loose * extent, 20)
    low = np.array([-origin[1], -origin[0]], np.float32)
    kept: NDArray[np.float32] = np.clip(moved, low, low + VIEW).astype(np.float32)
    return kept


def correction(
    logits: Tensor, target: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Click into the error of a mask: its deepest place, or anywhere in it.

    Depth is counted in erosions at the logits' resolution, which is coarser than a
    distance transform of the full mask but handles all objects at once.

    Parameters
    ----------
    logits : torch.Tensor
        Shape (objects, 1, rows, columns).
    target : torch.Tensor
        Share of the object in every cell, 0-1, of the same shape.
    generator : torch.Generator
        Source of randomness, on the CPU: the same clicks on every device.

    Returns
    -------
    tuple of torch.Tensor
        Points (x, y) of shape (objects, 1, 2) in cells, whose centres lie at half
        integers, and labels of shape (objects, 1).
    """
    truth = target > 0.5
    error = (logits > 0) != truth
    # Where nothing is wrong, another click on the object confirms it.
    perfect = ~error.flatten(1).any(1)
    error = torch.where(
        perfect[:, None, None, None], target >= target.amax((2, 3), True), error
    ).float()
    depth, left = error.clone(), error
    for _ in range(10):
        left = -functional.max_pool2d(-left, 3, stride=1, padding=1)
        depth += left
    device = error.device
    noise = torch.rand(error.shape, generator=generator).to(device)
    anywhere = torch.rand((len(error), 1, 1, 1), generator=generator).to(device) < 0.4
    score = error * torch.where(anywhere, 1 + noise, depth + noise)
    best = score.flatten(1).argmax(1)
    columns = error.shape[-1]
    cells = torch.stack([best % columns, best // columns], -1).float()
    shift = torch.rand(cells.shape, generator=generator).to(device)
    clicked = truth.flatten(1).gather(1, best[:, None])[:, 0]
    labels = clicked | perfect
    return (cells + shift)[:, None], labels[:, None].int()
