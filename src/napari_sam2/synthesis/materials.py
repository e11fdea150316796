"""Surfaces and sections of materials: pores, cracks and surface defects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import blob, pieces, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pores(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint irregular dark pores in a polished section.

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
    scale = rng.uniform(14, 60)
    field = fractal_noise(shape, scale, rng, octaves=3, roughness=0.4)
    level = rng.uniform(0.9, 1.7)
    labels = pieces((field > level).astype(np.int32), smallest=40)
    inside = labels > 0
    light = _surface(shape, rng)
    # The far wall of a pore shows as a lighter floor with a dark rim.
    floor = (
        0.12
        + 0.12 * np.clip(field - level, 0, 1)
        + 0.04 * smooth_noise(shape, scale / 5, rng)
    )
    light = np.where(inside, floor, light)
    glow = blur(inside.astype(np.float32), 2.0) * ~inside  # edges charge up
    light = light + rng.uniform(0, 0.4) * glow
    light = blur(light, rng.uniform(0.5, 1.3)) * illumination(shape, 0.3, rng)
    return eight_bit(light, rng.uniform(0.01, 0.06), rng, grain=0.5), labels


def cracks(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint a few thin cracks; scratches and dust beside them are not labelled.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels, int32. Cracks that cross are one object.
    """
    opening = np.zeros(shape, np.float32)
    for _ in range(rng.integers(2, 7)):
        opening = np.maximum(opening, _path(shape, rng, rng.uniform(1.2, 5), 0.35))
    labels = pieces((opening > 0.5).astype(np.int32), smallest=40)
    light = _surface(shape, rng)
    for _ in range(rng.integers(0, 4)):
        light += 0.1 * rng.choice([-1, 1]) * _path(shape, rng, 0.8, 0.02)
    light = light * (1 - rng.uniform(0.5, 0.9) * blur(opening, 0.7))
    light = blur(light, rng.uniform(0.5, 1.4)) * illumination(shape, 0.4, rng)
    return eight_bit(light, rng.uniform(0.01, 0.05), rng, grain=0.5), labels


def defects(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint stains, dents and scratches on a brushed or grainy surface.

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
    labels = np.zeros(shape, np.int32)
    light = _surface(shape, rng)
    ragged = fractal_noise(shape, 14, rng, octaves=3)
    number = 0
    for centre in scatter(shape, min(shape) / rng.uniform(1.5, 4), rng, 0.2)[:12]:
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            float(np.exp(rng.uniform(np.log(8), np.log(70)))),
            rng,
            elongation=float(np.exp(rng.uniform(0, 1.6))),
            roughness=0.12,
        )
        if patch is None:
            continue
        where, distance, theta = patch
        patch = (where, distance + 0.12 * ragged[where], theta)
        number += 1
        visible = stamp(labels, patch, number)
        if visible is not None:
            shade = rng.choice([-1.0, -1.0, 1.0]) * rng.uniform(0.1, 0.3)
            light[where] += shade * visible * (1 + 0.25 * ragged[where])
    for _ in range(rng.integers(0, 4)):
        mark = _path(shape, rng, rng.uniform(1.0, 3.0), 0.02)
        number += 1
        labels[(mark > 0.5) & (labels == 0)] = number
        light += rng.choice([-1, 1]) * rng.uniform(0.15, 0.35) * mark
    labels = pieces(labels, smallest=40)
    light = blur(light, rng.uniform(0.6, 1.8)) * illumination(shape, 0.5, rng)
    return eight_bit(light, rng.uniform(0.01, 0.05), rng, grain=0.6), labels


def _surface(shape: tuple[int, int], rng: np.random.Generator) -> Any:
    """A ground or polished surface: level, grain and perhaps a brushing direction."""
    light = rng.uniform(0.35, 0.75) + rng.uniform(0.01, 0.07) * fractal_noise(
        shape, rng.uniform(3, 40), rng
    )
    if rng.random() < 0.4:
        lines = ndi.gaussian_filter(rng.standard_normal(shape), (0.6, 30))
        lines = (
            lines
            if rng.random() < 0.5
            else ndi.gaussian_filter(rng.standard_normal(shape), (30, 0.6))
        )
        light += rng.uniform(0.02, 0.06) * lines / lines.std()
    return light.astype(np.float32)


def _path(
    shape: tuple[int, int], rng: np.random.Generator, width: float, bend: float
) -> Any:
    """A wandering line of varying width, 1 inside and 0 outside."""
    step = 2.0
    count = int(rng.uniform(0.2, 1.0) * max(shape) / step)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend * 0.5, count))
    # Wandering without end would curl up; pull the heading back to its mean.
    heading = heading.mean() + 0.6 * (heading - heading.mean())
    track = np.stack([np.sin(heading), np.cos(heading)], -1).cumsum(0) * step
    track += rng.uniform(0.1, 0.9, 2) * shape - track[count // 2]
    widths = width * np.clip(1 + 0.35 * smooth_noise((count, 1), 20, rng)[:, 0], 0.4, 2)
    widths *= np.minimum(1, (count - np.arange(count)) * step / (8 * width))
    canvas = np.zeros(shape, np.float32)
    for (row, column), half in zip(track, widths / 2 + 0.3, strict=True):
        r0, c0 = int(row - half - 1), int(column - half - 1)
        span = int(2 * half) + 4
        rows = np.arange(max(r0, 0), min(r0 + span, shape[0]))
        columns = np.arange(max(c0, 0), min(c0 + span, shape[1]))
        if len(rows) and len(columns):
            disc = np.hypot(rows[:, None] - row, columns[None] - column) <= half
            view = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            np.maximum(view, disc, out=view)
    return canvas
