"""Images whose labels can neither be drawn nor held as one array."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from napari_sam2.annotation.chunks import SparseLevel
from napari_sam2.annotation.sparse import SparseLabels

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Labels

__all__ = ["BRUSH_NOTE", "is_sparse", "labels_folder", "new_labels", "too_large"]

# Side of the largest texture that every graphics card of today can hold: a layer that
# is larger is drawn coarsely, and anew as a whole after each change.
_TEXTURE = 16_384

# Pixels of the largest array that is made in memory: 2 GB of labels.
_PIXELS = 1 << 30

BRUSH_NOTE = (
    "Labels of an image this large are kept on disk, in {folder}. The tool works on "
    "them as ever; napari's own brush cannot."
)


def too_large(shape: tuple[int, ...]) -> bool:
    """Whether the labels of an image can neither be drawn nor held as one array."""
    return max(shape[-2:]) > _TEXTURE or int(np.prod(shape, dtype=object)) > _PIXELS


def is_sparse(layer: Labels) -> bool:
    """Whether a layer shows labels that are kept in chunks."""
    return bool(layer.multiscale) and isinstance(layer.data[0], SparseLevel)


def labels_folder() -> Path:
    """Where labels of huge images are kept, beside those of other programs."""
    return platformdirs.user_data_path("napari-sam2", appauthor=False) / "labels"


def new_labels(shape: tuple[int, ...], name: str) -> SparseLabels:
    """Make empty labels, with a folder of their own once there is an object."""
    plain = "".join(c if c.isalnum() or c in " -_" else "-" for c in name).strip()
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S.%f")
    path = labels_folder() / f"{plain} {stamp}.zarr"
    return SparseLabels(shape, path, name)
