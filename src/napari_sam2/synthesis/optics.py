"""What a microscope and its camera do to a specimen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam2.synthesis.fields import smooth_noise, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def blur(image: Any, sigma: float) -> Any:
    """Gaussian point spread of a given width; channels are left apart."""
    widths = (sigma, sigma, 0)[: image.ndim]
    return ndi.gaussian_filter(image, widths, mode="reflect")


def illumination(
    shape: tuple[int, int], strength: float, rng: np.random.Generator
) -> Any:
    """Uneven light: a field around 1 that varies slowly by up to `strength`."""
    return 1 + strength * (unit(smooth_noise(shape, max(shape) / 2, rng)) - 0.5).astype(
        np.float32
    )


def camera(
    light: Any, photons: float, rng: np.random.Generator, offset: float = 100.0
) -> NDArray[np.uint16]:
    """Count photons as a 16-bit scientific camera does.

    Parameters
    ----------
    light : numpy.ndarray
        Intensity, about 0-1.
    photons : float
        Mean count at intensity 1.
    rng : numpy.random.Generator
        Source of randomness.
    offset : float
        Counts of a dark pixel.

    Returns
    -------
    numpy.ndarray
        uint16 of the same shape.
    """
    counts = rng.poisson(np.clip(light, 0, None) * photons).astype(np.float32)
    counts += offset + rng.normal(0, 2.5, light.shape)
    return np.asarray(np.clip(np.rint(counts), 0, 65535), np.uint16)


def eight_bit(
    light: Any, noise: float, rng: np.random.Generator, grain: float = 0.0
) -> NDArray[np.uint8]:
    """Digitise to 8 bits.

    Parameters
    ----------
    light : numpy.ndarray
        Intensity, about 0-1, shape (rows, columns) or (rows, columns, 3).
    noise : float
        Deviation of the noise, relative to full scale.
    rng : numpy.random.Generator
        Source of randomness.
    grain : float
        Correlation length of the noise in pixels; 0 is white noise.

    Returns
    -------
    numpy.ndarray
        uint8 of the same shape.
    """
    error = rng.standard_normal(light.shape).astype(np.float32)
    if grain > 0:
        error = blur(error, grain)
        error /= error.std() + 1e-6
    return np.asarray(np.clip(np.rint(255 * (light + noise * error)), 0, 255), np.uint8)


def halo(contrast: Any, reach: float, strength: float) -> Any:
    """Phase-contrast image of an optical path difference.

    The phase ring lets low frequencies pass as well, which surrounds dark bodies
    with bright rims.

    Parameters
    ----------
    contrast : numpy.ndarray
        Optical path difference, positive in the specimen.
    reach : float
        Width of the halo in pixels.
    strength : float
        0 leaves no halo, 1 is the ideal ring.

    Returns
    -------
    numpy.ndarray
        Change of the intensity, negative in the specimen.
    """
    return strength * blur(contrast, reach) - contrast
