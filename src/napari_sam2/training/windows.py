"""Windows of a virtual view.

Inference squashes a whole view to the model's input of 512 x 512 pixels. Training on
such views is expensive, so most steps see a window of one, 256 x 256 pixels say, at a
place that is a multiple of the feature stride. Position encodings and prompts are
those of the whole view: what a window teaches holds at inference, at a quarter of the
cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from napari_sam2.training.augment import recolour

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_sam2.training.data import Sample

STRIDE = 16  # of the image embedding
VIEW = 512  # side of the model's input


@dataclass(frozen=True)
class Window:
    """A window and the objects to prompt in it.

    Attributes
    ----------
    image : torch.Tensor
        float32 of shape (3, size, size), 0-1.
    labels : numpy.ndarray
        int64 of shape (size, size).
    numbers : numpy.ndarray
        Labels of the objects to prompt.
    boxes : numpy.ndarray
        float32 of shape (objects, 4): their whole bounding boxes (x, y, x, y) in
        pixels of the window; they may reach beyond it.
    origin : tuple of int
        Row and column of the window in the view, multiples of `STRIDE`.
    sparse : bool
        Background is unknown.
    """

    image: Tensor
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]
    boxes: NDArray[np.float32]
    origin: tuple[int, int]
    sparse: bool


def window_encoding(dense: Tensor, origin: tuple[int, int], size: int) -> Tensor:
    """Part of the dense position encoding that belongs to a window.

    Parameters
    ----------
    dense : torch.Tensor
        Position encoding of the whole view, shape (1, channels, rows, columns).
    origin : tuple of int
        Row and column of the window in pixels of the view.
    size : int
        Side of the window in pixels.

    Returns
    -------
    torch.Tensor
        Shape (1, channels, size / 16, size / 16).
    """
    row, column, side = origin[0] // STRIDE, origin[1] // STRIDE, size // STRIDE
    return dense[:, :, row : row + side, column : column + side]


def cut(
    sample: Sample,
    size: int,
    whole_view: bool,
    objects: int,
    smallest: int,
    rng: np.random.Generator,
) -> Window | None:
    """Cut a window out of a sample, flipped and recoloured at random.

    Parameters
    ----------
    sample : Sample
        Image and objects.
    size : int
        Side of the window in pixels of the view.
    whole_view : bool
        Scale as inference does, the whole image to the view; else give a random
        object a random size.
    objects : int
        Most objects to prompt.
    smallest : int
        Least area of a prompted object in the window.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Window or None
        None if no object is large enough.
    """
    turn = int(rng.integers(8))
    image, labels = _orient(sample.image, turn), _orient(sample.labels, turn)
    shape = labels.shape
    boxes = _orient_boxes(sample.boxes, turn, sample.labels.shape)
    chosen = boxes[rng.integers(len(boxes))]
    if whole_view:
        (r0, r1, y), (c0, c1, x) = (
            _place_in_view(shape[k], chosen[1 + k], chosen[3 + k], size, rng)
            for k in (0, 1)
        )
    else:
        extent = max(chosen[3] - chosen[1], chosen[4] - chosen[2])
        wanted = np.exp(rng.uniform(np.log(20), np.log(0.95 * size)))
        reach = max(extent * size / wanted, size / 6)
        (r0, r1, y), (c0, c1, x) = (
            _place_on_object(
                shape[k],
                chosen[1 + k],
                chosen[3 + k],
                reach * np.exp(rng.uniform(-0.15, 0.15)),
                size,
                rng,
            )
            for k in (0, 1)
        )
    rows = r0 + ((np.arange(size) + 0.5) * (r1 - r0) / size).astype(int)
    columns = c0 + ((np.arange(size) + 0.5) * (c1 - c0) / size).astype(int)
    seen = labels[rows[:, None], columns[None]].astype(np.int64)
    area = np.bincount(seen.ravel())
    area[0] = 0
    numbers = np.nonzero(area >= smallest)[0]
    if len(numbers) == 0:
        return None
    numbers = rng.permutation(numbers)[:objects]
    order = {int(row[0]): row for row in boxes}
    tight = np.array([order[int(n)][1:] for n in numbers], np.float32)
    return Window(
        image=recolour(_resize(image[r0:r1, c0:c1], size), sample.limits, rng),
        labels=seen,
        numbers=numbers,
        boxes=_to_window(tight, (r0, c0), (size / (r1 - r0), size / (c1 - c0))),
        origin=(y, x),
        sparse=sample.sparse,
    )


def _place_in_view(
    length: int, start: int, stop: int, size: int, rng: np.random.Generator
) -> tuple[int, int, int]:
    """Source start, source stop and place in the view along one axis."""
    scale = VIEW / length
    within = rng.uniform(start, stop) * scale - size * rng.uniform(0.15, 0.85)
    place = int(np.clip(round(within / STRIDE) * STRIDE, 0, VIEW - size))
    low = int(place / scale)
    return low, min(length, max(low + 1, round((place + size) / scale))), place


def _place_on_object(
    length: int,
    start: int,
    stop: int,
    reach: float,
    size: int,
    rng: np.random.Generator,
) -> tuple[int, int, int]:
    """Source start, source stop and place in the view along one axis."""
    span = int(np.clip(reach, min(16, length), length))
    low = rng.uniform(start, stop) - span * rng.uniform(0.2, 0.8)
    low = int(np.clip(low, 0, length - span))
    place = int(rng.integers((VIEW - size) // STRIDE + 1)) * STRIDE
    return low, low + span, place


def _to_window(
    boxes: NDArray[np.float32], start: tuple[int, int], scale: tuple[float, float]
) -> NDArray[np.float32]:
    """Centres of the corner pixels as (x, y, x, y) in pixels of the window."""
    rows, columns = boxes[:, 0::2] - start[0], boxes[:, 1::2] - start[1]
    half = np.array([0.5, -0.5], np.float32)
    rows, columns = (rows + half) * scale[0], (columns + half) * scale[1]
    return np.stack([columns, rows], -1).reshape(-1, 4).astype(np.float32)


def _resize(image: NDArray[np.uint8], size: int) -> Tensor:
    """Antialiased, as the official preprocessing; float32 (1 or 3, size, size)."""
    pixels = torch.from_numpy(np.array(image, np.float32))
    pixels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    return functional.interpolate(
        pixels[None], (size, size), mode="bilinear", antialias=True
    )[0]


def _orient(array: Any, turn: int) -> Any:
    """One of the eight symmetries of the square."""
    if turn & 4:
        array = array.swapaxes(0, 1)
    return array[:: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1]


def _orient_boxes(
    boxes: NDArray[np.int32], turn: int, shape: tuple[int, ...]
) -> NDArray[np.int32]:
    """The boxes that `_orient` makes of boxes (label, row, column, row, column)."""
    rows, columns = shape
    boxes = boxes.copy()
    if turn & 4:
        boxes = boxes[:, [0, 2, 1, 4, 3]]
        rows, columns = columns, rows
    if turn & 1:
        boxes[:, [1, 3]] = rows - boxes[:, [3, 1]]
    if turn & 2:
        boxes[:, [2, 4]] = columns - boxes[:, [4, 2]]
    return boxes
