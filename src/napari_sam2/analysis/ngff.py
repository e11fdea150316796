"""Labels as OME-Zarr: what the arrays of a group are, for other programs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

__all__ = ["CHUNK_SIDE", "create_group", "pyramid_shapes"]

CHUNK_SIDE = 512
"""Rows and columns of a chunk."""

_NAMES = ("t", "c", "z", "y", "x")
_KINDS = {"t": "time", "c": "channel"}


def pyramid_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes of all levels, the coarsest of which fits on a screen.

    There are two at least: napari takes one alone for planes of a pyramid.
    """
    shapes = [shape]
    while len(shapes) < 2 or max(shapes[-1][-2:]) > 2 * CHUNK_SIDE:
        *others, rows, cols = shapes[-1]
        shapes.append((*others, -(-rows // 2), -(-cols // 2)))
    return shapes


def create_group(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    name: str,
    sizes: Sequence[float] | None = None,
    unit: str | None = None,
) -> list[Any]:
    """Make a group with an array for each level, as OME-NGFF 0.5 has it.

    Parameters
    ----------
    path : Path
        Where to; nothing may be there.
    shape : tuple of int
        Of the finest level; at most five axes have a name there.
    dtype : dtype
        Of the ids.
    name : str
        Of the labels.
    sizes : sequence of float, optional
        Distance between neighbouring pixels, for each axis.
    unit : str, optional
        Unit of length of ``sizes``.

    Returns
    -------
    list of zarr.Array
        The finest level first; all are 0.
    """
    import zarr

    shapes = pyramid_shapes(shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    group = zarr.create_group(path, overwrite=False)
    arrays = [
        group.create_array(
            str(number),
            shape=one,
            chunks=(1,) * (len(one) - 2) + (CHUNK_SIDE, CHUNK_SIDE),
            dtype=dtype,
            fill_value=0,
        )
        for number, one in enumerate(shapes)
    ]
    group.attrs["ome"] = _described(
        len(shape), len(shapes), name, list(sizes or [1.0] * len(shape)), unit
    )
    return arrays


def _described(
    ndim: int, levels: int, name: str, sizes: list[float], unit: str | None
) -> dict[str, Any]:
    axes: list[dict[str, str]] = []
    for axis in _NAMES[-ndim:]:
        kind = _KINDS.get(axis, "space")
        known = {"unit": unit} if unit and kind == "space" else {}
        axes.append({"name": axis, "type": kind, **known})
    return {
        "version": "0.5",
        "multiscales": [
            {
                "name": name,
                "axes": axes,
                "datasets": [
                    {
                        "path": str(number),
                        "coordinateTransformations": [
                            {
                                "type": "scale",
                                "scale": [
                                    *sizes[:-2],
                                    *(size * 2**number for size in sizes[-2:]),
                                ],
                            }
                        ],
                    }
                    for number in range(levels)
                ],
            }
        ],
        "image-label": {},
    }
