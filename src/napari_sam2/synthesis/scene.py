"""A scene, and the table of the kinds of scene that can be generated."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Painters are looked up by name so that importing this package loads no scipy.
_PAINTERS = {
    "nuclei": "nuclei",
    "cells": "tissue",
    "membranes": "tissue",
    "phase": "transmitted",
    "bacteria": "transmitted",
    "histology": "stained",
    "smear": "stained",
    "neurites": "electron",
    "organelles": "electron",
    "particles": "particles",
    "precipitates": "particles",
    "pores": "materials",
    "cracks": "materials",
    "defects": "defects",
    "layers": "large",
    "organoids": "large",
}

KINDS: tuple[str, ...] = tuple(_PAINTERS)
"""Names of the kinds that `generate` knows."""


@dataclass(frozen=True)
class Scene:
    """An image and the truth about it.

    Attributes
    ----------
    image : numpy.ndarray
        Shape (rows, columns) or (rows, columns, 3), dtype uint8 or uint16.
    labels : numpy.ndarray
        Shape (rows, columns), dtype uint16; 0 is background, one number per object,
        consecutive from 1.
    name : str
        Kind and seed, for layer names and file names.
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    labels: NDArray[np.uint16]
    name: str


def generate(kind: str, shape: tuple[int, int] = (512, 512), seed: int = 0) -> Scene:
    """Generate one scene.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    shape : tuple of int
        Rows and columns, each at least 64.
    seed : int
        The same kind, shape and seed give the same scene.

    Returns
    -------
    Scene
        Image and labels of the given shape.

    Raises
    ------
    ValueError
        If the kind is unknown or the shape is smaller than 64 x 64.
    """
    if kind not in _PAINTERS:
        raise ValueError(f"unknown kind {kind!r}; choose one of {', '.join(KINDS)}")
    if min(shape) < 64:
        raise ValueError(f"a scene needs at least 64 x 64 pixels, not {shape}")
    painter = getattr(import_module(f"{__package__}.{_PAINTERS[kind]}"), kind)
    # The kind takes part in the seed, so that kinds do not share their layout.
    rng = np.random.default_rng([crc32(kind.encode()), seed])
    image, labels = painter(shape, rng)
    return Scene(image, _consecutive(labels), f"{kind} {seed}")


def _consecutive(labels: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Number the labels that are left 1, 2, 3, ... in their present order."""
    _, inverse = np.unique(np.append(labels.ravel(), 0), return_inverse=True)
    return inverse[:-1].reshape(labels.shape).astype(np.uint16)
