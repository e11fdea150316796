"""Where each object of a labels array lies, and how large it is.

The array is looked through once, block by block, on a thread of its own. From then
on every change of pixels is counted, so that knowing the area of ten thousand
objects costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.analysis.regions import Extent, extents_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    import numpy.typing as npt

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.engines.cancellation import CancelToken

    _Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]

__all__ = ["Extent", "Extents", "survey"]

# Pixels of a box that is looked through as a whole.
_AT_ONCE = 1 << 24


def survey(store: LabelStore, cancel: CancelToken | None = None) -> dict[int, Extent]:
    """Look through labels for their objects; may be called on any thread.

    Raises
    ------
    Cancelled
        If that was asked for.
    """

    def blocks() -> Iterator[tuple[tuple[int, ...], _Ids]]:
        for block in store.blocks():
            if cancel is not None:
                cancel.raise_if_cancelled()
            yield tuple(place.start for place in block), store.box(block)

    return extents_in(blocks())


class Extents:
    """The extents of all objects of one store, kept up to date.

    Used on the session's own thread; only the survey runs elsewhere.
    """

    def __init__(self) -> None:
        self._of: dict[int, Extent] = {}
        # Objects that changed while the labels are being looked through.
        self._meanwhile: dict[int, Extent] | None = {}
        self.known = False
        """Whether the labels have been looked through."""

    def __contains__(self, label: int) -> bool:
        return label in self._of

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, label: int) -> Extent:
        return self._of[label]

    def get(self, label: int) -> Extent | None:
        """Return the extent of an object; None if it has no pixel."""
        return self._of.get(label)

    @property
    def labels(self) -> Set[int]:
        """Ids of all objects that have pixels."""
        return self._of.keys()

    def begin(self) -> None:
        """Take notice that the labels begin to be looked through."""
        self._meanwhile = {}

    def take(self, found: Mapping[int, Extent], store: LabelStore) -> None:
        """Take what a survey has found; what changed meanwhile is counted again."""
        changed, self._meanwhile = self._meanwhile or {}, None
        self._of = dict(found)
        self.known = True
        for label, extent in changed.items():
            there = self._of.get(label)
            self._of[label] = extent if there is None else there.joined(extent)
            self.places(label, store)

    def note(self, change: PixelChange) -> set[int]:
        """Count a change that was made, and return the ids that it is about."""
        touched = set()
        for label, count in _counts(change.before, len(change)):
            touched.add(label)
            self._lose(label, count)
        for label, places in _groups(change.after, change.where):
            touched.add(label)
            self._gain(label, _extent_of(places, change.shape))
        if self._meanwhile is not None:
            # Nobody can tell whether the survey has seen it before or after.
            for ids in (change.before, change.after):
                for label, places in _groups(ids, change.where):
                    extent = _extent_of(places, change.shape)
                    before = self._meanwhile.get(label)
                    self._meanwhile[label] = (
                        extent if before is None else before.joined(extent)
                    )
        return touched

    def places(self, label: int, store: LabelStore) -> npt.NDArray[np.intp]:
        """Return the pixels of an object, as indices into the flattened array.

        Its box is as small as can be afterwards.
        """
        extent = self._of.get(label)
        if extent is None:
            return np.zeros(0, dtype=np.intp)
        shape = tuple(store.shape)
        found = [np.zeros(0, dtype=np.intp)]
        for part in _parts(extent, store):
            inside = np.nonzero(store.box(part) == label)
            starts = (place.start for place in part)
            axes = (axis + first for axis, first in zip(inside, starts, strict=True))
            found.append(np.ravel_multi_index(tuple(axes), shape))
        places = np.sort(np.concatenate(found))
        if places.size:
            self._of[label] = _extent_of(places, shape)
        else:
            del self._of[label]
        return places

    def _lose(self, label: int, count: int) -> None:
        extent = self._of.get(label)
        if extent is None:
            return
        left = extent.area - count
        if left > 0:
            self._of[label] = extent._replace(area=left)
        else:
            del self._of[label]

    def _gain(self, label: int, gained: Extent) -> None:
        extent = self._of.get(label)
        self._of[label] = gained if extent is None else extent.joined(gained)


def _parts(extent: Extent, store: LabelStore) -> Iterator[tuple[slice, ...]]:
    """Cut the box around an object; of a large one, what surely is empty is left out.

    Parts that were merged may lie at the ends of a huge image.
    """
    sides = zip(extent.start, extent.stop, strict=True)
    if np.prod([stop - start for start, stop in sides], dtype=float) <= _AT_ONCE:
        yield extent.box
        return
    for block in store.blocks():
        part = tuple(
            slice(max(place.start, start), min(place.stop, stop))
            for place, start, stop in zip(block, extent.start, extent.stop, strict=True)
        )
        if all(place.start < place.stop for place in part):
            yield part


def _counts(ids: _Ids, size: int) -> Iterator[tuple[int, int]]:
    if ids.size == 1:
        if ids[0] > 0 and size:
            yield int(ids[0]), size
        return
    for label, count in zip(*np.unique(ids, return_counts=True), strict=True):
        if label > 0:
            yield int(label), int(count)


def _groups(
    ids: _Ids, where: npt.NDArray[np.unsignedinteger[Any]]
) -> Iterator[tuple[int, npt.NDArray[np.unsignedinteger[Any]]]]:
    if ids.size == 1:
        if ids[0] > 0 and where.size:
            yield int(ids[0]), where
        return
    for label in np.unique(ids):
        if label > 0:
            yield int(label), where[ids == label]


def _extent_of(places: npt.NDArray[np.integer[Any]], shape: tuple[int, ...]) -> Extent:
    # A million pixels are filled with one click: this takes less than half the time
    # that unravelling does.
    bounds = []
    rest = places
    for length in shape[:0:-1]:
        above = rest // rest.dtype.type(length)
        axis = rest - above * rest.dtype.type(length)
        bounds.append((int(axis.min()), int(axis.max()) + 1))
        rest = above
    bounds.append((int(rest.min()), int(rest.max()) + 1))
    starts, stops = zip(*reversed(bounds), strict=True)
    return Extent(int(places.size), starts, stops)
