"""What was kept in one labels array, and the one history of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.edits import corrected, found_anew, kept, sharpened
from napari_sam2.annotation.extents import survey
from napari_sam2.annotation.history import Edit, History
from napari_sam2.annotation.inventory import Inventory
from napari_sam2.annotation.overlap import PROTECT
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.extents import Extent
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject, Notes
    from napari_sam2.annotation.operations import Operation
    from napari_sam2.annotation.overlap import Overlap
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.recovery import RecoveredSession
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.region import Region

__all__ = ["Ledger"]


class Ledger:
    """Carries edits out, remembers them, and tells of what they touch.

    Parameters
    ----------
    store : LabelStore
        Where the pixels are.

    Attributes
    ----------
    store : LabelStore
        Where the pixels are.
    inventory : Inventory
        Which objects there are now.
    history : History
        How they came about.
    """

    touched = Signal(object)
    """Emits ids of which something is another; None: of all."""

    def __init__(self, store: LabelStore) -> None:
        self.store = store
        self.inventory = Inventory(store)
        self.history = History()

    @property
    def objects(self) -> dict[int, AnnotatedObject]:
        """What came of prompts, by id."""
        return self.inventory.objects

    # --------------------------------------------------------------- what there is

    def look_for_all(self) -> None:
        """Look through the labels for their objects, if nobody has."""
        if not self.inventory.extents.known:
            self.take_survey(survey(self.store))

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
        if self.inventory.extents.known:
            notes = None
        told = {one.label for edit in self.history.done for one in edit.notes}
        untold = {n: said for n, said in (notes or {}).items() if n not in told}
        self.inventory.take_survey(found, untold)
        self.touched.emit(None)

    def region(self, label: int, plane: Plane) -> Region | None:
        """Return the pixels of an object on a plane; None if it has none there.

        Raises
        ------
        LabelsError
            If they lie too far away from each other for one mask.
        """
        self.look_for_all()
        return self.inventory.region(label, plane)

    # ----------------------------------------------------------------- new edits

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
        self.look_for_all()
        edit = operation.edit(self.inventory)
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
        edit = kept(candidate, self.inventory, overlap, current, category)
        return None if edit is None else self._made(edit)

    def correct(
        self, old: AnnotatedObject, new: AnnotatedObject, *, overlap: Overlap = PROTECT
    ) -> AnnotatedObject:
        """Replace the pixels of a kept object by those of a better prediction.

        Pixels that somebody else has changed since are left alone.
        """
        title = f"Correct object {old.label}"
        return self._made(corrected(old, new, self.inventory, overlap, title))

    def refine(
        self, old: AnnotatedObject, new: AnnotatedObject, *, overlap: Overlap = PROTECT
    ) -> AnnotatedObject:
        """Cut a kept object out of the same answer in another way.

        Many small steps one after the other are one item of the history.
        """
        title, last = f"Refine object {old.label}", self.history.next_undo
        if last is not None and last.title == title and last.made(old):
            self.undo()
            old = self.inventory.objects[old.label]
        return self._made(corrected(old, new, self.inventory, overlap, title))

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
        return self._made(found_anew(found, region, self.inventory, overlap, current))

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
        edit = sharpened(old, new, self.inventory, overlap, since)
        if edit is None or edit.after is None:
            return old
        touched = self.inventory.apply(edit)
        self.history.amend(old, edit.after, edit.changes)
        self.touched.emit(touched)
        return edit.after

    def record_edit(
        self, changes: Iterable[PixelChange], current: AnnotatedObject | None
    ) -> None:
        """Remember an edit that somebody else made, a brush stroke say."""
        changes = tuple(change for change in changes if len(change))
        if changes:
            touched = self.inventory.note_changes(changes)
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
        self.history.restore(session.history)
        self.inventory.take_over(session)
        self.touched.emit(None)

    # ------------------------------------------------------------------ undo, redo

    def has_taken_back(self, draft: AnnotatedObject) -> bool:
        """Whether the last undo was that of keeping this draft."""
        edit = self.history.next_redo
        return edit is not None and bool(edit.changes) and edit.before is draft

    def undo(self) -> Edit | None:
        """Take the last edit back and return it; None if there is none."""
        if not self.history.can_undo:
            return None
        edit = self.history.step_back()
        self.touched.emit(self.inventory.revert(edit))
        return edit

    def redo(self) -> Edit | None:
        """Make the edit again that was taken back last, and return it."""
        if not self.history.can_redo:
            return None
        edit = self.history.step_forward()
        self.touched.emit(self.inventory.apply(edit))
        return edit

    def _make(self, edit: Edit) -> None:
        """Carry out a new edit; it is written down before anybody is told."""
        touched = self.inventory.apply(edit)
        self.history.add(edit)
        self.touched.emit(touched)

    def _made(self, edit: Edit) -> AnnotatedObject:
        """Carry out a new edit that makes an object, and return that."""
        assert edit.after is not None
        self._make(edit)
        return edit.after
