"""Fluorescent nuclei in a wide-field microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import smooth_noise, unit
from napari_sam2.synthesis.optics import blur, camera, illumination
from napari_sam2.synthesis.shapes import blob, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nuclei(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Paint DAPI-like nuclei as 16-bit counts: alone or crowded, alike or unequal.

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
    radius = float(np.exp(rng.uniform(np.log(6), np.log(26))))
    crowded = rng.random() < 0.4
    spacing = radius * (rng.uniform(1.6, 2.4) if crowded else rng.uniform(2.3, 5))
    spacing = min(spacing, min(shape) * 0.5)
    texture = rng.uniform(0.04, 0.25)
    chromatin = smooth_noise(shape, radius * 0.35, rng)
    chromatin += 0.5 * smooth_noise(shape, max(1.5, radius * 0.12), rng)

    points = scatter(shape, spacing, rng, regularity=0.25, margin=radius / 2)
    # Cells divide and cluster: some of the nuclei lie right beside another.
    sisters = points[rng.random(len(points)) < rng.uniform(0.1, 0.4)]
    turn = rng.uniform(0, 2 * np.pi, len(sisters))
    step = radius * rng.uniform(1.3, 2.1, len(sisters))
    sisters = sisters + (
        np.stack([np.sin(turn), np.cos(turn)], -1) * step[:, None]
    ).astype(np.float32)
    points = np.concatenate([points, sisters])

    photons = float(np.exp(rng.uniform(np.log(40), np.log(3000))))
    # In some specimens all are alike, in others some are ten times dimmer; even
    # those are brighter than the noise.
    bright = 0.5 * np.exp(rng.normal(0, rng.uniform(0.15, 1.0), len(points)))
    bright = np.sort(np.clip(bright, max(0.04, 4 / photons), 1.6))[::-1]
    # Dim nuclei lie deeper: the focus of some scenes is on the bright ones.
    deep = rng.random() < 0.5
    hidden = rng.uniform(0, 0.8)
    size_spread, slender = rng.uniform(0.08, 0.3), rng.uniform(1.3, 2.2)
    roughness = rng.uniform(0.03, 0.12)
    labels = np.zeros(shape, np.int32)
    planes = np.zeros((2, *shape), np.float32)
    # The brightest come first and own what overlaps, as they do to the eye.
    for number, (centre, glow) in enumerate(zip(points, bright, strict=True), start=1):
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            radius * np.exp(rng.normal(0, size_spread)),
            rng,
            elongation=rng.uniform(1.0, slender),
            roughness=roughness,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number, keep=0.75)
        if visible is None:
            continue
        share = visible + hidden * ((patch[1] < 1) & ~visible)
        plane = int(deep and rng.random() > 1.6 * glow)
        planes[plane][patch[0]] += (
            glow * share * _shading(patch[1], chromatin[patch[0]], texture, rng)
        )

    psf = rng.uniform(0.8, max(1.2, radius * 0.12))
    light = blur(planes[0], psf) + blur(planes[1], max(psf, radius * 0.2))
    haze = blur(light, radius * 1.5)
    floor = rng.uniform(0.02, 0.08) * illumination(shape, 0.6, rng)
    floor += rng.uniform(0, 0.1) * _far_away(shape, radius, rng)
    image = camera(
        (light + rng.uniform(0.05, 0.35) * haze + floor)
        * illumination(shape, rng.uniform(0, 0.5), rng),
        photons=photons,
        rng=rng,
    )
    return image, labels


def _shading(
    distance: Any, chromatin: Any, strength: float, rng: np.random.Generator
) -> Any:
    """Relative intensity in one nucleus: a flattened dome, chromatin, nucleoli."""
    condensed = rng.random() < 0.04  # a cell in mitosis is brighter and coarser
    dome = 1 - rng.uniform(0.2, 0.5) * np.clip(distance, 0, 1) ** 3
    texture = 1 + (0.35 if condensed else strength) * chromatin
    nucleoli = 1 - 0.35 * (chromatin < -1.4)
    return (
        (1.8 if condensed else 1.0) * dome * np.clip(texture, 0.3, 2) * nucleoli
    ).astype(np.float32)


def _far_away(shape: tuple[int, int], radius: float, rng: np.random.Generator) -> Any:
    """Glow of nuclei so far out of focus that nobody could outline them, 0-1."""
    seeds = np.zeros(shape, np.float32)
    points = scatter(shape, radius * rng.uniform(4, 8), rng, 0.0).astype(int)
    points = points[((points >= 0) & (points < np.array(shape))).all(1)]
    seeds[points[:, 0], points[:, 1]] = rng.uniform(0.3, 1, len(points))
    return unit(blur(seeds, radius * rng.uniform(1.2, 2)))
