"""Random intensities: what another microscope would have made of the same scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def normalise(images: Tensor) -> Tensor:
    """Apply the mean and deviation that SAM 2 expects.

    Parameters
    ----------
    images : torch.Tensor
        Shape (batch, 3, rows, columns), 0-1.

    Returns
    -------
    torch.Tensor
        Of the same shape.
    """
    mean = images.new_tensor(MEAN)[:, None, None]
    return (images - mean) / images.new_tensor(DEVIATION)[:, None, None]


def recolour(
    pixels: Tensor, limits: tuple[float, float], rng: np.random.Generator
) -> Tensor:
    """Stretch, colour, blur and roughen an image.

    Parameters
    ----------
    pixels : torch.Tensor
        float32 of shape (1 or 3, rows, columns), 0-255.
    limits : tuple of float
        Intensities that a viewer would show as black and white.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    torch.Tensor
        float32 of shape (3, rows, columns), 0-1.
    """
    # A torch generator is faster than numpy at normal noise, and seeded from it.
    noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
    low, high = limits
    if rng.random() < 0.2:  # as stored; inference on 8-bit images may do so
        low, high = 0.0, 255.0
    span = max(high - low, 8.0)
    low, high = (
        low - span * rng.uniform(-0.05, 0.1),
        high + span * rng.uniform(-0.2, 0.2),
    )
    image = ((pixels - low) / (high - low)).clamp(0, 1)
    if rng.random() < 0.15:
        image = _blur(image, rng)
    if rng.random() < 0.2:
        image = 1 - image
    image = image.clamp(1e-4, 1) ** float(np.exp(rng.uniform(-0.5, 0.5)))
    image = _paint(image, rng)
    image = image * rng.uniform(0.75, 1.1) + rng.uniform(-0.08, 0.1)
    if rng.random() < 0.4:
        error = torch.randn(image.shape[1:], generator=noise)
        shot = rng.random() < 0.5  # noise of photons grows with the signal
        level = image.clamp(0, 1).sqrt() if shot else 1.0
        image = image + rng.uniform(0, 0.08) * level * error
    return image.clamp(0, 1)


def _paint(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Give gray images colours now and then, and take them from coloured ones."""
    if image.shape[0] == 1:
        image = image.expand(3, -1, -1)
        if rng.random() < 0.12:
            dark, bright = rng.uniform(0, 1, (2, 3, 1, 1)).astype(np.float32)
            # Colours that differ too little would hide the objects.
            bright = np.clip(bright + np.sign(bright.mean() - dark.mean()) * 0.4, 0, 1)
            return (
                torch.from_numpy(dark) * (1 - image) + torch.from_numpy(bright) * image
            )
        return image
    if rng.random() < 0.2:
        return image.mean(0, keepdim=True).expand(3, -1, -1)
    if rng.random() < 0.15:
        image = image[torch.from_numpy(rng.permutation(3))]
    gains = torch.from_numpy(rng.uniform(0.85, 1.15, (3, 1, 1)).astype(np.float32))
    return (image * gains).clamp(0, 1)


def _blur(image: Tensor, rng: np.random.Generator) -> Tensor:
    sigma = rng.uniform(0.5, 2.0)
    reach = int(2.5 * sigma) + 1
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = functional.pad(image[:, None], (reach,) * 4, mode="reflect")
    rows = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1))[:, 0]
