"""Unstained specimens in transmitted light: phase contrast of cells and bacteria."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise
from napari_sam2.synthesis.optics import blur, eight_bit, halo, illumination
from napari_sam2.synthesis.shapes import Patch, blob, discs, scatter, stamp, track

if TYPE_CHECKING:
    from numpy.typing import NDArray


def phase(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint adherent cells in phase contrast, with bright halos, among debris.

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
    radius = float(np.exp(rng.uniform(np.log(6), np.log(34))))
    # Three looks of a cell: thin with tails, round and about to divide, spread out.
    looks = rng.dirichlet((0.8, 0.4, 0.8))
    labels = np.zeros(shape, np.int32)
    path = np.zeros(shape, np.float32)
    shine = rng.uniform(0.2, 0.9)
    spacing = radius * float(np.exp(rng.uniform(np.log(2.2), np.log(8))))
    spacing = min(spacing, min(shape) * 0.5)
    for number, centre in enumerate(scatter(shape, spacing, rng, 0.3), start=1):
        look = rng.choice(3, p=looks)
        size = radius * np.exp(rng.normal(0, 0.2)) * (0.7 if look == 1 else 1)
        if look == 0:
            patch = _spindle(shape, centre, size, rng)
        else:
            patch = blob(
                shape,
                (float(centre[0]), float(centre[1])),
                size,
                rng,
                elongation=rng.uniform(1.0, 1.2) if look == 1 else rng.uniform(1.1, 3),
                roughness=0.03 if look == 1 else 0.14,
            )
        visible = None if patch is None else stamp(labels, patch, number)
        if patch is None or visible is None:
            continue
        inward = np.clip(1 - patch[1], 0, 1)
        if look == 0:  # thick in the body, thin in the tails
            thickness = ndi.distance_transform_edt(inward > 0)
            rise = rng.uniform(0.7, 1.3) * (thickness / thickness.max()) ** 0.7
        elif look == 2:
            rise = rng.uniform(0.5, 0.9) * inward**0.8
        elif rng.random() < shine:  # a ball focuses the light
            rise = 0.9 * np.sin(np.pi * np.clip(2.2 * inward, 0, 1)) - 2.2 * inward**1.3
        else:
            rise = 1.6 * inward**0.5
        path[patch[0]] += visible * rise * np.exp(rng.normal(0, 0.2))
    grains = np.clip(smooth_noise(shape, 2.5, rng), 0, 3) * (labels > 0)
    rough = rng.uniform(0.05, 0.3) * fractal_noise(shape, radius * 0.5, rng)
    path = path * (1 + rough) + rng.uniform(0, 0.15) * grains
    path += _debris(labels, radius, rng)
    reach = max(1.2, radius * rng.uniform(0.25, 0.5))
    light = rng.uniform(0.3, 0.6) + rng.uniform(0.4, 1.0) * halo(
        path, reach, rng.uniform(0.9, 1.5)
    )
    light = blur(light, rng.uniform(0.6, 1.4))
    light *= illumination(shape, rng.uniform(0.1, 0.9), rng)
    return eight_bit(light, rng.uniform(0.01, 0.04), rng), labels


def _spindle(
    shape: tuple[int, int], centre: Any, size: float, rng: np.random.Generator
) -> Patch | None:
    """A slender body that runs out in two tails, of which one may fork."""
    turn = rng.uniform(0, 2 * np.pi)
    thick = max(1.8, size * rng.uniform(0.25, 0.5))
    thin = max(0.9, thick * rng.uniform(0.15, 0.35))
    points, radii = [], []
    for side in (0, np.pi):
        heading = turn + side + rng.normal(0, 0.25)
        line = track(centre, heading, size * rng.uniform(1.0, 3.5), rng, 0.04)
        along = np.arange(len(line)) / (size * rng.uniform(0.3, 0.9))
        taper = np.maximum(np.linspace(thin, 0.4 * thin, len(line)), 0.8)
        points.append(line)
        radii.append(taper + (thick - taper) * np.exp(-(along**2)))
        if rng.random() < 0.35:
            branch = heading + rng.choice([-1, 1]) * rng.uniform(0.3, 0.9)
            start = line[int(len(line) * rng.uniform(0.3, 0.9))]
            points.append(track(start, branch, size * rng.uniform(0.4, 1.2), rng, 0.03))
            radii.append(np.full(len(points[-1]), max(0.8, 0.6 * thin)))
    return discs(shape, np.concatenate(points), np.concatenate(radii))


def _debris(labels: NDArray[np.int32], radius: float, rng: np.random.Generator) -> Any:
    """Specks in focus and rings of dust far from it: no cells, and not labelled."""
    shape = labels.shape
    path = np.zeros(shape, np.float32)
    spacing = radius * rng.uniform(3, 12)
    for centre in scatter(shape, spacing, rng, 0.0)[:200]:
        speck = rng.random() < 0.8
        size = radius * (rng.uniform(0.06, 0.2) if speck else rng.uniform(1, 3))
        at = (float(centre[0]), float(centre[1]))
        patch = blob(shape, at, max(0.8, size), rng, rng.uniform(1, 1.6))
        if patch is None:
            continue
        where, distance, _ = patch
        if speck:
            tone = rng.choice([1.0, 1.0, -1.0]) * rng.uniform(0.3, 1.2) * (distance < 1)
        else:
            ring = np.exp(-(((distance - 0.7) / rng.uniform(0.08, 0.2)) ** 2))
            tone = rng.uniform(-0.15, 0.15) * ring
        path[where] += tone * (labels[where] == 0)
    return path


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
