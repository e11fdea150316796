"""Biological sections in the electron microscope: neurites and organelles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import (
    depth,
    fractal_noise,
    smooth_noise,
    warped_grid,
)
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import (
    blob,
    each_wall,
    make_room,
    mosaic,
    pieces,
    scatter,
    stamp,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def neurites(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint packed cross-sections of neurites with dark membranes.

    The labels are the cell interiors, whatever lies in them; membranes are background.

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
    spacing = float(np.exp(rng.uniform(np.log(14), np.log(60))))
    bent = spacing * rng.uniform(0.08, 0.3)  # from convex to winding
    rows, columns = warped_grid(shape, bent, spacing * 0.9, rng)
    points = scatter(shape, spacing, rng, regularity=0.0, margin=spacing)
    # Thick and thin processes run side by side, and round them some giants.
    points = points[rng.random(len(points)) < rng.uniform(0.5, 1.0)]
    reach = min(spacing * 6, min(shape) * 0.4)
    points = make_room(points, rng.uniform(0, 0.08), reach, rng)
    stretch = float(np.exp(abs(rng.normal(0, 0.6))))
    cell, other, distance = mosaic(
        rows, columns, points, stretch, rng.uniform(0, np.pi)
    )
    width = float(np.exp(rng.uniform(np.log(0.9), np.log(3.2))))
    broad = np.exp(rng.normal(0, rng.uniform(0.05, 0.35), 997))
    strong = rng.uniform(0.65, 1.15, len(broad))
    # Membranes that graze the section are broad and gray.
    grazing = rng.random(len(broad)) < rng.uniform(0, 0.2)
    broad[grazing] *= rng.uniform(2, 6, int(grazing.sum()))
    strong[grazing] *= rng.uniform(0.5, 0.9, int(grazing.sum()))
    half = np.minimum(width * each_wall(cell, other, broad), spacing * 0.4)
    half = blur(half, max(1.5, width))
    labels = pieces(np.where(distance > half, cell, 0), smallest=40)

    membrane = 1 / (1 + np.exp(np.clip((distance - half) * 2.5, -30, 30)))
    membrane *= blur(each_wall(cell, other, strong), max(1.5, width))
    membrane *= np.clip(1 + 0.2 * smooth_noise(shape, spacing * 0.5, rng), 0.4, 1.3)
    tone = rng.normal(0, rng.uniform(0.02, 0.09), len(points) + 1)[cell]
    light = 0.68 + tone.astype(np.float32)
    light += 0.04 * fractal_noise(shape, 6, rng, octaves=3)
    inside = labels > 0
    room = depth(labels)
    light -= 0.35 * _vesicles(cell, width, rng) * (inside & (room > width))
    light -= 0.3 * _enclosed(labels, room, rng)
    light -= rng.uniform(0.3, 0.5) * membrane
    light = blur(light, rng.uniform(0.4, 1.3)) * illumination(shape, 0.15, rng)
    noise = rng.uniform(0.02, 0.1)
    return eight_bit(light, noise, rng, grain=rng.uniform(0.4, 0.9)), labels


def _vesicles(cell: NDArray[np.int32], size: float, rng: np.random.Generator) -> Any:
    """Small rings and dots in some of the cells, in others none, as darkness."""
    shape = cell.shape
    crowd = rng.uniform(-0.5, 1, cell.max() + 1)
    sites = scatter(shape, size * rng.uniform(3, 5), rng, 0.1)
    sites = sites[((sites >= 0) & (sites < np.array(shape) - 1)).all(1)].astype(int)
    share = crowd[cell[sites[:, 0], sites[:, 1]]]
    sites = sites[rng.random(len(sites)) < share]
    seeds = np.zeros(shape, np.float32)
    seeds[sites[:, 0], sites[:, 1]] = rng.uniform(0.3, 1.2, len(sites))
    # The difference of two Gaussians is a disc with a pale middle.
    radius = max(0.8, size * rng.uniform(0.5, 0.8))
    pale = rng.uniform(0.0, 0.7)
    outer, inner = blur(seeds, radius), blur(seeds, radius * 0.6)
    return 2 * np.pi * radius**2 * (outer - 0.36 * pale * inner)


def _enclosed(labels: NDArray[np.int32], room: Any, rng: np.random.Generator) -> Any:
    """Mitochondria that fit into the cells, as darkness."""
    shape = labels.shape
    sites = scatter(shape, rng.uniform(50, 130), rng, 0.2)
    inner = np.clip(sites.astype(int), 0, np.array(shape) - 1)
    depths = room[inner[:, 0], inner[:, 1]]
    fit = depths > 6
    radii = np.minimum(depths[fit] * rng.uniform(0.45, 0.9), rng.uniform(10, 30))
    dark, bodies = _mitochondria(shape, sites[fit], radii, rng)
    # Numbers of bodies are places in the list of sites: each stays in its cell.
    host = np.append(0, labels[inner[fit, 0], inner[fit, 1]])
    return dark * (host[bodies] == labels)


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
    centres = scatter(shape, radius * rng.uniform(2.8, 4.5), rng, 0.2)
    radii = radius * np.exp(rng.normal(0, 0.25, len(centres)))
    dark, labels = _mitochondria(shape, centres, radii, rng)
    rows, columns = warped_grid(shape, radius * 0.8, radius * 3, rng)
    sites = scatter(shape, radius * rng.uniform(6, 10), rng, 0.4, radius * 8)
    _, _, distance = mosaic(rows, columns, sites)
    light = 0.65 + 0.07 * fractal_noise(shape, radius * 0.6, rng, octaves=4)
    light -= 0.3 * np.exp(-((distance / 3) ** 2)) * (labels == 0)  # plasma membranes
    light -= rng.uniform(0.15, 0.35) * dark
    light = blur(light, rng.uniform(0.5, 1.4)) * illumination(shape, 0.2, rng)
    return eight_bit(light, rng.uniform(0.02, 0.08), rng, grain=0.6), labels


def _mitochondria(
    shape: tuple[int, int], centres: Any, radii: Any, rng: np.random.Generator
) -> tuple[Any, NDArray[np.int32]]:
    """Bodies with a dark envelope and stripes inside, and their labels."""
    labels = np.zeros(shape, np.int32)
    dark = np.zeros(shape, np.float32)
    radius = float(np.median(radii)) if len(radii) else 10.0
    rows, columns = warped_grid(shape, radius * 0.15, radius, rng)
    pitch = max(2.0, radius * rng.uniform(0.18, 0.35))
    for number, (centre, size) in enumerate(zip(centres, radii, strict=True), start=1):
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            float(size),
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
