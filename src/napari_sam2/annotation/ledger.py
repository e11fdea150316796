"""What was kept in one labels array: its objects, their pixels, the history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.history import Edit, History, ObjectChange
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.segmentation.prediction import Prediction

__all__ = ["Ledger"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]


class Ledger:
    """The objects of one label store, and the one history of its pixels.

    Parameters
    ----------
    store : LabelStore
        Where the pixels are.
    """

    def __init__(self, store: LabelStore) -> None:
        self.store = store
        self.objects: dict[int, AnnotatedObject] = {}
        self.history = History()
        self._largest: int | None = None

    @property
    def next_label(self) -> int:
        """Id that the next object gets; 1 as long as nobody has looked."""
        return (self._largest or 0) + 1

    def note_largest(self, label: int) -> None:
        """Tell that an id is in use (found in the background, or painted)."""
        self._largest = max(self._largest or 0, label)

    def keep(
        self,
        candidate: AnnotatedObject,
        *,
        overwrite: bool,
        current: AnnotatedObject | None,
    ) -> AnnotatedObject | None:
        """Write a new object into the labels.

        Parameters
        ----------
        candidate : AnnotatedObject
            Its label is set here.
        overwrite : bool
            Whether it may take pixels of other objects.
        current : AnnotatedObject, optional
            The session's current object, to come back to by undo.

        Returns
        -------
        AnnotatedObject or None
            As it was kept; None if no pixel was left for it.
        """
        if self._largest is None:
            self._largest = self.store.max_id()
        label = self.next_label
        indices = self._indices(candidate)
        ids = self.store.read(indices)
        allowed = np.full(ids.shape, True) if overwrite else ids == 0
        written = PixelChange.between(
            self.store.shape,
            tuple(axis[allowed] for axis in indices),
            ids[allowed],
            label,
        )
        if len(written) == 0:
            return None
        kept = replace(candidate, label=label, written=written)
        written.apply(self.store)
        self._largest = label
        self.objects[label] = kept
        self.history.add(
            Edit(
                f"Keep object {label}",
                (written,),
                current,
                kept,
                (ObjectChange(label, None, kept),),
            )
        )
        return kept

    def correct(
        self, old: AnnotatedObject, new: AnnotatedObject, *, overwrite: bool
    ) -> AnnotatedObject:
        """Replace the pixels of a kept object by those of a better prediction.

        Pixels that somebody else has changed since are left alone.
        """
        change, corrected = self._better(old, new, overwrite)
        change.apply(self.store)
        self.objects[old.label] = corrected
        self.history.add(
            Edit(
                f"Correct object {old.label}",
                (change,),
                old,
                corrected,
                (ObjectChange(old.label, old, corrected),),
            )
        )
        return corrected

    def sharpen(
        self, old: AnnotatedObject, prediction: Prediction, *, overwrite: bool
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
        overwrite : bool
            Whether it may take pixels of other objects.

        Returns
        -------
        AnnotatedObject
            The object with the sharper mask; the old one if it has to stay.
        """
        new = replace(old, prediction=prediction)
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
            or not self._holds(old).any()
        ):
            return old
        change, sharper = self._better(old, new, overwrite, spared=touched)
        if not len(sharper.written or ()):
            return old
        change.apply(self.store)
        self.history.amend(old, sharper, (change,))
        self.objects[old.label] = sharper
        return sharper

    def _holds(self, kept: AnnotatedObject) -> npt.NDArray[np.bool_]:
        """Say which of the pixels that an object took are still its own."""
        if kept.written is None:
            raise ValueError("A draft has no pixels yet.")
        where = np.unravel_index(kept.written.where.astype(np.intp), self.store.shape)
        holds: npt.NDArray[np.bool_] = self.store.read(where) == kept.label
        return holds

    def _better(
        self,
        old: AnnotatedObject,
        new: AnnotatedObject,
        overwrite: bool,
        spared: npt.NDArray[np.unsignedinteger[Any]] | None = None,
    ) -> tuple[PixelChange, AnnotatedObject]:
        """Say which pixels change if an object gets another mask; none ``spared``."""
        if old.written is None:
            raise ValueError("Only a kept object can be corrected.")
        shape, label = self.store.shape, old.label
        will = np.ravel_multi_index(self._indices(new), shape)
        was, holds = old.written.where.astype(np.intp), self._holds(old)
        was, under_was = was[holds], _spread(old.written.before, holds)
        ids = self.store.read(np.unravel_index(will, shape))
        under = _looked_up(will, was, under_was, otherwise=ids)
        allowed = (under == 0) | (under == label) | overwrite
        stays = np.zeros(was.shape, dtype=bool)
        if spared is not None and spared.size:
            allowed &= ~np.isin(will, spared)
            stays = np.isin(was, spared)
        will, ids, under = will[allowed], ids[allowed], under[allowed]
        left = ~(np.isin(was, will) | stays)
        change = PixelChange.between(
            shape,
            np.unravel_index(np.concatenate([was[left], will]), shape),
            np.concatenate([np.full(left.sum(), label, ids.dtype), ids]),
            np.concatenate([under_was[left], np.full(will.size, label, ids.dtype)]),
        )
        written = PixelChange.between(
            shape,
            np.unravel_index(np.concatenate([will, was[stays]]), shape),
            np.concatenate([under, under_was[stays]]),
            label,
        )
        return change, replace(new, label=label, written=written)

    def record_edit(
        self, changes: Iterable[PixelChange], current: AnnotatedObject | None
    ) -> None:
        """Remember an edit that somebody else made, a brush stroke say."""
        changes = tuple(change for change in changes if len(change))
        if not changes:
            return
        for change in changes:
            self.note_largest(int(change.after.max()))
        self.history.add(Edit("Paint", changes, current, current))

    def has_taken_back(self, draft: AnnotatedObject) -> bool:
        """Whether the last undo was that of keeping this draft."""
        edit = self.history.next_redo
        return edit is not None and bool(edit.changes) and edit.before is draft

    def undo(self) -> Edit | None:
        """Take the last edit back and return it; None if there is none."""
        if not self.history.can_undo:
            return None
        edit = self.history.step_back()
        for change in reversed(edit.changes):
            change.revert(self.store)
        for object_change in edit.objects:
            self._record(object_change.label, object_change.before)
            made = object_change.before is None
            # Free again: the next object gets it, unless this one comes back.
            if made and object_change.label == self._largest:
                self._largest -= 1
        return edit

    def redo(self) -> Edit | None:
        """Make the edit again that was taken back last, and return it."""
        if not self.history.can_redo:
            return None
        edit = self.history.step_forward()
        for change in edit.changes:
            change.apply(self.store)
        for object_change in edit.objects:
            self._record(object_change.label, object_change.after)
        return edit

    def _record(self, label: int, found: AnnotatedObject | None) -> None:
        if found is None:
            self.objects.pop(label, None)
        else:
            self.objects[label] = found
            self.note_largest(label)

    def _indices(self, candidate: AnnotatedObject) -> tuple[npt.NDArray[np.intp], ...]:
        """Return where the mask of an object lies in the n-D labels."""
        plane = candidate.plane
        if tuple(self.store.shape) != tuple(plane.array_shape):
            raise LabelsError(
                f"The labels have the shape {tuple(self.store.shape)}, the image "
                f"“{plane.name}” has {tuple(plane.array_shape)}: choose or make "
                "labels that fit the image."
            )
        row, col = candidate.prediction.bbox[:2]
        rows, cols = np.nonzero(candidate.prediction.crop)
        return plane.index.indices(rows + row, cols + col)


def _by_others(edits: Iterable[Edit]) -> Iterable[Edit]:
    return (edit for edit in edits if edit.by_others)


def _touched(edits: Iterable[Edit]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Places that some edits have changed."""
    nowhere = np.zeros(0, dtype=np.uint32)
    places = [change.where for edit in edits for change in edit.changes]
    return np.concatenate([nowhere, *places])


def _spread(ids: _Ids, chosen: npt.NDArray[np.bool_]) -> _Ids:
    return np.broadcast_to(ids, chosen.shape)[chosen]


def _looked_up(
    places: npt.NDArray[np.intp],
    known: npt.NDArray[np.intp],
    values: _Ids,
    otherwise: _Ids,
) -> _Ids:
    """Return ``values`` at the places that are ``known``, else ``otherwise``."""
    if known.size == 0:
        return otherwise
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known, places, sorter=order), known.size - 1)
    at = order[at]
    return np.where(known[at] == places, values[at], otherwise)
