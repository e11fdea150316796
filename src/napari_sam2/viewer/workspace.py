"""What one session works on in one viewer: the plane in view and the labels."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from napari_sam2.viewer.choices import LayerChoices
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.label_store import LayerLabels
from napari_sam2.viewer.layers import in_pan_zoom
from napari_sam2.viewer.plane_in_view import PlaneInView
from napari_sam2.viewer.preview import label_color
from napari_sam2.viewer.pyramid_offer import PyramidOffer
from napari_sam2.viewer.sight import Sight
from napari_sam2.viewer.stores import LabelStores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.annotation.sparse import SparseLabels

__all__ = ["Workspace"]


class Workspace:
    """Keeps a session at what its viewer shows, and its labels in layers.

    Followed is the viewer from :meth:`start` to :meth:`stop`.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    session : AnnotationSession
        That works in it.

    Attributes
    ----------
    session : AnnotationSession
        That works here.
    choices : LayerChoices
        Which image and which labels are worked on.
    sight : Sight
        How the model sees the image.
    view : PlaneInView
        The plane of the image that is on the canvas.
    stores : LabelStores
        The labels, as the session writes to them.
    pyramids : PyramidOffer
        Coarser resolutions of an image that is too large to be drawn.
    """

    def __init__(self, viewer: ViewerModel, session: AnnotationSession) -> None:
        self._viewer = weakref.ref(viewer)
        self.session = session
        self.choices = LayerChoices(viewer)
        self.sight = Sight(self.choices)
        self.view = PlaneInView(viewer, self.choices, self.sight)
        self.stores = LabelStores(viewer, self.choices)
        self.pyramids = PyramidOffer(viewer, session, self.choices)
        self._connections = Connections()

    @property
    def viewer(self) -> ViewerModel | None:
        """The viewer; None once it is gone."""
        return self._viewer()

    @property
    def active_layer(self) -> Layer | None:
        """The layer that is selected, if it is one."""
        viewer = self.viewer
        return None if viewer is None else viewer.layers.selection.active

    @property
    def can_point(self) -> bool:
        """Whether the mouse is the tool's: on, in 2-D, nobody else is editing."""
        viewer = self.viewer
        return (
            viewer is not None
            and self.session.active
            and viewer.dims.ndisplay == 2
            and in_pan_zoom(self.active_layer)
        )

    @property
    def in_stroke(self) -> bool:
        """Whether the user is painting in the labels just now."""
        store = self.session.store
        return isinstance(store, LayerLabels) and store.busy

    @property
    def labels_at_hand(self) -> LayerLabels | None:
        """Labels that are selected, if they have a history here."""
        return self.stores.known(self.active_layer)

    def has_written_to(self, layer: Layer) -> bool:
        """Whether a layer holds labels that the session has worked on."""
        return self.stores.known(layer) is not None

    def color_of(self, label: int) -> npt.NDArray[np.floating[Any]]:
        """RGBA that an object has, or will have, in the labels."""
        return label_color(self.choices.labels, label)

    def label_at(self, place: tuple[float, float] | None) -> int:
        """Id of the object at a place, where that can be had at once; else 0."""
        store = self.session.store
        # Not from disk: the mouse moves on and on.
        if place is None or not isinstance(store, LayerLabels) or not store.in_memory:
            return 0
        return self.session.label_at(*place)

    def new_labels(self) -> Labels | None:
        """Make new labels for the image and work on them."""
        image = self.choices.image
        return None if image is None else self.stores.make(image)

    def store_for(self, plane: Plane) -> LayerLabels:
        """Make labels for the first object of a plane."""
        return self.stores.make_for(plane, self.view.image_of(plane))

    def show(self, labels: SparseLabels, plane: Plane) -> LayerLabels:
        """Show labels of a plane that were found on disk."""
        return self.stores.show(labels, self.view.image_of(plane))

    def settle(self) -> None:
        """Get ready for a click: work in what is on the screen now.

        The answer to a click on an image that was left may have made new labels
        for that one, and the camera may just have moved.
        """
        self.return_to_labels()
        self.view.settle()

    def return_to_labels(self) -> None:
        """Come back to the labels of the image in view."""
        store, wanted = self.session.store, self.stores.current
        if isinstance(store, LayerLabels) and store is not wanted:
            self.session.set_labels(wanted)

    def start(self) -> None:
        """Work on what the viewer shows, and follow it from now on."""
        add = self._connections.add
        add(self.view.changed, self._on_view)
        add(self.view.moved, self._on_moved)
        add(self.view.panned, self._on_panned)
        add(self.stores.changed, self._on_store)
        add(self.stores.gone, self.session.forget_labels)
        self._on_view()
        self._on_store()

    def stop(self) -> None:
        """Follow the viewer no longer, and close the session, which keeps a draft."""
        self._connections.close()
        self.session.close()

    def close(self) -> None:
        """Let go of the layers, after :meth:`stop`."""
        self.stores.close()
        self.view.close()
        self.sight.close()
        self.pyramids.close()
        self.choices.close()

    def _on_view(self) -> None:
        reason = self.view.obstacle
        if reason is None:
            plane, image = self.view.plane, self.choices.image
            self.session.set_plane(plane, self.view.visible)
            if plane is None and image is not None:
                reason = f"The sliders are outside of “{image.name}”"
        # In a display without planes the last one stays, to come back to.
        self.session.set_unavailable(reason)

    def _on_panned(self) -> None:
        # In a display without planes the last view stays, to come back to.
        if self.view.obstacle is None:
            self.session.look_at(self.view.visible)

    def _on_moved(self) -> None:
        self.session.leave()

    def _on_store(self) -> None:
        self.session.set_labels(self.stores.current)
