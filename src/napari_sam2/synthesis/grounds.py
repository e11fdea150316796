"""What materials show before anything has happened to them: surfaces and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise
from napari_sam2.synthesis.optics import blur

if TYPE_CHECKING:
    from numpy.typing import NDArray


def surface(shape: tuple[int, int], rng: np.random.Generator) -> Any:
    """A ground or polished surface: level, grain and perhaps a brushing direction."""
    light = rng.uniform(0.35, 0.75) + rng.uniform(0.01, 0.07) * fractal_noise(
        shape, rng.uniform(3, 40), rng
    )
    if rng.random() < 0.4:
        light += rng.uniform(0.02, 0.06) * brushed(shape, rng)
    return light.astype(np.float32)


def brushed(shape: tuple[int, int], rng: np.random.Generator) -> Any:
    """Fine parallel lines along the rows or the columns, mean 0 and deviation 1."""
    thin, long = rng.uniform(0.5, 1.5), rng.uniform(20, 200)
    widths = (thin, long) if rng.random() < 0.5 else (long, thin)
    lines = ndi.gaussian_filter(rng.standard_normal(shape).astype(np.float32), widths)
    lines /= lines.std() + 1e-6
    if rng.random() < 0.5:  # single lines shine
        shining = np.clip(lines - 1.5, 0, None) * rng.uniform(1, 3)
        lines = lines + shining * np.clip(
            smooth_noise(shape, min(shape) / 3, rng), 0, 2
        )
    return lines


def bands(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[Any, NDArray[np.int32]]:
    """A section through a coating: bands, each of a level and texture of its own.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Light, float32, and the numbers of the bands, int32, 0 above and below them.
    """
    upright = rng.random() < 0.3
    rows, columns = shape[::-1] if upright else shape
    count = int(rng.integers(1, 5))
    edges = np.sort(rng.uniform(0.08, 0.92, count + 1)) * rows
    bend = smooth_noise((1, columns), columns / 2, rng)[0] * rng.uniform(0, 0.05) * rows
    heights = np.arange(rows, dtype=np.float32)[:, None]
    number = np.zeros((rows, columns), np.int32)
    for edge in edges:
        ragged = smooth_noise((1, columns), rng.uniform(4, 40), rng)[0]
        number += heights > edge + bend + rng.uniform(0.5, 6) * ragged
    light = np.zeros((rows, columns), np.float32)
    level = rng.uniform(0.1, 0.9)
    for band in range(count + 2):
        # A band can be told from the one above it.
        level = (level + rng.uniform(0.15, 0.65) - 0.1) % 0.8 + 0.1
        grain = rng.uniform(0.01, 0.1)
        texture = fractal_noise((rows, columns), rng.uniform(2, 40), rng)
        light = np.where(number == band, level + grain * texture, light)
    # Holes are part of the band they lie in.
    holes = fractal_noise((rows, columns), rng.uniform(4, 14), rng)
    light = np.where(holes > rng.uniform(2.2, 3.5), rng.uniform(0, 0.2), light)
    labels = np.where(number <= count, number, 0)
    return (light.T, labels.T) if upright else (light, labels)


def hollows(shape: tuple[int, int], rng: np.random.Generator) -> Any:
    """Where a section has pores: round, ragged or drawn out along one direction.

    Returns
    -------
    numpy.ndarray
        Depth, float32: 0 outside of pores.
    """
    scale = float(np.exp(rng.uniform(np.log(4), np.log(24))))
    flat = float(np.exp(rng.uniform(0, np.log(5))))
    stretched = (int(shape[0] * np.sqrt(flat)) + 1, int(shape[1] / np.sqrt(flat)) + 1)
    field = fractal_noise(stretched, scale, rng, octaves=3, roughness=0.4)
    zoom = np.array(shape) / stretched
    rows, columns = (np.arange(n) / z for n, z in zip(shape, zoom, strict=True))
    field = ndi.map_coordinates(
        field, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest"
    )
    if rng.random() < 0.5:
        field = field.T if shape[0] == shape[1] else field[::-1]
    # They come in swarms.
    field = field + 0.5 * smooth_noise(shape, max(shape) / 4, rng)
    return np.clip(field - rng.uniform(1.4, 3.0), 0, None).astype(np.float32)


def porous(light: Any, rng: np.random.Generator) -> tuple[Any, NDArray[np.bool_]]:
    """Put pores and inclusions into a section.

    Parameters
    ----------
    light : numpy.ndarray
        The section, shape (rows, columns).
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        The section with its pores, and where they are, bool.
    """
    depth = hollows(light.shape, rng)
    pores = depth > 0
    floor = rng.uniform(0.02, 0.25) + 0.15 * np.clip(depth, 0, 1)
    light = np.where(pores, np.minimum(floor, 0.8 * light), light)
    rims = blur(pores.astype(np.float32), 1.5) * ~pores  # edges charge up
    light = light + rng.uniform(0, 0.4) * rims
    grains = hollows(light.shape, rng) > 0.3
    return np.where(grains & ~pores, light + rng.uniform(-0.1, 0.4), light), pores
