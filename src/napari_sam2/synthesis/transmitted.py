"""Unstained specimens in transmitted light: phase contrast of cells and bacteria."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise
from napari_sam2.synthesis.optics import blur, eight_bit, halo, illumination
from napari_sam2.synthesis.shapes import blob, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def phase(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint adherent cells in phase contrast, with bright halos.

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
    radius = rng.uniform(14, 34)
    labels = np.zeros(shape, np.int32)
    path = np.zeros(shape, np.float32)
    spacing = radius * rng.uniform(2.2, 4.0)
    for number, centre in enumerate(scatter(shape, spacing, rng, 0.3), start=1):
        rounded = rng.random() < 0.15  # dividing cells round up and shine
        size = radius * np.exp(rng.normal(0, 0.2)) * (0.7 if rounded else 1)
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            size,
            rng,
            elongation=1.1 if rounded else rng.uniform(1.1, 3.5),
            roughness=0.03 if rounded else 0.14,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number)
        if visible is not None:
            rise = np.clip(1 - patch[1], 0, 1) ** (0.5 if rounded else 0.8)
            path[patch[0]] += visible * rise * (1.6 if rounded else 0.8)
    grains = np.clip(smooth_noise(shape, 2.5, rng), 0, 3) * (labels > 0)
    path = path * (1 + 0.25 * fractal_noise(shape, radius * 0.5, rng)) + 0.12 * grains
    light = 0.5 + 0.45 * halo(path, radius * rng.uniform(0.25, 0.5), 0.95)
    light = blur(light, rng.uniform(0.6, 1.4)) * illumination(shape, 0.3, rng)
    return eight_bit(light, rng.uniform(0.01, 0.04), rng), labels


def bacteria(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint rods in packed colonies, dark in phase contrast or fluorescent.

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
    width = rng.uniform(4, 11)
    length = rng.uniform(2.2, 5.5)
    labels = np.zeros(shape, np.int32)
    path = np.zeros(shape, np.float32)
    crowd = fractal_noise(shape, width * 9, rng, octaves=2)
    crowd_level = rng.uniform(-0.5, 0.8)
    lean = smooth_noise(shape, width * 8, rng)  # neighbours lie side by side
    points = scatter(shape, width * 1.9, rng, regularity=0.2)
    for number, centre in enumerate(points, start=1):
        row = int(np.clip(centre[0], 0, shape[0] - 1))
        column = int(np.clip(centre[1], 0, shape[1] - 1))
        if crowd[row, column] < crowd_level and rng.random() > 0.03:
            continue
        ratio = length * np.exp(rng.normal(0, 0.25))
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            width / 2 * np.sqrt(ratio),
            rng,
            elongation=ratio,
            roughness=0.02,
            angle=float(lean[row, column] * 1.2 + rng.normal(0, 0.15)),
            squareness=3.0,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number, keep=0.7)
        if visible is not None:
            dome = np.sqrt(np.clip(1 - patch[1], 0, 1)) * np.exp(rng.normal(0, 0.15))
            path[patch[0]] += visible * dome
    path *= 1 + 0.12 * smooth_noise(shape, width * 0.6, rng)
    if rng.random() < 0.65:
        light = 0.6 + 0.5 * halo(path, width, rng.uniform(0.4, 0.9))
    else:
        light = 0.08 + 0.6 * path
    light = blur(light, rng.uniform(0.7, 1.5)) * illumination(shape, 0.25, rng)
    return eight_bit(light, rng.uniform(0.01, 0.05), rng), labels
