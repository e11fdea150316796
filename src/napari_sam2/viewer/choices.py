"""Which image and which labels are worked on, as the layer list changes."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from psygnal import Signal

from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.layers import labels_fit
from napari_sam2.viewer.preview_layer import is_preview

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["LayerChoices"]


class LayerChoices:
    """Follows the layer list of a viewer.

    The image is the one that was selected last. The labels are those that were
    used with this image last, else any that fit and that no other image uses,
    else none: then they are made when they are needed.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    """

    image_changed = Signal()
    """Another image, or none."""

    image_data_changed = Signal()
    """The same image, with other pixels."""

    labels_changed = Signal()
    """Other labels, or none yet."""

    labels_data_changed = Signal()
    """The same labels, with other pixels."""

    choices_changed = Signal()
    """Something was added, removed, renamed or moved."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self._image: Image | None = None
        self._labels: Labels | None = None
        self._deaf = False
        self._used: weakref.WeakKeyDictionary[Image, weakref.ref[Labels]] = (
            weakref.WeakKeyDictionary()
        )
        # Images that show what another one shows, and share its labels.
        self._shows: weakref.WeakKeyDictionary[Image, weakref.ref[Image]] = (
            weakref.WeakKeyDictionary()
        )
        # Other channels of the image: to select one is not to choose another image.
        self._together: weakref.WeakSet[Image] = weakref.WeakSet()
        self._connections = Connections()
        self._of_image = Connections()
        self._of_labels = Connections()
        layers = viewer.layers
        self._connections.add(layers.events.inserted, self._on_inserted)
        self._connections.add(layers.events.removed, self._on_removed)
        self._connections.add(layers.events.reordered, self._on_listed)
        self._connections.add(layers.events.renamed, self._on_listed)
        self._connections.add(layers.selection.events.active, self._on_active)
        self._choose_image(self._best_image())

    @property
    def images(self) -> list[Image]:
        """Every image, the topmost first."""
        return [
            layer
            for layer in reversed(self._layers())
            if isinstance(layer, Image) and not is_preview(layer)
        ]

    @property
    def fitting_labels(self) -> list[Labels]:
        """Every labels layer that objects of the image fit in, topmost first."""
        image = self._image
        if image is None:
            return []
        return [
            layer
            for layer in reversed(self._layers())
            if isinstance(layer, Labels) and labels_fit(layer, image)
        ]

    @property
    def image(self) -> Image | None:
        """The image that is worked on."""
        return self._image

    @image.setter
    def image(self, image: Image | None) -> None:
        self._choose_image(image)

    @property
    def labels(self) -> Labels | None:
        """The labels that objects go to; None: new ones, when needed."""
        return self._labels

    @labels.setter
    def labels(self, labels: Labels | None) -> None:
        self._choose_labels(labels)

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Not follow the selection, which is about to change and change back."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def remember(self, image: Image, labels: Labels) -> None:
        """Take note of which labels belong to an image that is not worked on."""
        self._used[image] = weakref.ref(labels)

    def share_labels(self, image: Image, original: Image) -> None:
        """Take what is kept of an image for that of another one as well."""
        self._shows[image] = weakref.ref(original)
        labels = self._used.get(original)
        if labels is not None:
            self._used[image] = labels

    def keep_together(self, images: Iterable[Image]) -> None:
        """Take images for channels of the one that is worked on."""
        self._together = weakref.WeakSet(images)

    def close(self) -> None:
        """Follow no longer."""
        for connections in (self._connections, self._of_image, self._of_labels):
            connections.close()
        self._image = None
        self._labels = None

    # ------------------------------------------------------------- following

    def _on_inserted(self, event: Any) -> None:
        if self._image is None and event.value in self.images:
            self._choose_image(event.value)
        self.choices_changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value is self._image:
            self._choose_image(self._heir() or self._best_image())
        elif event.value is self._labels:
            self._choose_labels(self._best_labels())
        self.choices_changed.emit()

    def _on_listed(self) -> None:
        self.choices_changed.emit()

    def _on_active(self, event: Any) -> None:
        layer: Layer | None = event.value
        if self._deaf:
            return
        if isinstance(layer, Image) and not is_preview(layer):
            if layer not in self._together:
                self._choose_image(layer)
        elif (
            isinstance(layer, Labels)
            and self._image is not None
            and labels_fit(layer, self._image)
        ):
            self._choose_labels(layer)

    def _on_image_data(self) -> None:
        self.image_data_changed.emit()
        self._check_labels()

    def _on_labels_data(self) -> None:
        self.labels_data_changed.emit()
        self._check_labels()

    def _check_labels(self) -> None:
        """Labels or image have new data: do they fit each other still?"""
        image, labels = self._image, self._labels
        if image is not None and (labels is None or not labels_fit(labels, image)):
            self._choose_labels(self._best_labels())
        self.choices_changed.emit()

    # -------------------------------------------------------------- choosing

    def _choose_image(self, image: Image | None) -> None:
        if image is self._image:
            return
        self._of_image.close()
        self._image = image
        if image is not None:
            self._of_image.add(image.events.data, self._on_image_data)
        self.image_changed.emit()
        self._choose_labels(self._best_labels())
        self.choices_changed.emit()

    def _choose_labels(self, labels: Labels | None) -> None:
        if labels is not None and self._image is not None:
            self._used[self._image] = weakref.ref(labels)
            original = self._shows.get(self._image, lambda: None)()
            if original is not None:
                self._used[original] = weakref.ref(labels)
        if labels is self._labels:
            return
        self._of_labels.close()
        self._labels = labels
        if labels is not None:
            self._of_labels.add(labels.events.data, self._on_labels_data)
        self.labels_changed.emit()
        self.choices_changed.emit()

    def _heir(self) -> Image | None:
        """Return a channel of the image that is gone, with whose labels it goes on."""
        heir = next((one for one in self.images if one in self._together), None)
        if heir is not None and self._labels is not None:
            self._used[heir] = weakref.ref(self._labels)
        return heir

    def _best_image(self) -> Image | None:
        viewer = self._viewer()
        active = None if viewer is None else viewer.layers.selection.active
        images = self.images
        return active if active in images else next(iter(images), None)

    def _best_labels(self) -> Labels | None:
        if self._image is None:
            return None
        fitting = self.fitting_labels
        used = self._used.get(self._image)
        if used is not None and used() in fitting:
            return used()
        taken = {
            id(labels())
            for image, labels in self._used.items()
            if image is not self._image
        }
        return next((layer for layer in fitting if id(layer) not in taken), None)

    def _layers(self) -> list[Layer]:
        viewer = self._viewer()
        return [] if viewer is None else list(viewer.layers)
