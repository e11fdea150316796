"""Images to try the tool on: File ▸ Open Sample ▸ SAM 2.

The real ones come with scikit-image, the synthetic ones from
`napari_sam2.synthesis`: none needs the network. Each function returns layers as
napari's sample data contributions do: ``(data, attributes, type of layer)``. A
synthetic image brings a hidden Labels layer ``truth``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = [
    "SYNTHETIC",
    "cell",
    "coins",
    "colon",
    "retina",
    "synthetic",
]

LayerData = tuple[Any, dict[str, Any], str]

SYNTHETIC = {
    "nuclei": 0,
    "cells": 1,
    "membranes": 9,
    "phase": 8,
    "histology": 4,
    "smear": 1,
    "organelles": 1,
    "precipitates": 1,
    "pores": 1,
}
"""Kinds of synthetic scenes on offer, each with the seed of a typical one."""


def cell() -> list[LayerData]:
    """Open one cell, floating: quantitative phase, shape (660, 550), uint8.

    By Müller et al., Optics Express 26, 10729 (2018), CC0; 0.107 µm a pixel.
    """
    attributes = {"name": "cell", "scale": (0.107, 0.107), "units": ("µm", "µm")}
    return [(_carried("cell"), attributes, "image")]


def colon() -> list[LayerData]:
    """Open colonic glands: DAB and hematoxylin, shape (512, 512, 3), uint8."""
    image = _carried("immunohistochemistry")
    return [(image, {"name": "colon (IHC)", "rgb": True}, "image")]


def coins() -> list[LayerData]:
    """Open Greek coins from Pompeii: shape (303, 384), uint8."""
    return [(_carried("coins"), {"name": "coins"}, "image")]


def retina() -> list[LayerData]:
    """Open microaneurysms of a retina: shape (102, 102), uint8.

    From the High-Resolution Fundus image database (Budai et al., 2013), CC0.
    """
    return [(_carried("microaneurysms"), {"name": "microaneurysms"}, "image")]


def _carried(name: str) -> Any:
    """Load one of the images that are part of scikit-image itself."""
    from skimage import data

    return getattr(data, name)()


def synthetic(
    kind: str, *, shape: tuple[int, int] = (512, 512), seed: int | None = None
) -> list[LayerData]:
    """Open a synthetic scene and, hidden, the exact truth about it.

    Parameters
    ----------
    kind : str
        One of `napari_sam2.synthesis.KINDS`.
    shape : tuple of int
        Rows and columns.
    seed : int, optional
        Another seed, another scene; by default that of :data:`SYNTHETIC`.

    Returns
    -------
    list of tuple
        An Image layer, shape ``shape`` or ``(*shape, 3)``, uint8 or uint16; and
        a read-only Labels layer named ``truth``, shape ``shape``, uint16.
    """
    from napari_sam2.synthesis import generate

    scene = generate(kind, shape, seed=SYNTHETIC.get(kind, 0) if seed is None else seed)
    rgb = scene.image.ndim == 3
    # Read-only, so that no tool takes it for the place where objects are kept.
    scene.labels.flags.writeable = False
    return [
        (scene.image, {"name": kind, "rgb": rgb}, "image"),
        (scene.labels, {"name": "truth", "visible": False}, "labels"),
    ]


# napari calls a name without arguments.
nuclei = partial(synthetic, "nuclei")
cells = partial(synthetic, "cells")
membranes = partial(synthetic, "membranes")
phase = partial(synthetic, "phase")
histology = partial(synthetic, "histology")
smear = partial(synthetic, "smear")
organelles = partial(synthetic, "organelles")
precipitates = partial(synthetic, "precipitates")
pores = partial(synthetic, "pores")
