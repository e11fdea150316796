"""Sections of materials: pores and cracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam2.synthesis.fields import fractal_noise, rim, smooth_noise
from napari_sam2.synthesis.grounds import bands, porous, surface
from napari_sam2.synthesis.optics import blur, eight_bit, illumination
from napari_sam2.synthesis.shapes import discs, pieces, track

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
    light = surface(shape, rng)
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
    """Paint thin cracks, in a plain surface or in a layered and porous section.

    Scratches, pores, inclusions and the seams between layers are not labelled.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Image, uint8, and labels, int32. Cracks that cross are one object, a crack
        that a pore interrupts is several.
    """
    number = np.zeros(shape, np.int32)
    solid = np.ones(shape, bool)
    light = surface(shape, rng)
    if rng.random() < 0.65:
        light, number = bands(shape, rng)
        light = 0.2 + 0.7 * light  # a crack is darker than any of them
        if rng.random() < 0.5:
            light -= rng.uniform(0.03, 0.15) * rim(number)  # seams
    if rng.random() < 0.6:
        light, pores = porous(light, rng)
        solid = ~pores
    for _ in range(rng.integers(0, 4)):
        at = rng.uniform(0, 1, 2) * shape
        way = rng.uniform(0, np.pi)
        light += 0.1 * rng.choice([-1, 1]) * _crack(shape, at, way, 0.8, 0.01, rng)[0]

    opening = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.int32)
    # Stress opens cracks side by side, often straight through one layer.
    across = rng.uniform(0, np.pi)
    where = solid
    if rng.random() < 0.8:
        chosen = solid & (number == number[tuple(rng.integers(shape))])
        where = chosen if chosen.any() else solid
        lying = np.ptp(number[:, 0]) > np.ptp(number[0])
        across = np.pi / 2 if lying else 0.0
    places = np.argwhere(where)
    bend = float(np.exp(rng.uniform(np.log(0.02), np.log(0.2))))
    widest = float(np.exp(rng.uniform(np.log(1.0), np.log(5.0))))
    for _ in range(rng.integers(2, 9)):
        width = max(1.0, widest * rng.uniform(0.4, 1))
        at = places[rng.integers(len(places))]
        way = across + rng.normal(0, 0.25)
        new, inside = _crack(shape, at, way, width, bend, rng)
        opening = np.maximum(opening, new * where)
        labels[inside & where] = 1
    labels = pieces(labels, smallest=20, connectivity=2)
    # What is too short to be labelled is not there at all.
    opening *= ndi.maximum_filter(labels, 3) > 0
    light = light * (1 - rng.uniform(0.35, 0.95) * opening)
    light = blur(light, rng.uniform(0.4, 1.2)) * illumination(shape, 0.4, rng)
    return eight_bit(light, rng.uniform(0.005, 0.035), rng, grain=0.5), labels


def _crack(
    shape: tuple[int, int],
    middle: Any,
    heading: float,
    width: float,
    bend: float,
    rng: np.random.Generator,
) -> tuple[Any, NDArray[np.bool_]]:
    """A line of varying width that fades here and there and may branch.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    middle : array of float
        Row and column of a point on it.
    heading : float
        Direction.
    width : float
        Mean width in pixels.
    bend : float
        How much it wanders, see `track`.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Depth, 0-1, and the pixels that belong to it, bool.
    """
    depth = np.zeros(shape, np.float32)
    inside = np.zeros(shape, bool)
    length = rng.uniform(0.2, 1.0) * max(shape)
    line = track((0, 0), heading, length, rng, bend)
    line += middle - line[len(line) // 2]
    lines = [line]
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        fork = heading + rng.choice([-1, 1]) * rng.uniform(0.3, 1.2)
        start = line[rng.integers(len(line))]
        lines.append(track(start, fork, length * rng.uniform(0.1, 0.5), rng, bend))
    faint = rng.uniform(0.35, 1) + 0.4 * smooth_noise(shape, length / 6, rng)
    for line in lines:
        ragged = 1 + 0.35 * smooth_noise((len(line), 1), 20, rng)[:, 0]
        ends = np.clip((len(line) - np.arange(len(line))) / (4 * width), 0.2, 1)
        half = width / 2 * np.clip(ragged, 0.5, 2) * ends
        # At least so wide that the label does not fall apart.
        patch = discs(shape, line, np.maximum(half, 0.75))
        if patch is None:
            continue
        where, distance, _ = patch
        inside[where] |= distance < 1
        soft = np.clip(1.5 - distance, 0, 1) * min(1, width / 1.5)
        depth[where] = np.maximum(depth[where], soft * np.clip(faint[where], 0.45, 1))
    return depth, inside
