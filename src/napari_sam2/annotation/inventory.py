"""Which objects there are in some labels now, and what is known of each of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.corrections import looked_up
from napari_sam2.annotation.extents import Extents
from napari_sam2.annotation.objects import Notes
from napari_sam2.errors import LabelsError
from napari_sam2.segmentation.region import Region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy.typing as npt

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.extents import Extent
    from napari_sam2.annotation.history import Edit
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.recovery import RecoveredSession

__all__ = ["Inventory"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]

_NOTHING = Notes()

# Pixels of the largest mask.
_LARGEST = 1 << 28


class Inventory:
    """The objects of one label store, kept true by each edit that is made or undone.

    Parameters
    ----------
    store : LabelStore
        Where the pixels are.

    Attributes
    ----------
    objects : dict of int to AnnotatedObject
        What came of prompts, by id.
    notes : dict of int to Notes
        What the user says of objects, by id, whoever made them.
    extents : Extents
        Every object that has pixels, whoever made it.
    """

    def __init__(self, store: LabelStore) -> None:
        self.store = store
        self.objects: dict[int, AnnotatedObject] = {}
        self.notes: dict[int, Notes] = {}
        self.extents = Extents()
        # Objects that were deleted, merged into others, or got another id.
        self._removed: Counter[int] = Counter()
        self._largest: int | None = None

    def __contains__(self, label: int) -> bool:
        """Whether there is an object with this id."""
        return label in self.extents or label in self.objects

    @property
    def next_label(self) -> int:
        """Id that the next object gets; 1 as long as nobody has looked."""
        return (self._largest or 0) + 1

    @property
    def largest(self) -> int:
        """Largest id in use, looked for if nobody has."""
        if self._largest is None:
            self._largest = self.store.max_id()
        return self._largest

    def note_largest(self, label: int) -> None:
        """Tell that an id is in use (found in the background, or painted)."""
        self._largest = max(self._largest or 0, label)

    def begin_after(self, label: int) -> None:
        """Tell that the next object gets the id after this one."""
        self._largest = label

    def notes_on(self, label: int) -> Notes:
        """Return what the user says of an object."""
        return self.notes.get(label, _NOTHING)

    def places(self, label: int) -> npt.NDArray[np.intp]:
        """Return the pixels of an object, as indices into the flattened labels."""
        return self.extents.places(label, self.store)

    def under(
        self, label: int, places: npt.NDArray[np.intp], gone: Collection[int] = ()
    ) -> _Ids:
        """Return what lies under pixels of an object: objects it has covered, or 0.

        Parameters
        ----------
        label : int
            Id of the object.
        places : ndarray of int, shape (n,)
            Pixels of it, as indices into the flattened labels.
        gone : collection of int
            Objects that do not come back, although they are still there.
        """
        nothing = np.zeros(places.shape, dtype=np.int64)
        kept = self.objects.get(label)
        if kept is None or kept.written is None or not kept.written.before.any():
            return nothing
        written = kept.written
        under = looked_up(
            places,
            written.where.astype(np.intp),
            np.broadcast_to(written.before, (len(written),)),
            otherwise=nothing,
        )
        return self.alive(np.where(np.isin(under, [label, *gone]), 0, under))

    def region(self, label: int, plane: Plane) -> Region | None:
        """Return the pixels of an object on a plane; None if it has none there.

        Raises
        ------
        LabelsError
            If they lie too far away from each other for one mask.
        """
        axes = np.unravel_index(self.places(label), self.store.shape)
        here = plane.index.holds(axes)
        if not here.any():
            return None
        rows, cols = axes[plane.index.row_axis][here], axes[plane.index.col_axis][here]
        row, col = int(rows.min()), int(cols.min())
        size = int(rows.max()) - row + 1, int(cols.max()) - col + 1
        if size[0] * size[1] > _LARGEST:
            raise LabelsError(
                f"Object {label} is spread over {size[0]:,} x {size[1]:,} pixels: "
                "split it first."
            )
        mask = np.zeros(size, dtype=bool)
        mask[rows - row, cols - col] = True
        return Region.of(mask, row, col)

    def alive(self, ids: _Ids) -> _Ids:
        """Return ids with 0 for objects that were deleted or merged away."""
        gone = set(+self._removed) - self.extents.labels - self.objects.keys()
        return np.where(np.isin(ids, list(gone)), 0, ids) if gone else ids

    def take_survey(
        self, found: Mapping[int, Extent], notes: Mapping[int, Notes] | None = None
    ) -> None:
        """Take notice of which objects there are in the labels.

        Parameters
        ----------
        found : mapping of int to Extent
            Every object that has pixels.
        notes : mapping of int to Notes, optional
            What was noted on them before; what is noted here counts more.
        """
        self.extents.take(found, self.store)
        self.note_largest(max(found, default=0))
        for label, said in (notes or {}).items():
            if label in found:
                self.notes.setdefault(label, said)

    def note_changes(self, changes: Iterable[PixelChange]) -> set[int]:
        """Take notice of pixels that somebody else has changed; says whose."""
        touched: set[int] = set()
        for change in changes:
            self.note_largest(int(change.after.max()))
            touched |= self.extents.note(change)
        return touched

    def apply(self, edit: Edit) -> set[int]:
        """Make an edit, and return the ids of the objects that it changes."""
        touched: set[int] = set()
        for change in edit.changes:
            touched |= self.extents.note(change.apply(self.store))
            if len(change):
                self.note_largest(int(change.after.max()))
        for object_change in edit.objects:
            self._record(object_change.label, object_change.after)
        for notes_change in edit.notes:
            self._note(notes_change.label, notes_change.after)
        self._removed.update(edit.removed)
        return touched | _noted(edit)

    def revert(self, edit: Edit) -> set[int]:
        """Take an edit back, and return the ids of the objects that it changes."""
        touched: set[int] = set()
        for change in reversed(edit.changes):
            touched |= self.extents.note(change.revert(self.store))
        for object_change in reversed(edit.objects):
            self._record(object_change.label, object_change.before)
        for notes_change in reversed(edit.notes):
            self._note(notes_change.label, notes_change.before)
        if edit.largest is not None:
            # Free again: the next object gets the id, unless this one comes back.
            self._largest = edit.largest
        self._removed.subtract(edit.removed)
        return touched | _noted(edit)

    def take_over(self, session: RecoveredSession) -> None:
        """Take over the objects of an earlier session, whose pixels are here."""
        # Thousands of objects at once are looked for as those of any labels are.
        self.extents = Extents()
        self.objects = dict(session.objects)
        self.notes = dict(session.notes)
        for edit in session.history.done:
            self._removed.update(edit.removed)
        self._largest = max(self._largest or 0, session.largest)

    def _record(self, label: int, found: AnnotatedObject | None) -> None:
        if found is None:
            self.objects.pop(label, None)
        else:
            self.objects[label] = found
            self.note_largest(label)

    def _note(self, label: int, notes: Notes) -> None:
        if notes == _NOTHING:
            self.notes.pop(label, None)
        else:
            self.notes[label] = notes


def _noted(edit: Edit) -> set[int]:
    objects = {change.label for change in edit.objects}
    return objects | {change.label for change in edit.notes}
