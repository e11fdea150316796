"""Stained specimens in colour: tissue sections and blood smears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.synthesis.fields import fractal_noise, smooth_noise, unit
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import blob, scatter, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Optical densities of the stains in red, green and blue (Ruifrok and Johnston 2001).
HAEMATOXYLIN = np.array([0.65, 0.70, 0.29], np.float32)
EOSIN = np.array([0.07, 0.99, 0.11], np.float32)


def _transmit(densities: list[tuple[Any, Any]]) -> Any:
    """Light that passes through stains (Beer and Lambert)."""
    total = sum(amount[..., None] * stain for amount, stain in densities)
    return np.exp(-np.clip(total, 0, None))


def _vary(stain: Any, rng: np.random.Generator) -> Any:
    """Colour of a stain as another laboratory would have it."""
    return np.clip(stain + rng.normal(0, 0.07, 3), 0.02, 1.2).astype(np.float32)


def histology(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint nuclei in a section stained with haematoxylin and eosin.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8 of shape (rows, columns, 3), and labels, int32.
    """
    radius = rng.uniform(6, 20)
    slender, spread = rng.uniform(1.3, 3.0), rng.uniform(0.1, 0.35)
    fibres = np.abs(fractal_noise(shape, radius * 2.5, rng, octaves=5, roughness=0.7))
    # Some sections carry the one stain alone.
    eosin = (rng.uniform(0.2, 0.6) if rng.random() < 0.7 else 0.04) * (
        0.6 + 0.4 * unit(fibres) + 0.3 * unit(fractal_noise(shape, radius * 8, rng))
    )
    holes = fractal_noise(shape, radius * 6, rng, octaves=2) > rng.uniform(1.2, 2.6)
    haematoxylin = 0.1 * unit(fractal_noise(shape, radius * 3, rng))

    labels = np.zeros(shape, np.int32)
    chromatin = fractal_noise(shape, radius * 0.6, rng, octaves=3)
    crowd = fractal_noise(shape, radius * 7, rng, octaves=2)
    sparse = rng.uniform(-1.2, 0.4)
    faintest, grain = rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.5)
    # Nuclei above and below the focus: none in thin sections, many in thick ones.
    deep = rng.uniform(0, 0.6) if rng.random() < 0.5 else 0.0
    planes = np.zeros((2, *shape), np.float32)
    for number, centre in enumerate(
        scatter(shape, radius * rng.uniform(1.9, 3.0), rng, 0.3, radius / 2), start=1
    ):
        row = int(np.clip(centre[0], 0, shape[0] - 1))
        column = int(np.clip(centre[1], 0, shape[1] - 1))
        if holes[row, column] or crowd[row, column] < sparse:
            continue
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            radius * np.exp(rng.normal(0, spread)),
            rng,
            elongation=rng.uniform(1.0, slender),
            roughness=rng.uniform(0.04, 0.14),
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number)
        if visible is None:
            continue
        edge = 0.75 + 0.45 * np.clip(patch[1], 0, 1) ** 4
        amount = rng.uniform(faintest, 1.5) * edge * (1 + grain * chromatin[patch[0]])
        focus = int(rng.random() < deep)
        planes[focus][patch[0]] += visible * np.clip(amount, 0.1, 2)
    # A nucleus at the brim of a hole is whole.
    holes &= labels == 0
    haematoxylin += blur(planes[0], 0.8) + blur(planes[1], radius * 0.15 + 0.8)
    eosin[holes] *= 0.1
    haematoxylin[holes] *= 0.1
    light = _transmit(
        [
            (haematoxylin, _vary(HAEMATOXYLIN, rng)),
            (blur(eosin, 0.8), _vary(EOSIN, rng)),
        ]
    )
    light = (
        blur(light, rng.uniform(0.4, 1.2)) * illumination(shape, 0.15, rng)[..., None]
    )
    return eight_bit(light, rng.uniform(0.01, 0.03), rng, grain=0.6), labels


def smear(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint a blood smear: red cells with central pallor and a few white cells.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8 of shape (rows, columns, 3), and labels, int32. A white cell is
        one object, its nucleus belongs to it.
    """
    radius = rng.uniform(16, 44)
    labels = np.zeros(shape, np.int32)
    red = np.zeros(shape, np.float32)
    plasma = np.zeros(shape, np.float32)
    nucleus = np.zeros(shape, np.float32)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    texture = fractal_noise(shape, radius * 0.3, rng, octaves=3)
    points = scatter(shape, radius * rng.uniform(2.2, 3.2), rng, 0.3, radius / 2)
    whites = rng.integers(1, 1 + max(2, len(points) // 12))
    for number, centre in enumerate(points, start=1):
        white = number <= whites
        size = (
            radius
            * np.exp(rng.normal(0, 0.08))
            * (rng.uniform(1.2, 1.7) if white else 1)
        )
        patch = blob(
            shape,
            (float(centre[0]), float(centre[1])),
            size,
            rng,
            rng.uniform(1.0, 1.25),
            roughness=0.04,
        )
        if patch is None:
            continue
        visible = stamp(labels, patch, number, keep=0.6)
        if visible is None:
            continue
        where, distance, _ = patch
        if white:
            plasma[where] += visible * 0.45 * (1 + 0.2 * texture[where])
            for _ in range(rng.integers(1, 5)):  # lobes
                shift = rng.normal(0, 0.28 * size, 2)
                lobe = np.hypot(
                    rows[where] - centre[0] - shift[0],
                    columns[where] - centre[1] - shift[1],
                )
                inside = lobe < size * rng.uniform(0.35, 0.6)
                nucleus[where] = np.maximum(nucleus[where], visible * inside)
        else:
            pallor = 1 - 0.6 * np.exp(-((distance / 0.45) ** 2)) * rng.uniform(0, 1)
            red[where] += visible * pallor * rng.uniform(0.3, 0.55)
    nucleus *= 1.1 * (1 + 0.15 * texture)
    pink = _vary(np.array([0.15, 0.75, 0.6], np.float32), rng)
    lilac = _vary(np.array([0.45, 0.75, 0.2], np.float32), rng)
    violet = _vary(np.array([0.8, 1.1, 0.35], np.float32), rng)
    haze = 0.05 + 0.03 * unit(smooth_noise(shape, radius * 4, rng))
    light = _transmit([(red, pink), (plasma, lilac), (nucleus, violet), (haze, pink)])
    light = (
        blur(light, rng.uniform(0.6, 1.6)) * illumination(shape, 0.2, rng)[..., None]
    )
    return eight_bit(light, rng.uniform(0.008, 0.025), rng, grain=0.6), labels
