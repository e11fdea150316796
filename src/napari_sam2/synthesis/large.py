"""What fills a good part of the view: layered sections, organoids, and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.synthesis.fields import fractal_noise
from napari_sam2.synthesis.grounds import bands
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import blob, pieces, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def layers(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint a section through a coating: bands, each of a texture of its own.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels, int32: the bands, but not what is above and below.
    """
    light, labels = bands(shape, rng)
    labels = pieces(labels, smallest=100)
    light = blur(light, rng.uniform(0.5, 1.4)) * illumination(shape, 0.3, rng)
    return eight_bit(light, rng.uniform(0.01, 0.06), rng, grain=0.5), labels


def organoids(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint organoids, embryos or colonies: large, textured, with a rim or a lumen.

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
    radius = min(shape) * rng.uniform(0.1, 0.4)
    bright = rng.random() < 0.4
    ground = rng.uniform(0.03, 0.2) if bright else rng.uniform(0.5, 0.8)
    sign = 1.0 if bright else rng.choice([-1.0, -1.0, 0.5])
    labels = np.zeros(shape, np.int32)
    light = ground + 0.03 * fractal_noise(shape, radius, rng)
    texture = fractal_noise(shape, radius * rng.uniform(0.05, 0.4), rng)
    lumen, strength = rng.uniform(0.3, 0.8), rng.uniform(-0.2, 0.3)
    for number, centre in enumerate(
        scatter(shape, radius * rng.uniform(2.1, 3.5), rng, 0.4), start=1
    ):
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            radius * float(np.exp(rng.normal(0, 0.25))),
            rng,
            elongation=float(np.exp(rng.uniform(0, 0.6))),
            roughness=rng.uniform(0.03, 0.14),
        )
        visible = None if patch is None else stamp(labels, patch, number)
        if patch is None or visible is None:
            continue
        where, distance, _ = patch
        body = rng.uniform(0.15, 0.35) * (1 + 0.5 * texture[where])
        body += 0.2 * np.exp(-(((distance - 0.95) / 0.08) ** 2))  # the rim
        body -= strength * np.clip(1 - distance / lumen, 0, 1)
        light[where] += sign * visible * body
    labels = pieces(labels, smallest=100)
    light = blur(light, rng.uniform(0.7, 2.5)) * illumination(shape, 0.4, rng)
    return eight_bit(light, rng.uniform(0.01, 0.05), rng), labels
