"""Labels of a huge image: chunks on disk, shown by napari as a pyramid."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_sam2.viewer.label_store import LayerLabels

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    from dask.array import Array
    from napari.layers import Labels

    from napari_sam2.annotation.origins import LabelsOrigin
    from napari_sam2.annotation.sparse import SparseLabels

    _Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
    _Indices = tuple[npt.NDArray[np.intp], ...]

__all__ = ["SparseLayerLabels"]


class SparseLayerLabels(LayerLabels):
    """Reads and writes labels in chunks, and lets their layer show it.

    Parameters
    ----------
    layer : Labels
        Of the levels of ``labels``.
    labels : SparseLabels
        Where the ids are.
    """

    def __init__(self, layer: Labels, labels: SparseLabels) -> None:
        super().__init__(layer)
        self._labels = labels

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return self._labels.shape

    @property
    def origin(self) -> LabelsOrigin:
        """What the labels can be found again by."""
        return replace(self._labels.origin, name=self.layer.name)

    @property
    def in_memory(self) -> bool:
        """Whether an id can be read at once: the chunks used last are in memory."""
        return True

    def read(self, indices: _Indices) -> _Ids:
        """Return a copy of the ids at some places."""
        return self._labels.read(indices)

    def write(self, indices: _Indices, values: _Ids | int) -> None:
        """Set the ids of some places.

        Raises
        ------
        LabelsError
            If an id is too large, or the disk is full.
        """
        self._labels.write(indices, values)
        # A layer that was hidden all along has nothing to be drawn on.
        with suppress(IndexError, ValueError):
            self.layer.refresh(extent=False, thumbnail=False)

    def max_id(self) -> int:
        """Return an id that is at least the largest in use; on any thread."""
        return self._labels.max_id()

    def box(self, box: tuple[slice, ...]) -> _Ids:
        """Return the ids within a box, not to be written to; on any thread."""
        return self._labels.box(box)

    def blocks(self) -> Iterable[tuple[slice, ...]]:
        """Boxes that hold every object; on any thread."""
        return self._labels.blocks()

    def array(self) -> Array:
        """Return the labels as a dask array, which reads what is computed."""
        return self._labels.array()

    def close(self) -> None:
        """Write what is left to disk, in the background."""
        super().close()
        self._labels.close()
