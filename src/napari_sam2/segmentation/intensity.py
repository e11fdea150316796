"""From the intensities of a plane to the RGB bytes that the model sees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PERCENTILES", "Contrast", "checked", "limits_of", "to_rgb"]

PERCENTILES = (0.1, 99.9)
"""Intensities that become black and white, where no limits are given."""

# Enough for percentiles, and done in a few milliseconds however large the plane.
_SAMPLES = 1 << 18

# Pixels that are turned into floats at a time.
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Contrast:
    """How intensities become brightness.

    Attributes
    ----------
    low, high : float
        Intensities that become black and white.
    gamma : float
        Shares of the way from black to white are raised to this power: above 1
        darkens what lies between, as the gamma of a napari layer does.
    """

    low: float
    high: float
    gamma: float = 1.0


def checked(image: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return an image as an array, if it is one that can be segmented.

    Parameters
    ----------
    image : array_like
        Gray (rows, cols), or RGB or RGBA (rows, cols, 3 or 4), of booleans,
        integers or real numbers.

    Raises
    ------
    ImageError
        If it is empty, of another shape, or not made of numbers.
    """
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise ImageError(
            "An image must be made of booleans, integers or real numbers, not of "
            f"{array.dtype}."
        )
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ImageError(
            "One plane is segmented at a time: gray (rows, columns) or RGB(A) "
            f"(rows, columns, 3 or 4). This array has the shape {array.shape}; "
            "choose a plane of it."
        )
    if array.size == 0:
        raise ImageError(f"The image is empty: its shape is {array.shape}.")
    return array


def to_rgb(
    image: npt.ArrayLike,
    limits: tuple[float, float] | None = None,
    gamma: float = 1.0,
) -> npt.NDArray[np.uint8]:
    """Map the intensities of one plane to RGB bytes.

    Without limits, gray planes and RGB of other types are stretched between
    their :data:`PERCENTILES`, all channels alike, or between their extremes
    where these percentiles coincide. RGB of bytes passes unchanged, RGB of
    floats that lie within 0 to 1 is scaled by 255, and booleans become black
    and white. Alpha is dropped. NaN becomes black; infinities lie beyond the
    limits. A constant image becomes black.

    Parameters
    ----------
    image : array_like, shape (rows, cols), (rows, cols, 3) or (rows, cols, 4)
        Booleans, integers or real numbers.
    limits : tuple of float, optional
        The intensities that become black and white.
    gamma : float
        Bends what lies between them, see :class:`Contrast`.

    Returns
    -------
    ndarray of uint8, shape (rows, cols, 3)
        Read-only where it shares memory: a gray plane is broadcast, its last
        axis has stride 0.

    Raises
    ------
    ImageError
        If the image cannot be segmented, if it has no finite value, if the limits
        are not two finite numbers in ascending order, or gamma is not positive.
    """
    array = checked(image)
    if array.ndim == 3:
        array = array[..., :3]
    found = limits_of(array) if limits is None else _checked_limits(limits)
    if not (math.isfinite(gamma) and gamma > 0):
        raise ImageError(f"Gamma is a number above 0, not {gamma}.")
    if found is None:
        return array
    pixels = _stretched(array, Contrast(*found, gamma))
    if pixels.ndim == 2:
        return np.broadcast_to(pixels[..., np.newaxis], (*pixels.shape, 3))
    return pixels


def _checked_limits(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = map(float, limits)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ImageError(
            f"Contrast limits are two numbers, low and high, not {(low, high)}."
        )
    return low, high


def limits_of(image: npt.ArrayLike) -> tuple[float, float] | None:
    """Return the intensities that become black and white, where none are given.

    Parameters
    ----------
    image : array_like, shape (rows, cols), (rows, cols, 3) or (rows, cols, 4)
        Booleans, integers or real numbers.

    Returns
    -------
    tuple of float or None
        None for RGB of bytes, which is shown as it is.

    Raises
    ------
    ImageError
        If the image cannot be segmented, or has no finite value.
    """
    array = checked(image)
    if array.ndim == 3:
        array = array[..., :3]
        if array.dtype == np.uint8:
            return None
    if array.dtype == bool:
        return 0.0, 1.0
    sample = _finite(_thinned(array))
    if sample.size == 0:
        # So few values are finite that the sample missed them.
        sample = _finite(array)
    if sample.size == 0:
        raise ImageError("The image has no finite value: all is NaN or infinite.")
    if array.ndim == 3 and array.dtype.kind == "f":
        inside = _finite(array)
        if inside.min() >= 0 and inside.max() <= 1:
            return 0.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        # Between neighbors that are farther apart than any number is large.
        low, high = (float(v) for v in np.percentile(sample, PERCENTILES))
    if low < high and math.isfinite(low) and math.isfinite(high):
        return low, high
    # All but a few pixels are alike: these few are what there is to see.
    everything = _finite(array)
    return float(everything.min()), float(everything.max())


def _thinned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Take every n-th row and column of a large plane."""
    step = math.ceil(math.sqrt(array.shape[0] * array.shape[1] / _SAMPLES))
    # A long and narrow plane is thinned along its length only.
    rows = min(step, array.shape[0])
    cols = min(step, array.shape[1])
    return array[::rows, ::cols]


def _finite(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind != "f":
        return array.ravel()
    # Percentiles of half precision would be rounded to it.
    values = array if array.dtype.itemsize > 2 else array.astype(np.float32)
    finite: npt.NDArray[Any] = values[np.isfinite(values)]
    return finite


def _stretched(array: npt.NDArray[Any], contrast: Contrast) -> npt.NDArray[np.uint8]:
    low, high = contrast.low, contrast.high
    if array.dtype in (np.bool_, np.uint8, np.uint16):
        # A table has an entry for each intensity there can be.
        values = np.arange(2 ** (8 * array.dtype.itemsize))
        table = _mapped(values.astype(np.float64), contrast)
        indices = array.view(np.uint8) if array.dtype == bool else array
        looked_up: npt.NDArray[np.uint8] = np.take(table, indices)
        return looked_up
    pixels = np.empty(array.shape, dtype=np.uint8)
    # Single precision for what is no more precise, if the limits fit into it.
    single = (
        array.dtype.kind == "f"
        and array.dtype.itemsize <= 4
        and high - low > 1e-30
        and max(abs(low), abs(high)) < 1e30
    )
    real = np.float32 if single else np.float64
    step = max(1, _CHUNK // max(1, array[0].size))
    for start in range(0, len(array), step):
        rows = slice(start, start + step)
        pixels[rows] = _mapped(array[rows].astype(real), contrast)
    return pixels


def _mapped(
    values: npt.NDArray[np.floating], contrast: Contrast
) -> npt.NDArray[np.uint8]:
    low, high = contrast.low, contrast.high
    if low == high:
        return np.where(values > high, np.uint8(255), np.uint8(0))
    # Clipped first: beyond the limits, differences may overflow.
    values = np.clip(values, low, high)
    if not math.isfinite(high - low):
        values, low, high = values / 4, low / 4, high / 4
    shares = (values - low) / (high - low)
    np.nan_to_num(shares, copy=False, nan=0.0)
    if contrast.gamma != 1:
        shares **= contrast.gamma
    return np.rint(shares * 255).astype(np.uint8)
