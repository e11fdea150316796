"""Fluorescent cells side by side: colonies with filled bodies, stained membranes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import depth, fractal_noise, smooth_noise, warped_grid
from napari_sam2.synthesis.optics import blur, camera, eight_bit, illumination
from napari_sam2.synthesis.shapes import (
    each_wall,
    make_room,
    mosaic,
    pieces,
    scatter,
)

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
    labels, _, _ = mosaic(rows, columns, points, rng.uniform(0.6, 1.6))
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
    """Paint tissue whose cell walls are stained: thin and sharp to thick and blurred.

    The labels meet in the middle of the walls.

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
    spacing = float(np.exp(rng.uniform(np.log(20), np.log(95))))
    rows, columns = warped_grid(shape, spacing * 0.12, spacing * 0.9, rng)
    points = scatter(
        shape, spacing, rng, regularity=rng.uniform(0.2, 0.6), margin=spacing
    )
    if rng.random() < 0.5:
        reach = min(spacing * 4, min(shape) * 0.4)
        points = make_room(points, rng.uniform(0.02, 0.2), reach, rng)
    stretch = float(np.exp(abs(rng.normal(0, 0.45))))
    cell, other, distance = mosaic(
        rows, columns, points, stretch, rng.uniform(0, np.pi)
    )
    inside = np.ones(len(points) + 1, bool)
    if rng.random() < 0.5:  # a piece of tissue rather than a full field
        field = smooth_noise(shape, max(shape) / 2, rng)
        seeds = np.clip(points.astype(int), 0, np.array(shape) - 1)
        inside[1:] = field[seeds[:, 0], seeds[:, 1]] > rng.uniform(-1.4, -0.4)
    labels = pieces(np.where(inside[cell], cell, 0), smallest=int(spacing**2 / 10))

    widest = rng.random() < 0.5  # thick walls, or seen out of focus
    width = spacing * rng.uniform(0.05, 0.17) if widest else rng.uniform(0.7, 2.2)
    wall = _walls(cell, other, distance, width, spacing, rng)
    wall *= (inside[cell] | inside[other]) * 0.97 + 0.03
    # What fills a cell: mostly little, here and there as much as is in the walls.
    fill = rng.uniform(0, 0.12) * rng.exponential(1, len(points) + 1)
    full = rng.random(len(fill)) < rng.uniform(0, 0.25)
    fill = np.where(full, rng.uniform(0.15, 0.8, len(fill)), fill) * inside
    cloud = np.clip(
        0.7 + 0.4 * fractal_noise(shape, spacing * rng.uniform(0.3, 1), rng), 0, 1.5
    )
    specks = np.clip(smooth_noise(shape, spacing * 0.12, rng) - 2.6, 0, 0.6)
    body = fill[cell].astype(np.float32) * cloud
    body += rng.uniform(0, 0.8) * specks * inside[cell]
    body += 0.06 * np.abs(fractal_noise(shape, spacing * 0.3, rng)) * inside[cell]
    light = blur(
        np.maximum(wall, np.clip(body, 0, 1)),
        width * rng.uniform(0.3, 0.9) if widest else rng.uniform(0.6, 1.3),
    )
    light = rng.uniform(0.55, 1.1) * light + rng.uniform(0.01, 0.1)
    light = light * illumination(shape, rng.uniform(0, 0.7), rng)
    noise = float(np.exp(rng.uniform(np.log(0.004), np.log(0.09))))
    return eight_bit(light, noise, rng, grain=rng.uniform(0, 0.9)), labels


def _walls(
    cell: NDArray[np.int32],
    other: NDArray[np.int32],
    distance: Any,
    width: float,
    spacing: float,
    rng: np.random.Generator,
) -> Any:
    """Brightness of the walls of a mosaic, 0-1; every wall has its own, and a width."""
    broad = np.exp(rng.normal(0, rng.uniform(0.05, 0.4), 997))
    # A wall that the section cuts obliquely is a broad and even patch.
    oblique = rng.random(len(broad)) < rng.uniform(0, 0.15)
    broad[oblique] *= rng.uniform(2, 6, int(oblique.sum()))
    strong = np.exp(rng.normal(0, rng.uniform(0.05, 0.5), len(broad)))
    half = np.minimum(width * each_wall(cell, other, broad), spacing * 0.3)
    # Where three cells meet, one wall passes into the next without a step.
    half = blur(half, max(width, spacing * 0.06))
    flat = rng.uniform(1.2, 3.5)
    wall = np.exp(-((distance / half) ** flat))
    wall *= blur(each_wall(cell, other, strong), max(width, spacing * 0.06))
    patchy = rng.uniform(0.1, 0.6) * smooth_noise(cell.shape, spacing * 0.4, rng)
    return np.clip(wall * np.clip(1 + patchy, 0.12, 2), 0, 1.6)
