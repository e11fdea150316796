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


def discs(shape: tuple[int, int], centres: Any, radii: Any) -> Patch | None:
    """Rasterise a row of overlapping discs: a tapering line, or a body with arms.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    centres : numpy.ndarray
        Shape (discs, 2), (row, column); about a pixel apart.
    radii : numpy.ndarray
        Shape (discs,). A line stays in one piece if they are at least 0.75 pixels.

    Returns
    -------
    tuple or None
        As from `blob`: slices, radius relative to the outline, and the angle seen from
        the middle; None if it lies outside.
    """
    reach = radii[:, None] * 1.5 + 2
    low = np.maximum(np.floor((centres - reach).min(0)).astype(int), 0)
    high = np.minimum(np.ceil((centres + reach).max(0)).astype(int) + 1, shape)
    if (low >= high).any():
        return None
    distance = np.full(high - low, 1.5, np.float32)
    rows = np.arange(low[0], high[0], dtype=np.float32)[:, None]
    columns = np.arange(low[1], high[1], dtype=np.float32)[None]
    first = np.maximum(np.floor(centres - reach).astype(int) - low, 0)
    last = np.maximum(np.ceil(centres + reach).astype(int) + 1 - low, 0)
    for (row, column), radius, (r0, c0), (r1, c1) in zip(
        centres, radii, first, last, strict=True
    ):
        near = distance[r0:r1, c0:c1]
        if near.size:
            away = np.hypot(rows[r0:r1] - row, columns[:, c0:c1] - column)
            np.minimum(near, away / radius, out=near)
    middle = centres.mean(0)
    theta = np.arctan2(rows - middle[0], columns - middle[1])
    return (slice(low[0], high[0]), slice(low[1], high[1])), distance, theta


def track(
    start: Any,
    heading: float,
    length: float,
    rng: np.random.Generator,
    bend: float = 0.03,
) -> Any:
    """Points a pixel apart along a line that wanders off from its start.

    Parameters
    ----------
    start : array of float
        Row and column of the first point.
    heading : float
        Direction at the start; 0 is along the columns.
    length : float
        In pixels.
    rng : numpy.random.Generator
        Source of randomness.
    bend : float
        Deviation of the change of direction from one pixel to the next.

    Returns
    -------
    numpy.ndarray
        Shape (points, 2), (row, column), at least two points.
    """
    count = max(2, int(length))
    turns = np.cumsum(rng.normal(0, bend, count))
    # Wandering without end would curl up.
    turns = heading + np.clip(turns, -1.2, 1.2)
    return np.asarray(start) + np.stack([np.sin(turns), np.cos(turns)], -1).cumsum(0)


def make_room(
    points: NDArray[np.float32], share: float, reach: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Take away what is near some of the points: cells become very unequal in size.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (points, 2), (row, column).
    share : float
        Share of the points that get more room.
    reach : float
        How far around them the others vanish, at most, in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        The points that are left.
    """
    left = np.ones(len(points), bool)
    tree = cKDTree(points)
    for index in np.flatnonzero(rng.random(len(points)) < share):
        if left[index]:
            near = tree.query_ball_point(points[index], reach * rng.uniform(0.4, 1))
            left[near] = False
            left[index] = True
    return points[left]


def mosaic(
    rows: Any,
    columns: Any,
    points: NDArray[np.float32],
    stretch: float = 1.0,
    angle: float = 0.0,
) -> tuple[NDArray[np.int32], NDArray[np.int32], Any]:
    """Divide the plane among points (a Voronoi mosaic).

    Parameters
    ----------
    rows, columns : numpy.ndarray
        Coordinates of every pixel, warped or not.
    points : numpy.ndarray
        Shape (points, 2), (row, column).
    stretch : float
        Ratio by which cells are longer along one direction than across it.
    angle : float
        That direction; 0 is along the rows.

    Returns
    -------
    tuple of numpy.ndarray
        Number of the nearest point, from 1, and that of the second nearest, int32; and
        the distance to the border between the two, float32, exact close to it.
    """
    # A stretched mosaic is an ordinary one seen in squeezed coordinates.
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    squeeze = (np.diag([1 / stretch, 1]) @ turn).astype(np.float32)
    pixels = np.stack([rows.ravel(), columns.ravel()], -1) @ squeeze.T
    seeds = points @ squeeze.T
    away, nearest = cKDTree(seeds).query(pixels, k=2)
    # How far it is to the border: the difference of the distances over its slope.
    towards = (pixels[:, None] - seeds[nearest]) / (away[..., None] + 1e-6)
    slope = np.hypot(*((towards[:, 1] - towards[:, 0]) @ squeeze).T)
    distance = (away[:, 1] - away[:, 0]) / np.maximum(slope, 0.05)
    cells = (nearest + 1).astype(np.int32).T.reshape(2, *rows.shape)
    return cells[0], cells[1], distance.astype(np.float32).reshape(rows.shape)


def each_wall(cell: Any, other: Any, draws: Any) -> Any:
    """Give every wall, the border of a pair of cells, a number of its own.

    Parameters
    ----------
    cell, other : numpy.ndarray
        From `mosaic`.
    draws : numpy.ndarray
        Numbers to choose from, shape (many,).

    Returns
    -------
    numpy.ndarray
        float32, the same on both sides of a wall.
    """
    cell, other = cell.astype(np.int64), other.astype(np.int64)
    return draws[(cell * other + cell + other) % len(draws)].astype(np.float32)


def pieces(
    labels: NDArray[np.int32], smallest: int = 30, connectivity: int = 1
) -> NDArray[np.int32]:
    """Give every connected piece of every label a label of its own.

    Parameters
    ----------
    labels : numpy.ndarray
        int32.
    smallest : int
        Pieces of fewer pixels become background.
    connectivity : int
        2 where pixels that meet at a corner are connected: for lines.

    Returns
    -------
    numpy.ndarray
        int32 of the same shape.
    """
    from skimage.measure import label

    parts = label(labels, background=0, connectivity=connectivity)
    sizes = np.bincount(parts.ravel())
    parts[sizes[parts] < smallest] = 0
    return np.asarray(parts, np.int32)
