"""Labels that do not fit into memory to files: a tile, or a block, at a time."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.analysis.blocks import blocks_in
from napari_sam2.analysis.ngff import CHUNK_SIDE, create_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["write_tiles", "write_zarr"]


def write_tiles(file: BinaryIO, labels: Any, **options: Any) -> None:
    """Write a BigTIFF of tiles, with the levels that the labels have of themselves.

    Parameters
    ----------
    file : binary file
        Where to.
    labels : array of int, shape (..., rows, cols)
        Sliced as numpy arrays are. If it is a level of sparse labels, the coarser ones
        of a single plane go into the file as well.
    **options
        Of :meth:`tifffile.TiffWriter.write`, for the finest level.
    """
    import tifffile

    coarser = list(getattr(labels, "coarser", ())) if labels.ndim == 2 else []
    shared: dict[str, Any] = {
        "dtype": _native(labels),
        "tile": (CHUNK_SIDE, CHUNK_SIDE),
        "photometric": "minisblack",
        "compression": "zlib",
    }
    if coarser:
        # What tifffile notes of the shape of all pages would not fit the levels.
        options["description"] = json.dumps(options.pop("metadata", {}))
        options["metadata"] = None
    with tifffile.TiffWriter(file, bigtiff=True) as writer:
        writer.write(
            _tiles(labels),
            shape=labels.shape,
            subifds=len(coarser),
            **shared,
            **options,
        )
        for level in coarser:
            writer.write(
                _tiles(level),
                shape=level.shape,
                subfiletype=1,
                metadata=None,
                **shared,
            )


def _tiles(labels: Any) -> Iterator[bytes]:
    """Compress tiles in the order of the file; one that is empty is compressed once."""
    side = CHUNK_SIDE
    rows, cols = labels.shape[-2:]
    blank = np.zeros((side, side), _native(labels))
    nothing = zlib.compress(blank.tobytes())
    for plane in np.ndindex(*labels.shape[:-2]):
        for row in range(0, rows, side):
            for col in range(0, cols, side):
                box = (slice(row, min(row + side, rows)), slice(col, col + side))
                ids = np.asarray(labels[(*plane, *box)])
                if ids.any():
                    tile = blank.copy()
                    tile[: ids.shape[0], : ids.shape[1]] = ids
                    yield zlib.compress(tile.tobytes())
                else:
                    yield nothing


def _native(labels: Any) -> np.dtype[Any]:
    """Type of the ids with the bytes in the order that tifffile says they are in."""
    kind: np.dtype[Any] = np.dtype(labels.dtype).newbyteorder("=")
    return kind


def write_zarr(
    path: Path, labels: Any, sizes: Sequence[float] | None, unit: str | None
) -> None:
    """Write an OME-Zarr group, in several resolutions; what is empty takes no room.

    A pixel of a coarser level is one of four of the level before, as ids have no mean.

    Parameters
    ----------
    path : Path
        A folder that does not exist.
    labels : array of int, shape (..., rows, cols)
        Sliced as numpy arrays are.
    sizes, unit
        See :func:`~napari_sam2.analysis.ngff.create_group`.
    """
    dtype = np.dtype(labels.dtype)
    arrays = create_group(path, tuple(labels.shape), dtype, "labels", sizes, unit)
    for box, ids in blocks_in(labels):
        if not ids.any():
            continue
        *planes, rows, cols = box
        for number, array in enumerate(arrays):
            step = 2**number
            some = ids[..., ::step, ::step]
            row, col = rows.start // step, cols.start // step
            height, width = some.shape[-2:]
            array[(*planes, slice(row, row + height), slice(col, col + width))] = some
