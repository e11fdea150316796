"""Random fields: the textures and the warps that scenes are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

Field = Any  # a float32 array of shape (rows, columns)


def smooth_noise(
    shape: tuple[int, int], scale: float, rng: np.random.Generator
) -> Field:
    """Gaussian noise of a given correlation length, mean 0 and deviation 1.

    The noise is drawn on a coarse grid and interpolated, so large scales are cheap.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    scale : float
        Correlation length in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        float32 of the given shape.
    """
    step = max(1, int(scale / 2))
    coarse = tuple(-(-n // step) + 4 for n in shape)
    noise = rng.standard_normal(coarse).astype(np.float32)
    noise = ndi.gaussian_filter(noise, max(scale / step / 2, 0.4), mode="wrap")
    if step > 1:
        rows, columns = (np.arange(n, dtype=np.float32) / step + 1 for n in shape)
        grid = np.meshgrid(rows, columns, indexing="ij")
        noise = ndi.map_coordinates(noise, grid, order=1)
    else:
        noise = noise[: shape[0], : shape[1]]
    noise -= noise.mean()
    return noise / (noise.std() + 1e-6)


def fractal_noise(
    shape: tuple[int, int],
    scale: float,
    rng: np.random.Generator,
    octaves: int = 4,
    roughness: float = 0.55,
) -> Field:
    """Sum of smooth noises, each half as coarse and `roughness` times as strong."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        total += roughness**octave * smooth_noise(
            shape, max(scale / 2**octave, 1.0), rng
        )
    return total / (total.std() + 1e-6)


def unit(field: Field) -> Field:
    """Rescale a field to 0-1."""
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def warped_grid(
    shape: tuple[int, int], strength: float, scale: float, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Row and column coordinates of every pixel, bent by a smooth random field.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    strength : float
        Root mean square displacement in pixels.
    scale : float
        Correlation length of the displacement in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of numpy.ndarray
        Rows and columns, float32 of the given shape.
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return (
        rows + strength * smooth_noise(shape, scale, rng),
        columns + strength * smooth_noise(shape, scale, rng),
    )


def rim(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels whose right or lower neighbour carries another label."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def depth(labels: NDArray[np.int32]) -> Field:
    """Distance of every labelled pixel to the nearest pixel of another label."""
    edge = rim(labels)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    distance = ndi.distance_transform_edt(~edge).astype(np.float32)
    return np.where(labels > 0, distance, 0)
