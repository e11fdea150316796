"""What was kept in one labels array: its objects, their pixels, the history."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.corrections import (
    correction,
    indices_of,
    looked_up,
    still_held,
)
from napari_sam2.annotation.extents import Extents, survey
from napari_sam2.annotation.history import Edit, History, NotesChange, ObjectChange
from napari_sam2.annotation.objects import Notes
from napari_sam2.annotation.overlap import PROTECT
from napari_sam2.errors import LabelsError
from napari_sam2.segmentation.region import Region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy.typing as npt

    from napari_sam2.annotation.extents import Extent
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.operations import Operation
    from napari_sam2.annotation.overlap import Overlap
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.recovery import RecoveredSession
    from napari_sam2.segmentation.prediction import Prediction

__all__ = ["Ledger"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]

_NOTHING = Notes()


class Ledger:
    """The objects of one label store, and the one history of its pixels.

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

    touched = Signal(object)
    """Emits ids of which something is another; None: of all."""

    def __init__(self, store: LabelStore) -> None:
        self.store = store
        self.objects: dict[int, AnnotatedObject] = {}
        self.notes: dict[int, Notes] = {}
        self.extents = Extents()
        self.history = History()
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

    def note_largest(self, label: int) -> None:
        """Tell that an id is in use (found in the background, or painted)."""
        self._largest = max(self._largest or 0, label)

    def begin_after(self, label: int) -> None:
        """Tell that the next object gets the id after this one."""
        self._largest = label

    @property
    def largest(self) -> int:
        """Largest id in use, looked for if nobody has."""
        if self._largest is None:
            self._largest = self.store.max_id()
        return self._largest

    def take_survey(
        self, found: Mapping[int, Extent], notes: Mapping[int, Notes] | None = None
    ) -> None:
        """Take notice of which objects there are in the labels.

        Parameters
        ----------
        found : mapping of int to Extent
            Every object that has pixels.
        notes : mapping of int to Notes, optional
            What was noted on them before; what the session was told counts more.
        """
        first = not self.extents.known
        self.extents.take(found, self.store)
        self.note_largest(max(found, default=0))
        if first:
            told = {one.label for edit in self.history.done for one in edit.notes}
            for label, said in (notes or {}).items():
                if label in found and label not in told:
                    self.notes.setdefault(label, said)
        self.touched.emit(None)

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
        return self._alive(np.where(np.isin(under, [label, *gone]), 0, under))

    def operate(
        self, operation: Operation, current: AnnotatedObject | None = None
    ) -> Edit | None:
        """Carry out what the user asks for.

        Parameters
        ----------
        operation : Operation
            What to do.
        current : AnnotatedObject, optional
            The session's current object.

        Returns
        -------
        Edit or None
            What was done, its ``after`` what has become of ``current``; None if
            there was nothing to do.

        Raises
        ------
        LabelsError
            If it cannot be done.
        """
        if not self.extents.known:
            self.take_survey(survey(self.store))
        edit = operation.edit(self)
        if edit is None:
            return None
        after = current
        if current is not None and current.kept:
            ends = {change.label: change.after for change in edit.objects}
            after = ends.get(current.label, current)
        edit = replace(edit, before=current, after=after, operation=operation)
        self._make(edit)
        return edit

    def keep(
        self,
        candidate: AnnotatedObject,
        *,
        overlap: Overlap = PROTECT,
        current: AnnotatedObject | None,
        category: str | None = None,
    ) -> AnnotatedObject | None:
        """Write a new object into the labels.

        Parameters
        ----------
        candidate : AnnotatedObject
            Its label is set here.
        overlap : Overlap
            Which pixels it may take.
        current : AnnotatedObject, optional
            The session's current object, to come back to by undo.
        category : str, optional
            Its class.

        Returns
        -------
        AnnotatedObject or None
            As it was kept; None if no pixel was left for it.
        """
        largest = self.largest
        label = largest + 1
        indices = indices_of(candidate, self.store)
        ids = self.store.read(indices)
        allowed = overlap.allows(ids, label)
        written = PixelChange.between(
            self.store.shape,
            tuple(axis[allowed] for axis in indices),
            ids[allowed],
            label,
        )
        if len(written) == 0:
            return None
        kept = replace(candidate, label=label, written=written)
        before, after = self.notes_on(label), Notes(category)
        edit = Edit(
            f"Keep object {label}",
            (written,),
            current,
            kept,
            (ObjectChange(label, None, kept),),
            (NotesChange(label, before, after),) if before != after else (),
            largest=largest,
            overlap=overlap,
        )
        self._make(edit)
        return kept

    def correct(
        self, old: AnnotatedObject, new: AnnotatedObject, *, overlap: Overlap = PROTECT
    ) -> AnnotatedObject:
        """Replace the pixels of a kept object by those of a better prediction.

        Pixels that somebody else has changed since are left alone.
        """
        return self._correct(old, new, overlap, f"Correct object {old.label}")

    def _correct(
        self, old: AnnotatedObject, new: AnnotatedObject, overlap: Overlap, title: str
    ) -> AnnotatedObject:
        change, corrected = self._better(old, new, overlap)
        edit = Edit(
            title,
            (change,),
            old,
            corrected,
            (ObjectChange(old.label, old, corrected),),
            overlap=overlap,
        )
        self._make(edit)
        return corrected

    def refine(
        self, old: AnnotatedObject, new: AnnotatedObject, *, overlap: Overlap = PROTECT
    ) -> AnnotatedObject:
        """Cut a kept object out of the same answer in another way.

        Many small steps one after the other are one item of the history.
        """
        title, last = f"Refine object {old.label}", self.history.next_undo
        if last is not None and last.title == title and last.made(old):
            self.undo()
            old = self.objects[old.label]
        return self._correct(old, new, overlap, title)

    def region(self, label: int, plane: Plane) -> Region | None:
        """Return the pixels of an object on a plane; None if it has none there."""
        if not self.extents.known:
            self.take_survey(survey(self.store))
        axes = np.unravel_index(self.places(label), self.store.shape)
        here = plane.index.holds(axes)
        if not here.any():
            return None
        rows, cols = axes[plane.index.row_axis][here], axes[plane.index.col_axis][here]
        row, col = int(rows.min()), int(cols.min())
        mask = np.zeros((rows.max() - row + 1, cols.max() - col + 1), dtype=bool)
        mask[rows - row, cols - col] = True
        return Region.of(mask, row, col)

    def find_anew(
        self,
        found: AnnotatedObject,
        region: Region,
        *,
        overlap: Overlap = PROTECT,
        current: AnnotatedObject | None,
    ) -> AnnotatedObject:
        """Put what the model finds in the place of what is painted under an id.

        Parameters
        ----------
        found : AnnotatedObject
            What it finds; its label is that of what is painted.
        region : Region
            What is painted, on the plane of the object.
        overlap : Overlap
            Which pixels it may take.
        current : AnnotatedObject, optional
            The session's current object, to come back to by undo.
        """
        label, shape = found.label, self.store.shape
        rows, cols = np.nonzero(region.crop)
        indices = found.plane.index.indices(rows + region.row, cols + region.col)
        under = self.under(label, np.ravel_multi_index(indices, shape))
        painted = PixelChange.between(shape, indices, under, label)
        change, after = self._better(replace(found, written=painted), found, overlap)
        before = self.objects.get(label)
        edit = Edit(
            f"Find object {label} anew",
            (change,),
            current,
            after,
            (ObjectChange(label, before, after),),
            overlap=overlap,
        )
        self._make(edit)
        return after

    def sharpen(
        self,
        old: AnnotatedObject,
        prediction: Prediction,
        *,
        overlap: Overlap = PROTECT,
    ) -> AnnotatedObject:
        """Give an object a sharper mask, as if it had been kept so.

        What was done since has been done on top of it: these pixels stay as they
        are, and an object that somebody has painted on stays altogether.

        Parameters
        ----------
        old : AnnotatedObject
            As it was kept or last corrected; or a draft.
        prediction : Prediction
            The sharper mask of the same object.
        overlap : Overlap
            Which pixels it may take.

        Returns
        -------
        AnnotatedObject
            The object with the sharper mask; the old one if it has to stay.
        """
        beyond = tuple(
            left
            for part in old.beyond
            if (left := part.beside(prediction.view.window)) is not None
        )
        new = replace(old, prediction=prediction, beyond=beyond)
        since = self.history.since(old)
        if since is None:
            return old
        if old.written is None:
            return new if self.history.amend(old, new) else old
        if tuple(self.store.shape) != old.written.shape:
            return old
        touched = _touched(since)
        if (
            any(edit.about(old.label) for edit in since)
            or np.isin(old.written.where, _touched(_by_others(since))).any()
            or not still_held(old, self.store).any()
        ):
            return old
        change, sharper = self._better(old, new, overlap, spared=touched)
        if not len(sharper.written or ()):
            return old
        edit = Edit("", (change,), objects=(ObjectChange(old.label, old, sharper),))
        about = self._do(edit)
        self.history.amend(old, sharper, (change,))
        self._tell(edit, about)
        return sharper

    def _better(
        self,
        old: AnnotatedObject,
        new: AnnotatedObject,
        overlap: Overlap,
        spared: npt.NDArray[np.unsignedinteger[Any]] | None = None,
    ) -> tuple[PixelChange, AnnotatedObject]:
        return correction(old, new, self.store, overlap, self._alive, spared)

    def record_edit(
        self, changes: Iterable[PixelChange], current: AnnotatedObject | None
    ) -> None:
        """Remember an edit that somebody else made, a brush stroke say."""
        changes = tuple(change for change in changes if len(change))
        if not changes:
            return
        touched: set[int] = set()
        for change in changes:
            self.note_largest(int(change.after.max()))
            touched |= self.extents.note(change)
        self.history.add(Edit("Paint", changes, current, current))
        self.touched.emit(touched)

    def restore(self, session: RecoveredSession, *, written: bool = False) -> None:
        """Take over a session that was read back from its journal.

        Parameters
        ----------
        session : RecoveredSession
            The session.
        written : bool
            Whether its pixels are in the labels already.

        Raises
        ------
        LabelsError
            If the labels have another shape, cannot be written, or objects have been
            kept in them by now.
        """
        shape = session.labels.shape
        if tuple(self.store.shape) != shape:
            raise LabelsError(
                f"The session is about labels of the shape {shape}, these have "
                f"{tuple(self.store.shape)}: choose or make labels that fit the image."
            )
        if self.history.done or self.history.undone:
            raise LabelsError(
                "These labels have objects of their own by now: make new labels, and "
                "restore the session there."
            )
        if not written:
            change = session.change
            where = np.unravel_index(change.where.astype(np.intp), change.shape)
            changed = self.store.read(where) != change.after
            where = tuple(axis[changed] for axis in where)
            self.store.write(where, change.after[changed])
        # Thousands of objects at once are looked for as those of any labels are.
        self.extents = Extents()
        self.history.restore(session.history)
        self.objects = dict(session.objects)
        self.notes = dict(session.notes)
        for edit in session.history.done:
            self._removed.update(edit.removed)
        self._largest = max(self._largest or 0, session.largest)
        self.touched.emit(None)

    def has_taken_back(self, draft: AnnotatedObject) -> bool:
        """Whether the last undo was that of keeping this draft."""
        edit = self.history.next_redo
        return edit is not None and bool(edit.changes) and edit.before is draft

    def undo(self) -> Edit | None:
        """Take the last edit back and return it; None if there is none."""
        if not self.history.can_undo:
            return None
        edit = self.history.step_back()
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
        self._tell(edit, touched)
        return edit

    def redo(self) -> Edit | None:
        """Make the edit again that was taken back last, and return it."""
        if not self.history.can_redo:
            return None
        edit = self.history.step_forward()
        self._tell(edit, self._do(edit))
        return edit

    def _make(self, edit: Edit) -> None:
        """Carry out a new edit; it is written down before anybody is told."""
        touched = self._do(edit)
        self.history.add(edit)
        self._tell(edit, touched)

    def _do(self, edit: Edit) -> set[int]:
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
        return touched

    def _tell(self, edit: Edit, touched: set[int]) -> None:
        touched |= {change.label for change in edit.objects}
        touched |= {change.label for change in edit.notes}
        self.touched.emit(touched)

    def _note(self, label: int, notes: Notes) -> None:
        if notes == _NOTHING:
            self.notes.pop(label, None)
        else:
            self.notes[label] = notes

    def _alive(self, ids: _Ids) -> _Ids:
        """Let nothing come back to objects that were deleted or merged."""
        gone = set(+self._removed) - self.extents.labels - self.objects.keys()
        return np.where(np.isin(ids, list(gone)), 0, ids) if gone else ids

    def _record(self, label: int, found: AnnotatedObject | None) -> None:
        if found is None:
            self.objects.pop(label, None)
        else:
            self.objects[label] = found
            self.note_largest(label)


def _by_others(edits: Iterable[Edit]) -> Iterable[Edit]:
    return (edit for edit in edits if edit.by_others)


def _touched(edits: Iterable[Edit]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Places that some edits have changed."""
    nowhere = np.zeros(0, dtype=np.uint32)
    places = [change.where for edit in edits for change in edit.changes]
    return np.concatenate([nowhere, *places])
