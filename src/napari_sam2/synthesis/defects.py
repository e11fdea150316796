"""Defects of surfaces: stains and dents, scratches, groups of streaks, worn places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import fractal_noise
from napari_sam2.synthesis.grounds import brushed, surface
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import Patch, blob, discs, pieces, scatter, track

if TYPE_CHECKING:
    from numpy.typing import NDArray


def defects(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint marked to hardly visible defects on a brushed or grainy surface.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels, int32. Marks that touch are one object.
    """
    light = surface(shape, rng)
    lines = brushed(shape, rng) * rng.uniform(0, 0.1) * (rng.random() < 0.6)
    change = np.zeros(shape, np.float32)  # of the light, relative
    labels = np.zeros(shape, np.int32)
    # Large things lie under small ones.
    if rng.random() < 0.3:
        worn = _worn(shape, rng)
        if worn is not None:
            where, distance, _ = worn
            labels[where][distance < 1] = 1
            lines[where] *= 1 - 0.9 * (distance < 1)
            change[where] += rng.uniform(-0.25, 0.25) * (distance < 1)
    # From what nobody overlooks to what only an expert sees.
    # Yet not hidden by the texture.
    texture = float((light + lines).std() / (light + lines).mean())
    strength = float(np.exp(rng.uniform(np.log(0.12), np.log(0.6))))
    strength = min(max(strength, 1.7 * texture), 0.8)
    spacing = min(shape) / rng.uniform(1.2, 4)
    softness = rng.uniform(0.05, 0.6)
    ragged = fractal_noise(shape, 14, rng, octaves=3)
    for centre in scatter(shape, spacing, rng, 0.2)[: rng.integers(2, 12)]:
        shade = rng.choice([-1.0, -1.0, -1.0, 1.0]) * strength * rng.uniform(0.7, 1.4)
        kind = rng.choice(3, p=(0.5, 0.25, 0.25))
        patches = (_stain, _streaks, _scratch)[kind](shape, centre, ragged, rng)
        new = np.zeros(shape, bool)
        for where, distance, _ in patches:
            # The label ends where half of the shade is left.
            edge = softness if kind == 0 else 0.5
            soft = np.clip(0.5 + (1 - distance) / edge, 0, 1)
            change[where] += shade * soft * (1 + 0.2 * ragged[where])
            new[where] |= distance < 1
        if new.any():
            labels[new] = labels.max() + 1
    lamp = _lamp(shape, rng)
    labels[lamp < 0.2] = 0  # nobody finds anything in the dark
    labels = pieces(labels, smallest=20, connectivity=2)
    light = (light + lines) * np.clip(1 + change, 0.1, 2)
    light = blur(light, rng.uniform(0.5, 1.6)) * lamp
    return eight_bit(light, rng.uniform(0.004, 0.025), rng, grain=0.6), labels


def _stain(
    shape: tuple[int, int], centre: Any, ragged: Any, rng: np.random.Generator
) -> list[Patch]:
    """A blotch or dent."""
    patch = blob(
        shape,
        (float(centre[0]), float(centre[1])),
        float(np.exp(rng.uniform(np.log(6), np.log(min(70, min(shape) / 4))))),
        rng,
        elongation=float(np.exp(rng.uniform(0, 1.6))),
        roughness=0.12,
    )
    if patch is None:
        return []
    where, distance, theta = patch
    return [(where, distance + rng.uniform(0, 0.14) * ragged[where], theta)]


def _streaks(
    shape: tuple[int, int], centre: Any, ragged: Any, rng: np.random.Generator
) -> list[Patch]:
    """Short strokes side by side, as a tool leaves them that chatters."""
    length = min(shape) * rng.uniform(0.05, 0.2)
    width = max(1.0, length * rng.uniform(0.03, 0.1))
    pitch = width * rng.uniform(2.0, 4.0)
    heading = rng.uniform(0, np.pi)
    aside = np.array([np.cos(heading), -np.sin(heading)])
    found = []
    for place in range(rng.integers(3, 8)):
        start = centre + place * pitch * aside
        line = track(
            start + rng.normal(0, width, 2),
            heading + rng.normal(0, 0.12),
            length * rng.uniform(0.4, 1.2),
            rng,
            bend=0.04,
        )
        swell = np.sin(np.linspace(0.3, np.pi - 0.3, len(line)))
        found.append(discs(shape, line, np.maximum(width * swell, 0.8)))
    return [patch for patch in found if patch is not None]


def _scratch(
    shape: tuple[int, int], centre: Any, ragged: Any, rng: np.random.Generator
) -> list[Patch]:
    """A fine straight line, more often than not along the rows or columns."""
    along = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.04)
    heading = along if rng.random() < 0.6 else rng.uniform(0, 2 * np.pi)
    length = min(shape) * rng.uniform(0.15, 0.9)
    line = track(centre, heading, length, rng, 0.003)
    half = rng.uniform(0.8, 2.0) * np.linspace(1, rng.uniform(0.3, 1), len(line))
    patch = discs(shape, line, np.maximum(half, 0.8))
    return [] if patch is None else [patch]


def _worn(shape: tuple[int, int], rng: np.random.Generator) -> Patch | None:
    """A large area that has lost the texture of the surface."""
    centre = rng.uniform(0.2, 0.8, 2) * shape
    return blob(
        shape,
        (float(centre[0]), float(centre[1])),
        min(shape) * rng.uniform(0.12, 0.35),
        rng,
        elongation=rng.uniform(1, 3),
        roughness=0.1,
        squareness=rng.uniform(2, 4),
    )


def _lamp(shape: tuple[int, int], rng: np.random.Generator) -> Any:
    """Light on a curved part: even, or falling off towards one side into the dark."""
    light = illumination(shape, 0.5, rng) * rng.uniform(0.5, 1.1)
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        along = np.cos(turn) * (rows / shape[0] - 0.5)
        along += np.sin(turn) * (columns / shape[1] - 0.5)
        light *= 1 / (1 + np.exp((along - rng.uniform(0.1, 0.5)) * rng.uniform(4, 16)))
    return light.astype(np.float32)
