"""A napari Labels layer as the place where objects are kept."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import blocks_of, dtype_for
from napari_sam2.annotation.origins import LabelsOrigin
from napari_sam2.errors import LabelsError
from napari_sam2.viewer.features import notes_of
from napari_sam2.viewer.layers import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    from dask.array import Array
    from napari.layers import Labels
    from napari.utils.events import Event

    from napari_sam2.annotation.objects import Notes

    _Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]
    _Indices = tuple[npt.NDArray[np.intp], ...]

__all__ = ["LayerLabels"]

# Pixels from which on it pays to paint within a box, and how empty that may be.
_MANY = 1 << 14
_SPARSE = 8


class LayerLabels:
    """Reads and writes a Labels layer a few pixels at a time.

    Every write is one item of napari's own undo history. What others do to the
    layer with brush, fill, eraser or polygon comes out of ``edited``.

    Parameters
    ----------
    layer : Labels
        The layer.
    largest : int, optional
        Largest id in it, if that is known: looking for it takes a while.
    """

    edited = Signal(list)

    def __init__(self, layer: Labels, largest: int | None = None) -> None:
        self.layer = layer
        self._largest = largest
        self._writing = False
        layer.events.paint.connect(self._on_paint)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return tuple(self.layer.data.shape)

    @property
    def origin(self) -> LabelsOrigin:
        """What the labels can be found again by."""
        layer = self.layer
        return LabelsOrigin(
            layer.name, self.shape, np.dtype(layer.data.dtype).str, path_of(layer)
        )

    @property
    def in_memory(self) -> bool:
        """Whether an id can be read at once, while the mouse moves."""
        data = self.layer.data
        return isinstance(data, np.ndarray) and not isinstance(data, np.memmap)

    @property
    def writing(self) -> bool:
        """Whether what the layer emits now comes from here."""
        return self._writing

    @property
    def busy(self) -> bool:
        """Whether somebody is in the middle of a stroke.

        What is written then would become a part of the stroke in napari's
        history. napari has no public word for it; a napari that names it
        otherwise is never busy.
        """
        return bool(getattr(self.layer, "_block_history", False))

    def read(self, indices: _Indices) -> _Ids:
        """Return a copy of the ids at some places."""
        return np.array(self.layer.data[indices])

    def write(self, indices: _Indices, values: _Ids | int) -> None:
        """Set the ids of some places; a type too narrow for them grows.

        Raises
        ------
        LabelsError
            If the layer cannot be written to.
        """
        if indices[0].size == 0:
            return
        layer = self.layer
        ids = np.broadcast_to(np.asarray(values), indices[0].shape)
        self._writing = True
        self._largest = None
        try:
            self._grow(layer, int(ids.max()))
            ids = ids.astype(layer.data.dtype)
            # The data are set first and drawn then: a layer that was hidden all
            # along has nothing to be drawn on, and fails at that.
            with suppress(IndexError, ValueError):
                if not _painted(layer, indices, ids):
                    layer.data_setitem(indices, ids)
            if not np.array_equal(layer.data[indices], ids):
                # napari converts to the type of the slice it shows, which a
                # hidden layer keeps from before it grew.
                layer.data[indices] = ids
                layer.refresh(extent=False)
        except (TypeError, ValueError, IndexError, OSError) as error:
            raise LabelsError(
                f"“{layer.name}” could not be written ({error}). Choose or make "
                "other labels."
            ) from error
        finally:
            self._writing = False

    def max_id(self) -> int:
        """Return the largest id in use; may be called on any thread."""
        if self._largest is not None:
            return self._largest
        return int(np.max(np.asarray(self.layer.data), initial=0))

    def box(self, box: tuple[slice, ...]) -> _Ids:
        """Return the ids within a box, not to be written to; on any thread."""
        return np.asarray(self.layer.data[box])

    def blocks(self) -> Iterable[tuple[slice, ...]]:
        """Boxes that hold every object; on any thread."""
        return () if self._largest == 0 else blocks_of(self.shape)

    def notes(self) -> Mapping[int, Notes]:
        """Return what is said of its objects already; on any thread."""
        return notes_of(self.layer)

    def array(self) -> _Ids | Array:
        """Return the whole array, not a copy."""
        return np.asarray(self.layer.data)

    def close(self) -> None:
        """Listen to the layer no longer."""
        self.layer.events.paint.disconnect(self._on_paint)

    def _grow(self, layer: Labels, largest: int) -> None:
        dtype = dtype_for(largest, layer.data.dtype)
        if dtype == layer.data.dtype:
            return
        if not isinstance(layer.data, np.ndarray):
            raise LabelsError(
                f"“{layer.name}” holds ids up to {np.iinfo(layer.data.dtype).max} "
                "only, and is not in memory: make new labels to go on."
            )
        # Assigned data leave napari's undo history as it is, and its items fit
        # any wider type.
        layer.data = layer.data.astype(dtype)

    def _on_paint(self, event: Event) -> None:
        if self._writing:
            return
        self._largest = None
        shape = tuple(self.layer.data.shape)
        changes = [_change(shape, atom) for atom in event.value]
        self.edited.emit(changes)


def _painted(layer: Labels, indices: _Indices, ids: _Ids) -> bool:
    """Write one id into many pixels as napari's brush does, where there is a way to.

    That takes a third of the time of the public method, into the same history.
    """
    paint = getattr(layer, "_paint_region_with_mask", None)
    in_memory = isinstance(layer.data, np.ndarray)
    if paint is None or not in_memory or ids.size < _MANY or (ids != ids[0]).any():
        return False
    if layer.preserve_labels:
        return False
    box = tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in indices)
    mask = np.zeros([part.stop - part.start for part in box], dtype=bool)
    if mask.size > _SPARSE * ids.size:
        return False
    mask[tuple(axis - part.start for axis, part in zip(indices, box, strict=True))] = 1
    try:
        paint(box, mask, int(ids[0]), list(range(layer.ndim)))
    except TypeError:
        # Another napari, which wants other arguments.
        return False
    return True


def _change(shape: tuple[int, ...], atom: Any) -> PixelChange:
    """Read an item of napari's paint event.

    ``data_setitem`` gives (indices, ids before, ids after). Brush, fill and
    polygon give the same or, from napari 0.8 on, a bounding box and a mask.
    """
    if not hasattr(atom, "slice_key"):
        indices, before, after = atom
        indices = tuple(np.atleast_1d(np.asarray(axis)).ravel() for axis in indices)
        return PixelChange.between(shape, indices, before, after)
    return PixelChange.in_box(
        shape, atom.slice_key, atom.mask, np.asarray(atom.old_values), atom.new_value
    )
