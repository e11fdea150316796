"""Layers that show labels which are kept in chunks on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.annotation.chunks import SparseLevel

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = ["BRUSH_NOTE", "is_sparse"]

BRUSH_NOTE = (
    "Labels of an image this large are kept on disk, in {folder}. The tool works on "
    "them as ever; napari's own brush cannot."
)


def is_sparse(layer: Labels) -> bool:
    """Whether a layer shows labels that are kept in chunks."""
    return bool(layer.multiscale) and isinstance(layer.data[0], SparseLevel)
