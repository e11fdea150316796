"""Going from object to object, and showing which ones are meant."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sam2.segmentation.region import outline
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.geometry import displayed_axes, geometry_of, unit_factors
from napari_sam2.viewer.highlight import Highlight

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Labels

    from napari_sam2.annotation.extents import Extents
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.segmentation.view import PlaneIndex
    from napari_sam2.viewer.choices import LayerChoices
    from napari_sam2.viewer.plane_in_view import PlaneInView

__all__ = ["Tour"]

_LARGEST = 1 << 22
"""Pixels of a box beyond which not the object is outlined, but its box."""

_MOST = 500
"""More objects than that are not outlined: one would see nothing but lines."""

_FILLS, _SMALL, _ENLARGED = 0.8, 24.0, 64.0
"""An object that fills more of the canvas than this is seen from farther away, one of
fewer pixels of the screen than this enlarged to so many."""


class Tour:
    """Brings objects into view, one after the other.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    session : AnnotationSession
        Whose objects they are.
    choices : LayerChoices
        Knows the labels.
    view : PlaneInView
        Tells when another plane is looked at.
    """

    changed = Signal()
    """Another object is at hand, or none."""

    def __init__(
        self,
        viewer: ViewerModel,
        session: AnnotationSession,
        choices: LayerChoices,
        view: PlaneInView,
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._session = session
        self._choices = choices
        self._highlight = Highlight(viewer)
        self._labels: tuple[int, ...] = ()
        # Where one has been, in this order: not to be led there again.
        self._trail: list[int] = []
        self._here: int | None = None
        self._connections = Connections()
        self._connections.add(session.touched, self._on_touched)
        self._connections.add(session.current_changed, self._on_current)
        self._connections.add(view.changed, self._draw)
        self._connections.add(view.moved, self._draw)
        self._connections.add(choices.labels_changed, self._on_labels)

    @property
    def highlighted(self) -> tuple[int, ...]:
        """Ids of the objects that are outlined."""
        return self._labels

    @property
    def at_hand(self) -> int | None:
        """Id of the object that is worked on, or was gone to; None if there is none."""
        current, extents = self._session.current, self._session.extents
        if current is not None:
            return current.label if current.kept else None
        here = self._here
        there = extents is not None and here is not None and here in extents
        return here if there else None

    @property
    def painted(self) -> int | None:
        """Id of the object at hand, if it has no prompts: somebody painted it."""
        label = self.at_hand
        row = None if label is None else self._session.row(label)
        return None if row is None or row.prompts is not None else label

    def highlight(self, labels: Iterable[int]) -> None:
        """Outline some objects, and no others."""
        labels = tuple(labels)
        if labels != self._labels:
            self._labels = labels
            self._draw()

    def go_to(self, label: int) -> None:
        """Bring an object into view: sliders, center and, if need be, zoom."""
        viewer, layer = self._viewer(), self._choices.labels
        extent = None if layer is None else self._extent_to_see(layer, label)
        if viewer is None or layer is None or extent is None:
            return
        start, stop = extent
        self._trail = [*(one for one in self._trail if one != label), label]
        self._here = label
        if label not in self._labels:
            self.highlight((label,))
        self.changed.emit()
        dims = viewer.dims
        axes = displayed_axes(layer.ndim, dims)
        missing = dims.ndim - layer.ndim
        center = (start + stop - 1) / 2
        if axes is not None:
            world = np.asarray(layer.data_to_world(center)) * unit_factors(layer, dims)
            for axis in range(layer.ndim):
                if axis not in axes:
                    dims.set_point(axis + missing, float(world[axis]))
        geometry = None if axes is None else geometry_of(layer, dims)
        if axes is None or geometry is None:
            return
        pick = list(axes)
        (place,) = geometry.to_world(center[None, pick])
        corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
        ends = geometry.to_world(start[pick] - 0.5 + corners * (stop - start)[pick])
        viewer.scene.camera.center = (
            *viewer.scene.camera.center[:-2],
            *map(float, place),
        )
        self._zoom_to(viewer, float(np.ptp(ends, axis=0).max()))

    def visit(self, label: int) -> None:
        """Go to an object to work on it; what has no prompts cannot be corrected."""
        row = self._session.row(label)
        if row is not None and row.prompts is not None:
            self._session.edit(label)
        else:
            self._session.done()
        self.go_to(label)

    def forget(self) -> None:
        """Leave the object that was gone to."""
        here, self._here = self._here, None
        if here is not None and self._labels == (here,):
            self.highlight(())
        if here is not None:
            self.changed.emit()

    def next(self) -> int | None:
        """Go to the nearest object that is not reviewed; return its id.

        One that was passed by comes back once all others have been seen.
        """
        open_ones = {row.label for row in self._session.rows if not row.reviewed}
        here = self.at_hand
        if here is not None and here not in self._trail[-1:]:
            # Where a click has led, one has been as well.
            self._trail = [*(one for one in self._trail if one != here), here]
        current = self._trail[-1] if self._trail else None
        candidates = open_ones - set(self._trail)
        if not candidates:
            self._trail = self._trail[-1:]
            candidates = open_ones - set(self._trail) or open_ones
        if not candidates:
            return None
        label = self._nearest(candidates, current)
        self.visit(label)
        return label

    def back(self) -> int | None:
        """Go back to where one has been before; return the id of that object."""
        extents = self._session.extents
        there = [
            label
            for label in self._trail[:-1]
            if extents is not None and label in extents
        ]
        if not there:
            return None
        self._trail = there
        self.visit(there[-1])
        return there[-1]

    def close(self) -> None:
        """Outline nothing any longer."""
        self._connections.close()
        self._highlight.close()

    # -------------------------------------------------------------- going there

    def _extent_to_see(
        self, layer: Labels, label: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Return the box of an object in one of its planes, in view if it can be."""
        viewer, extents = self._viewer(), self._session.extents
        extent = None if extents is None else extents.get(label)
        store = self._session.store
        if viewer is None or extents is None or extent is None or store is None:
            return None
        axes = displayed_axes(layer.ndim, viewer.dims) or (-2, -1)
        flat = [
            axis
            for axis in range(layer.ndim)
            if axis not in axes and extent.stop[axis] - extent.start[axis] > 1
        ]
        start, stop = np.array(extent.start), np.array(extent.stop)
        if flat:
            places = np.stack(
                np.unravel_index(extents.places(label, store), store.shape), axis=1
            )
            plane = self._session.plane
            here = None if plane is None else np.array(plane.index.position)[flat]
            seen = None if here is None else (places[:, flat] == here).all(axis=1)
            if seen is None or not seen.any():
                middle = places[len(places) // 2, flat]
                seen = (places[:, flat] == middle).all(axis=1)
            start, stop = places[seen].min(axis=0), places[seen].max(axis=0) + 1
        return start.astype(float), stop.astype(float)

    def _nearest(self, labels: Iterable[int], origin: int | None) -> int:
        """Return the object that is nearest to one, or to the middle of the canvas.

        A plane is finished before the next one is gone to.
        """
        layer, viewer = self._choices.labels, self._viewer()
        extents = self._session.extents
        assert extents is not None
        some = sorted(labels)
        centers = np.array([extents[label].center for label in some])
        if layer is None or viewer is None:
            return some[0]
        steps = np.abs(np.asarray(layer.scale))
        here = np.asarray(
            layer.world_to_data(np.asarray(viewer.dims.point)[-layer.ndim :])
        )
        axes = displayed_axes(layer.ndim, viewer.dims)
        if origin is not None and origin in extents:
            here = np.array(extents[origin].center)
        elif axes is not None:
            geometry = geometry_of(layer, viewer.dims)
            if geometry is not None:
                position = [0.0] * viewer.dims.ndim
                for axis, value in zip(
                    geometry.displayed, viewer.scene.camera.center[-2:], strict=True
                ):
                    position[axis] = float(value)
                here = here.copy()
                here[list(axes)] = geometry.to_plane(position)
        apart = np.abs(centers - here) * steps
        if axes is not None:
            away = [axis for axis in range(layer.ndim) if axis not in axes]
            # From plane to plane is farther than across any plane.
            apart[:, away] *= 1 + float(np.dot(layer.data.shape, steps))
        return some[int(np.argmin((apart**2).sum(axis=1)))]

    def _zoom_to(self, viewer: ViewerModel, size: float) -> None:
        room = min(_canvas_size(viewer))
        on_screen = size * viewer.scene.camera.zoom
        if size <= 0 or room <= 0:
            return
        if on_screen > _FILLS * room:
            viewer.scene.camera.zoom = _FILLS * room / size
        elif on_screen < _SMALL:
            viewer.scene.camera.zoom = _ENLARGED / size

    # ----------------------------------------------------------------- outlining

    def _on_touched(self, touched: set[int] | None) -> None:
        if touched is None:
            self._trail = []
        if self._labels and (touched is None or touched & set(self._labels)):
            self._draw()

    def _on_current(self, current: AnnotatedObject | None) -> None:
        if current is None or current.label != self._here:
            self.forget()

    def _on_labels(self) -> None:
        self._trail = []
        self.highlight(())

    def _draw(self) -> None:
        viewer, layer, store = (
            self._viewer(),
            self._choices.labels,
            self._session.store,
        )
        plane, extents = self._session.plane, self._session.extents
        if (
            not 0 < len(self._labels) <= _MOST
            or viewer is None
            or layer is None
            or store is None
            or plane is None
            or extents is None
            or viewer.dims.ndisplay != 2
            or tuple(store.shape) != tuple(plane.array_shape)
        ):
            self._highlight.show(None)
            return
        geometry = geometry_of(layer, viewer.dims)
        edges = [
            found
            for label in self._labels
            if (found := _edges(label, plane.index, extents, store)) is not None
        ]
        if geometry is None or not edges:
            self._highlight.show(None)
        else:
            self._highlight.show(geometry.to_world(np.concatenate(edges)))


def _edges(
    label: int, index: PlaneIndex, extents: Extents, store: LabelStore
) -> npt.NDArray[np.float64] | None:
    """Return the outline of an object in one plane, in pixels of the plane."""
    extent = extents.get(label)
    if extent is None:
        return None
    axes = (index.row_axis, index.col_axis)
    box = []
    for axis, place in enumerate(index.position):
        start, stop = extent.start[axis], extent.stop[axis]
        if axis in axes:
            box.append(slice(start, stop))
        elif start <= place < stop:
            box.append(slice(place, place + 1))
        else:
            return None
    corner = np.array([extent.start[axis] for axis in axes])
    size = np.array([extent.stop[axis] for axis in axes]) - corner
    if int(np.prod(size)) > _LARGEST:
        corners = outline(np.ones((1, 1), dtype=bool)) + 0.5
        return np.asarray(corner - 0.5 + corners * size)
    mask = np.asarray(store.box(tuple(box)) == label)
    mask = mask.reshape([n for axis, n in enumerate(mask.shape) if axis in axes])
    if index.row_axis > index.col_axis:
        mask = mask.T
    return np.asarray(outline(mask) + corner)


def _canvas_size(viewer: ViewerModel) -> tuple[float, float]:
    size: tuple[int, int] = getattr(viewer.canvas, "size", (600, 800))
    return float(size[0]), float(size[1])
