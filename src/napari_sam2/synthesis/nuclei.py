"""Fluorescent nuclei in a wide-field microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import smooth_noise
from napari_sam2.synthesis.optics import blur, camera, illumination
from napari_sam2.synthesis.shapes import blob, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nuclei(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Paint DAPI-like nuclei, some of them touching, as 16-bit counts.

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
    radius = rng.uniform(9, 22)
    spacing = radius * rng.uniform(2.3, 4.2)
    labels = np.zeros(shape, np.int32)
    light = np.zeros(shape, np.float32)
    chromatin = smooth_noise(shape, radius * 0.35, rng)
    chromatin += 0.5 * smooth_noise(shape, max(1.5, radius * 0.12), rng)

    points = scatter(shape, spacing, rng, regularity=0.25, margin=radius / 2)
    # Cells divide and cluster: some of the nuclei lie right beside another.
    sisters = points[rng.random(len(points)) < rng.uniform(0.1, 0.4)]
    turn = rng.uniform(0, 2 * np.pi, len(sisters))
    step = radius * rng.uniform(1.5, 2.1, len(sisters))
    sisters = sisters + (
        np.stack([np.sin(turn), np.cos(turn)], -1) * step[:, None]
    ).astype(np.float32)
    for number, centre in enumerate(np.concatenate([points, sisters]), start=1):
        size = radius * np.exp(rng.normal(0, 0.16))
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            size,
            rng,
            elongation=rng.uniform(1.0, 1.6),
            roughness=0.06,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number)
        if visible is None:
            continue
        light[patch[0]] += visible * _glow(patch[1], chromatin[patch[0]], rng)

    haze = blur(light, radius * 1.5)
    sharp = blur(light, rng.uniform(0.8, 1.8))
    floor = rng.uniform(0.02, 0.08) * illumination(shape, 0.6, rng)
    image = camera(
        (sharp + rng.uniform(0.05, 0.2) * haze + floor)
        * illumination(shape, rng.uniform(0, 0.4), rng),
        photons=float(np.exp(rng.uniform(np.log(150), np.log(3000)))),
        rng=rng,
    )
    return image, labels


def _glow(distance: Any, chromatin: Any, rng: np.random.Generator) -> Any:
    """Intensity inside one nucleus: a flattened dome, chromatin, dark nucleoli."""
    brightness = 0.55 * np.exp(rng.normal(0, 0.3))
    condensed = rng.random() < 0.04  # a cell in mitosis is brighter and coarser
    dome = 1 - 0.35 * np.clip(distance, 0, 1) ** 3
    texture = 1 + (0.35 if condensed else 0.13) * chromatin
    nucleoli = 1 - 0.35 * (chromatin < -1.4)
    return (
        (1.8 if condensed else 1.0)
        * brightness
        * dome
        * np.clip(texture, 0.3, 2)
        * nucleoli
    ).astype(np.float32)
