"""One store for each Labels layer that is worked on, for as long as it is there."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.huge import labels_folder, new_labels, too_large
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.huge import BRUSH_NOTE, is_sparse
from napari_sam2.viewer.label_store import LayerLabels
from napari_sam2.viewer.layers import labels_over, make_labels
from napari_sam2.viewer.sparse_store import SparseLayerLabels

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.sparse import SparseLabels
    from napari_sam2.viewer.choices import LayerChoices

__all__ = ["LabelStores"]


class LabelStores:
    """Makes stores of Labels layers, and Labels layers where there are none.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    choices : LayerChoices
        Which labels are worked on.
    """

    changed = Signal()
    """Another store is the one to write to."""

    notice = Signal(str)
    """Something that the user should know of new labels."""

    gone = Signal(LayerLabels)
    """The layer of a store is gone, or holds other pixels."""

    edited = Signal()
    """Somebody has finished a stroke."""

    def __init__(self, viewer: ViewerModel, choices: LayerChoices) -> None:
        self._viewer = weakref.ref(viewer)
        self._choices = choices
        self._stores: dict[Labels, LayerLabels] = {}
        self._connections = Connections()
        self._connections.add(choices.labels_changed, self.changed)
        self._connections.add(choices.labels_data_changed, self._on_data)
        self._connections.add(viewer.layers.events.removed, self._on_removed)

    @property
    def current(self) -> LayerLabels | None:
        """The store of the chosen labels; None: one is made for the first object."""
        labels = self._choices.labels
        return None if labels is None else self.of(labels)

    def known(self, layer: Any) -> LayerLabels | None:
        """Return the store of a layer that was worked on; None of any other."""
        return self._stores.get(layer)

    def of(self, layer: Labels, largest: int | None = None) -> LayerLabels:
        """Return the store of a layer."""
        if layer not in self._stores:
            store = self._stores[layer] = (
                SparseLayerLabels(layer, layer.data[0].owner)
                if is_sparse(layer)
                else LayerLabels(layer, largest)
            )
            store.edited.connect(self._on_edited)
        return self._stores[layer]

    def make(self, image: Image) -> Labels:
        """Add new labels for an image, and work on them."""
        layer = self._add(make_labels(image))
        self._choices.labels = layer
        return layer

    def make_for(self, plane: Plane, image: Image | None) -> LayerLabels:
        """Add labels for the first object of a plane.

        Parameters
        ----------
        plane : Plane
            Where the object lies.
        image : Image, optional
            That the plane is of; None if it is gone: a click on it that was
            answered is kept all the same.
        """
        if image is not None:
            return self._of_image(make_labels(image), image)
        from napari.layers import Labels as LabelsLayer

        shape, name = plane.array_shape, f"{plane.name} · labels"
        large = too_large(shape)
        empty = new_labels(shape, name).levels if large else np.zeros(shape, np.uint16)
        return self.of(self._add(LabelsLayer(empty, multiscale=large, name=name)))

    def show(self, labels: SparseLabels, image: Image | None) -> LayerLabels:
        """Add a layer of labels that were found on disk, and work on it.

        Parameters
        ----------
        labels : SparseLabels
            Made in an earlier session.
        image : Image, optional
            That they are of; None if it is gone.
        """
        if image is not None:
            over = labels_over(image, labels.levels, labels.origin.name)
            return self._of_image(over, image)
        from napari.layers import Labels as LabelsLayer

        name = labels.origin.name
        layer = LabelsLayer(labels.levels, multiscale=True, name=name)
        return self.of(self._add(layer))

    def close(self) -> None:
        """Listen to no layer any longer."""
        self._connections.close()
        for store in self._stores.values():
            store.close()
        self._stores.clear()

    def _of_image(self, layer: Labels, image: Image) -> LayerLabels:
        """Add labels of an image, and work on them whenever it is worked on."""
        store = self.of(self._add(layer))
        if image is self._choices.image:
            self._choices.labels = layer
        else:
            self._choices.remember(image, layer)
        return store

    def _add(self, layer: Labels) -> Labels:
        """Add a layer without taking the selection away from the user."""
        viewer = self._viewer()
        # Empty as it is, nobody has to look through it for its ids.
        self.of(layer, largest=0)
        if is_sparse(layer):
            self.notice.emit(BRUSH_NOTE.format(folder=labels_folder()))
        if viewer is not None:
            selected = set(viewer.layers.selection)
            active = viewer.layers.selection.active
            with self._choices.deaf():
                viewer.add_layer(layer)
                viewer.layers.selection = selected
                viewer.layers.selection.active = active
        return layer

    def _on_data(self) -> None:
        labels = self._choices.labels
        store = None if labels is None else self._stores.get(labels)
        # Not if they have grown by a write of ours. What was kept in the old
        # pixels, and which ids were free there, says nothing of others.
        if labels is not None and store is not None and not store.writing:
            self._drop(labels)
            self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        self._drop(event.value)

    def _on_edited(self) -> None:
        self.edited.emit()

    def _drop(self, layer: Any) -> None:
        store = self._stores.pop(layer, None)
        if store is not None:
            store.close()
            self.gone.emit(store)
