"""Fluorescent cells side by side: colonies with filled bodies, stained membranes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.synthesis.fields import depth, fractal_noise, smooth_noise, warped_grid
from napari_sam2.synthesis.optics import blur, camera, eight_bit, illumination
from napari_sam2.synthesis.shapes import mosaic, pieces, scatter

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cells(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Paint touching cells with a brighter or darker nucleus each.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint16, and labels, int32.
    """
    spacing = rng.uniform(30, 80)
    rows, columns = warped_grid(shape, spacing * 0.1, spacing * 0.6, rng)
    points = scatter(shape, spacing, rng, regularity=0.5, margin=spacing)
    labels, _ = mosaic(rows, columns, points, rng.uniform(0.6, 1.6))
    # Colonies with free ground between them.
    ground = fractal_noise(shape, spacing * 2.5, rng, octaves=3)
    labels[ground < rng.uniform(-1.2, 0.2)] = 0
    labels = pieces(labels, smallest=int(spacing**2 / 8))

    inside = depth(labels)
    brightness = 0.45 * np.exp(rng.normal(0, 0.35, labels.max() + 1))
    brightness[0] = 0
    body = brightness[labels].astype(np.float32)
    body *= np.clip(inside / (spacing * 0.25), 0.25, 1) ** 0.6
    body *= np.clip(1 + 0.18 * fractal_noise(shape, spacing * 0.2, rng), 0.3, 2)
    nucleus = inside > spacing * rng.uniform(0.22, 0.3)
    body = np.where(nucleus, body * rng.choice([0.45, 1.7]), body)
    light = blur(body, rng.uniform(0.8, 2.0)) + 0.05 * illumination(shape, 0.5, rng)
    photons = float(np.exp(rng.uniform(np.log(120), np.log(2000))))
    return camera(light, photons, rng), labels


def membranes(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint tissue whose cell membranes are stained (confocal section).

    The labels meet in the middle of the membranes.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels, int32.
    """
    spacing = rng.uniform(22, 70)
    rows, columns = warped_grid(shape, spacing * 0.12, spacing * 0.9, rng)
    points = scatter(shape, spacing, rng, regularity=0.55, margin=spacing)
    labels, gap = mosaic(rows, columns, points, rng.uniform(0.7, 1.8))
    if rng.random() < 0.5:  # a piece of tissue rather than a full field
        outside = smooth_noise(shape, max(shape) / 2, rng) < rng.uniform(-1.2, -0.3)
        labels[outside] = 0
    labels = pieces(labels, smallest=int(spacing**2 / 10))

    width = rng.uniform(0.8, 2.2)
    wall = np.exp(-((gap / (2 * width)) ** 2))
    wall *= np.clip(1 + 0.35 * smooth_noise(shape, spacing * 0.4, rng), 0.15, 2)
    wall[labels == 0] *= 0.15
    light = 0.7 * blur(wall, rng.uniform(0.6, 1.3))
    light += 0.06 * np.abs(fractal_noise(shape, spacing * 0.3, rng)) * (labels > 0)
    light = (light + 0.06) * illumination(shape, rng.uniform(0, 0.7), rng)
    return eight_bit(light, rng.uniform(0.01, 0.07), rng, grain=0.5), labels
