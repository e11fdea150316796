"""Particles and precipitates in the electron microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import blob, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def particles(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint powder: spheres and grains, one before the other, or flat in a TEM.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels (the visible part of each particle), int32.
    """
    radius = float(np.exp(rng.uniform(np.log(9), np.log(60))))
    spread = rng.uniform(0.05, 0.5)
    faceted = rng.random() < 0.4
    projected = rng.random() < 0.35  # transmission: dark and flat
    labels = np.zeros(shape, np.int32)
    ground = 0.75 if projected else rng.uniform(0.08, 0.4)
    light = ground + 0.03 * fractal_noise(shape, 40, rng)
    skin = fractal_noise(shape, radius * 0.4, rng, octaves=4)
    points = scatter(shape, radius * rng.uniform(1.5, 3.2), rng, 0.1, radius / 2)
    side = rng.uniform(0, 2 * np.pi)  # of the detector
    # Near particles first: those behind them are stamped into what is left.
    for number, centre in enumerate(points[:500], start=1):
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            radius * np.exp(rng.normal(0, spread)),
            rng,
            elongation=rng.uniform(1.0, 1.8 if faceted else 1.12),
            roughness=0.07 if faceted else 0.012,
            squareness=rng.uniform(2.0, 4.0) if faceted else 2.0,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number, keep=rng.uniform(0.25, 0.8))
        if visible is None:
            continue
        where, distance, theta = patch
        if projected:
            tone = ground - rng.uniform(0.25, 0.55) * (
                0.7 + 0.3 * np.sqrt(np.clip(1 - distance**2, 0, 1))
            )
        else:
            # Secondary electrons leave most easily where the surface falls away.
            tone = rng.uniform(0.3, 0.55) + rng.uniform(0.1, 0.35) * distance**6
            tone = tone + 0.15 * distance * np.cos(theta - side)
        tone = tone + rng.uniform(0.01, 0.05) * skin[where]
        light[where] = np.where(visible, tone, light[where])
    light = blur(light, rng.uniform(0.5, 1.5)) * illumination(shape, 0.2, rng)
    return eight_bit(light, rng.uniform(0.01, 0.06), rng, grain=0.5), labels


def precipitates(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint an alloy: cuboidal precipitates in rows, or rounded second phase.

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
    radius = rng.uniform(6, 34)
    lattice = rng.uniform(0, np.pi / 2)
    cuboid = rng.random() < 0.7
    labels = np.zeros(shape, np.int32)
    light = np.full(shape, rng.uniform(0.25, 0.45), np.float32)
    contrast = rng.uniform(0.12, 0.4) * rng.choice([-0.6, 1.0])
    points = scatter(shape, radius * rng.uniform(2.1, 3.0), rng, 0.55, radius)
    for number, centre in enumerate(points, start=1):
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            radius * np.exp(rng.normal(0, 0.22)),
            rng,
            elongation=rng.uniform(1.0, 1.7 if cuboid else 1.3),
            roughness=0.03,
            angle=lattice + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.06),
            squareness=rng.uniform(3, 6) if cuboid else 2.0,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number, keep=0.7)
        if visible is not None:
            light[patch[0]] += visible * contrast * rng.uniform(0.8, 1.2)
    light += 0.03 * fractal_noise(shape, 5, rng, octaves=2)
    light += 0.03 * smooth_noise(shape, max(shape) / 3, rng)
    light = blur(light, rng.uniform(0.5, 1.6)) * illumination(shape, 0.2, rng)
    return eight_bit(light, rng.uniform(0.02, 0.08), rng, grain=0.5), labels
