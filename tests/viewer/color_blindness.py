"""What color-blind eyes see.

The matrices are those of G. M. Machado and others, A physiologically-based model for
simulation of color vision deficiency, 2009, at full severity; for linear RGB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from skimage.color import rgb2lab

_SEES: dict[str, Any] = {
    "all colors": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
EYES = list(_SEES)


def seen(rgb: Any, eyes: str) -> np.ndarray[Any, Any]:
    """Return colors, sRGB from 0 to 1 in the last axis, as some eyes see them."""
    srgb = np.asarray(rgb, dtype=float)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.asarray(_SEES[eyes]).T, 0, 1)
    low, high = 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, low, high)


def difference(one: Any, other: Any, eyes: str) -> float:
    """Return how different two colors look: about 2 can just be told apart (CIE76)."""
    first, second = (rgb2lab(seen(color, eyes)) for color in (one, other))
    return float(np.linalg.norm(first - second))
