"""Outlines: where objects lie and which pixels they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

Patch = tuple[tuple[slice, slice], Any, Any]
"""Where a blob lies, its relative radius (1 on the outline) and its angle."""


def scatter(
    shape: tuple[int, int],
    spacing: float,
    rng: np.random.Generator,
    regularity: float = 0.6,
    margin: float = 0.0,
) -> NDArray[np.float32]:
    """Points at about a given spacing, between a random and a regular arrangement.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the area.
    spacing : float
        Distance of neighbours on a hexagonal lattice, in pixels.
    rng : numpy.random.Generator
        Source of randomness.
    regularity : float
        1 keeps the lattice, 0 moves points by up to a whole spacing.
    margin : float
        How far beyond the area points may lie, in pixels.

    Returns
    -------
    numpy.ndarray
        float32 of shape (points, 2), (row, column), in random order.
    """
    rows = np.arange(-margin, shape[0] + margin, spacing * 0.866)
    columns = np.arange(-margin, shape[1] + margin, spacing)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
    grid[1::2, :, 1] += spacing / 2
    points = grid.reshape(-1, 2) + rng.uniform(0, spacing, 2)
    points += rng.uniform(-1, 1, points.shape) * spacing * (1 - regularity)
    rng.shuffle(points)
    return points.astype(np.float32)


def blob(
    shape: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    elongation: float = 1.0,
    roughness: float = 0.08,
    angle: float | None = None,
    squareness: float = 2.0,
) -> Patch | None:
    """Rasterise a star-convex outline.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    centre : tuple of float
        Row and column.
    radius : float
        Geometric mean of the half axes, in pixels.
    rng : numpy.random.Generator
        Source of randomness.
    elongation : float
        Ratio of the axes.
    roughness : float
        Amplitude of the random harmonics of the outline, relative to the radius.
    angle : float, optional
        Direction of the long axis; random by default.
    squareness : float
        Exponent of the superellipse: 2 is an ellipse, 4 and more a rounded box.

    Returns
    -------
    tuple or None
        The slices of the bounding patch, the radius of its pixels relative to the
        outline (inside where < 1) and their angle; None if it lies outside.
    """
    long = radius * np.sqrt(elongation)
    reach = int(long * (1.5 if squareness > 2 else 1.15) * (1 + 2 * roughness)) + 2
    r0, r1 = max(0, int(centre[0]) - reach), min(shape[0], int(centre[0]) + reach + 1)
    c0, c1 = max(0, int(centre[1]) - reach), min(shape[1], int(centre[1]) + reach + 1)
    if r0 >= r1 or c0 >= c1:
        return None
    turn = rng.uniform(0, np.pi) if angle is None else angle
    rows = np.arange(r0, r1, dtype=np.float32)[:, None] - centre[0]
    columns = np.arange(c0, c1, dtype=np.float32)[None] - centre[1]
    along = (np.cos(turn) * columns + np.sin(turn) * rows) / long
    across = (np.cos(turn) * rows - np.sin(turn) * columns) * long / radius**2
    theta = np.arctan2(across, along)
    distance = (np.abs(along) ** squareness + np.abs(across) ** squareness) ** (
        1 / squareness
    )
    outline = np.ones_like(theta)
    for k in range(2, 6):
        outline += (
            roughness * rng.normal() / (k - 1) * np.cos(k * theta + rng.uniform(0, 7))
        )
    return (
        (slice(r0, r1), slice(c0, c1)),
        distance / np.maximum(outline, 0.3),
        theta,
    )


def stamp(
    labels: NDArray[np.int32], patch: Patch, number: int, keep: float = 0.75
) -> NDArray[np.bool_] | None:
    """Write a blob into the labels, behind what is there already.

    Parameters
    ----------
    labels : numpy.ndarray
        int32, changed in place.
    patch : tuple
        From `blob`.
    number : int
        Label to write.
    keep : float
        Share of the blob that has to stay visible; else nothing is written.

    Returns
    -------
    numpy.ndarray or None
        The visible pixels of the patch, or None if nothing was written.
    """
    where, distance, _ = patch
    inside = distance < 1
    free: NDArray[np.bool_] = inside & (labels[where] == 0)
    # A blob that another cuts in two would be one label in two pieces.
    if free.sum() < max(12, keep * inside.sum()) or ndi.label(free)[1] != 1:
        return None
    labels[where][free] = number
    return free


def mosaic(
    rows: Any,
    columns: Any,
    points: NDArray[np.float32],
    stretch: float = 1.0,
) -> tuple[NDArray[np.int32], Any]:
    """Divide the plane among points (a Voronoi mosaic).

    Parameters
    ----------
    rows, columns : numpy.ndarray
        Coordinates of every pixel, warped or not.
    points : numpy.ndarray
        Shape (points, 2), (row, column).
    stretch : float
        Ratio by which cells are longer along the rows than across them.

    Returns
    -------
    tuple of numpy.ndarray
        Number of the nearest point, from 1, int32; and how much farther the second
        nearest is, float32: 0 on the borders, about twice the distance to them.
    """
    metric = np.array([1 / stretch, 1], np.float32)
    pixels = np.stack([rows.ravel(), columns.ravel()], -1) * metric
    distance, nearest = cKDTree(points * metric).query(pixels, k=2)
    gap = (distance[:, 1] - distance[:, 0]).astype(np.float32)
    return (
        (nearest[:, 0] + 1).astype(np.int32).reshape(rows.shape),
        gap.reshape(rows.shape),
    )


def pieces(labels: NDArray[np.int32], smallest: int = 30) -> NDArray[np.int32]:
    """Give every connected piece of every label a label of its own.

    Parameters
    ----------
    labels : numpy.ndarray
        int32.
    smallest : int
        Pieces of fewer pixels become background.

    Returns
    -------
    numpy.ndarray
        int32 of the same shape.
    """
    from skimage.measure import label

    parts = label(labels, background=0, connectivity=1)
    sizes = np.bincount(parts.ravel())
    parts[sizes[parts] < smallest] = 0
    return np.asarray(parts, np.int32)
