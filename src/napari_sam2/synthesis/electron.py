"""Biological sections in the electron microscope: neurites and organelles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise, unit, warped_grid
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import blob, mosaic, pieces, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def neurites(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint packed cross-sections of neurites with dark membranes.

    The labels are the cell interiors; membranes are background.

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
    spacing = rng.uniform(18, 60)
    rows, columns = warped_grid(shape, spacing * 0.3, spacing * 0.9, rng)
    points = scatter(shape, spacing, rng, regularity=0.0, margin=spacing)
    # Thick and thin processes run side by side.
    points = points[rng.random(len(points)) < rng.uniform(0.5, 1.0)]
    labels, gap = mosaic(rows, columns, points, float(np.exp(rng.normal(0, 0.4))))
    width = rng.uniform(0.9, 2.4)
    wall = gap < 2 * width
    labels[wall] = 0
    labels = pieces(labels, smallest=40)

    membrane = np.exp(-((gap / (2.4 * width)) ** 2))
    membrane *= np.clip(1 + 0.25 * smooth_noise(shape, spacing * 0.5, rng), 0.3, 1.5)
    tone = rng.normal(0, 0.05, labels.max() + 1)[labels].astype(np.float32)
    light = 0.68 + tone - 0.5 * membrane
    dark, _ = _mitochondria(shape, spacing * 0.22, spacing * 2.2, rng)
    light -= 0.25 * dark * (labels > 0)
    vesicles = np.clip(smooth_noise(shape, 2.5, rng) - 1, 0, 2)
    vesicles *= unit(smooth_noise(shape, spacing, rng)) > 0.6
    light -= 0.08 * vesicles * (labels > 0)
    light += 0.04 * fractal_noise(shape, 6, rng, octaves=3)
    light = blur(light, rng.uniform(0.5, 1.3)) * illumination(shape, 0.15, rng)
    return eight_bit(light, rng.uniform(0.02, 0.08), rng, grain=0.6), labels


def organelles(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint mitochondria or chloroplasts in a grainy cytoplasm.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels (the organelles), int32.
    """
    radius = rng.uniform(9, 36)
    dark, labels = _mitochondria(shape, radius, radius * rng.uniform(2.8, 4.5), rng)
    rows, columns = warped_grid(shape, radius * 0.8, radius * 3, rng)
    sites = scatter(shape, radius * rng.uniform(6, 10), rng, 0.4, radius * 8)
    _, gap = mosaic(rows, columns, sites)
    light = 0.65 + 0.07 * fractal_noise(shape, radius * 0.6, rng, octaves=4)
    light -= 0.3 * np.exp(-((gap / 6) ** 2)) * (labels == 0)  # plasma membranes
    light -= rng.uniform(0.15, 0.35) * dark
    light = blur(light, rng.uniform(0.5, 1.4)) * illumination(shape, 0.2, rng)
    return eight_bit(light, rng.uniform(0.02, 0.08), rng, grain=0.6), labels


def _mitochondria(
    shape: tuple[int, int], radius: float, spacing: float, rng: np.random.Generator
) -> tuple[Any, NDArray[np.int32]]:
    """Bodies with a dark envelope and stripes inside, and their labels."""
    labels = np.zeros(shape, np.int32)
    dark = np.zeros(shape, np.float32)
    rows, columns = warped_grid(shape, radius * 0.15, radius, rng)
    pitch = max(2.0, radius * rng.uniform(0.18, 0.35))
    for number, centre in enumerate(scatter(shape, spacing, rng, 0.2), start=1):
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            radius * np.exp(rng.normal(0, 0.25)),
            rng,
            elongation=rng.uniform(1.0, 2.8),
            roughness=0.06,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number)
        if visible is None:
            continue
        where, distance, _ = patch
        turn = rng.uniform(0, np.pi)
        stripes = np.sin(
            2
            * np.pi
            / pitch
            * (np.cos(turn) * rows[where] + np.sin(turn) * columns[where])
        )
        envelope = np.exp(-(((distance - 0.95) / 0.1) ** 2))
        dark[where] += visible * (0.6 + 0.3 * stripes + 0.7 * envelope)
    return dark, labels
