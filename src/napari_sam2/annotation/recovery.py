"""A session, read back from its journal: objects, pixels, and the whole history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.history import Edit, History
from napari_sam2.annotation.journal import read_journal
from napari_sam2.annotation.objects import Notes
from napari_sam2.annotation.origins import ImageOrigin, LabelsOrigin
from napari_sam2.annotation.plain import unpack_plain
from napari_sam2.annotation.serialization import Packer, Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.planes import Plane

__all__ = ["Reader", "RecoveredSession", "net_change", "recover"]

_Ids = np.ndarray[Any, np.dtype[np.integer[Any]]]


@dataclass(frozen=True, eq=False)
class RecoveredSession:
    """What a journal tells.

    Attributes
    ----------
    path : Path
        Of the journal.
    image : ImageOrigin
        The image that was annotated.
    labels : LabelsOrigin
        The labels that the objects were kept in.
    ended : datetime
        When something was written last, in local time.
    history : History
        Every edit that was done or undone.
    objects : dict of int to AnnotatedObject
        As they were in the end, by id.
    notes : dict of int to Notes
        What was said of objects, by id.
    largest : int
        Largest id that was in use.
    draft : AnnotatedObject, optional
        What was not finished.
    damaged : tuple of int
        Numbers of lines that could not be read; what they told is not here.
    packer : Packer
        To go on with at the end of the journal.
    """

    path: Path
    image: ImageOrigin
    labels: LabelsOrigin
    ended: datetime
    history: History
    objects: dict[int, AnnotatedObject]
    notes: dict[int, Notes]
    largest: int
    draft: AnnotatedObject | None
    damaged: tuple[int, ...]
    packer: Packer

    @cached_property
    def change(self) -> PixelChange:
        """What all edits together did to the labels; takes a while at first."""
        return net_change(self.history, self.labels.shape)


def recover(
    path: Path, plane: Callable[[Plane], Plane] | None = None
) -> RecoveredSession:
    """Read a session back, without computing anything.

    Parameters
    ----------
    path : Path
        Of the journal.
    plane : callable, optional
        ``plane(described)`` returns the plane of the image at hand for one that
        nothing can be read from; by default that is left as it is.

    Raises
    ------
    JournalError
        If there is no journal, or one of a later version.
    """
    content = read_journal(path)
    story = _Story(plane)
    damaged = list(content.damaged)
    for number, record in zip(content.lines, content.records, strict=True):
        try:
            story.take(record)
        except (LookupError, TypeError, ValueError):
            # It builds upon a line that is damaged.
            damaged.append(number)
    header = content.header
    history = story.history
    return RecoveredSession(
        path=path,
        image=unpack_plain(ImageOrigin, header["image"]),
        labels=unpack_plain(LabelsOrigin, header["labels"]),
        ended=datetime.fromtimestamp(path.stat().st_mtime),
        history=history,
        objects=_objects(history.done),
        notes=_notes(history.done),
        largest=story.largest,
        draft=_draft(history.done),
        damaged=tuple(sorted(damaged)),
        packer=story.packer(),
    )


class Reader:
    """Follows the records of a journal, one after the other.

    Parameters
    ----------
    plane : callable, optional
        See :func:`recover`.
    """

    def __init__(self, plane: Callable[[Plane], Plane] | None = None) -> None:
        self._unpacker = Unpacker(plane or (lambda described: described))

    def take(self, record: dict[str, Any]) -> None:
        """Read a record and do what it tells.

        Raises
        ------
        LookupError, TypeError, ValueError
            If it builds upon one that is damaged.
        """
        # What makes an object better is a closer look at the same thing.
        old = self._unpacker.numbered.get(record.get("old", -1))
        defined = record.get("defines", {})
        self._unpacker.take_in(defined, None if old is None else old.prediction)
        unpack, what = self._unpacker.unpack, record["do"]
        if what == "edit":
            self.on_edit(unpack(Edit, record["edit"]))
        elif what == "undo":
            self.on_undo(record["number"])
        elif what == "redo":
            self.on_redo(record["number"])
        elif what == "amend":
            self.on_amend(
                record["number"],
                self._unpacker.numbered[record["old"]],
                self._unpacker.numbered[record["new"]],
                unpack(tuple[PixelChange, ...], record["changes"]),
            )
        elif what == "forget drafts":
            self.on_forget_drafts()
        elif what not in ("open", "resume"):
            raise LookupError(f"Nobody knows what “{what}” means.")

    def on_edit(self, edit: Edit) -> None:
        """An edit was made."""

    def on_undo(self, number: int) -> None:
        """An edit was taken back."""

    def on_redo(self, number: int) -> None:
        """An edit was made again."""

    def on_amend(
        self,
        number: int,
        old: AnnotatedObject,
        new: AnnotatedObject,
        changes: tuple[PixelChange, ...],
    ) -> None:
        """An edit has made something better than it did."""

    def on_forget_drafts(self) -> None:
        """The steps of drafts were taken out."""


class _Story(Reader):
    """Makes the history of the records."""

    def __init__(self, plane: Callable[[Plane], Plane] | None) -> None:
        super().__init__(plane)
        self.history = History()
        self.largest = 0
        self._planes: dict[int, dict[str, Any]] = {}

    def take(self, record: dict[str, Any]) -> None:
        for packed in record.get("defines", {}).get("planes", ()):
            self._planes[packed["id"]] = packed
        super().take(record)

    def packer(self) -> Packer:
        """Return a packer that knows what the journal knows."""
        packer = Packer()
        for number, packed in self._planes.items():
            packer.remember_plane(packed, number)
        for number, thing in self._unpacker.numbered.items():
            if number not in self._planes:
                packer.remember(thing, number)
        for digest in self._unpacker.answers:
            packer.remember_answer(digest)
        return packer

    def on_edit(self, edit: Edit) -> None:
        self.history.add(edit)
        self._note_largest(edit)

    def on_undo(self, number: int) -> None:
        done = self.history.done
        # Of an edit that is damaged, there is nothing to undo.
        if done and done[-1].number == number:
            edit = self.history.step_back()
            if edit.largest is not None:
                self.largest = edit.largest

    def on_redo(self, number: int) -> None:
        undone = self.history.undone
        if undone and undone[-1].number == number:
            self._note_largest(self.history.step_forward())

    def on_amend(
        self,
        number: int,
        old: AnnotatedObject,
        new: AnnotatedObject,
        changes: tuple[PixelChange, ...],
    ) -> None:
        self.history.amend(old, new, changes)

    def on_forget_drafts(self) -> None:
        self.history.forget_drafts()

    def _note_largest(self, edit: Edit) -> None:
        painted = [int(change.after.max(initial=0)) for change in edit.changes]
        made = [change.label for change in edit.objects if change.after is not None]
        self.largest = max(self.largest, edit.largest or 0, *painted, *made)


def net_change(history: History, shape: tuple[int, ...]) -> PixelChange:
    """Return what all edits of a history together do to the labels.

    Pixels that only edits touched which were undone are among them, with what they
    held before.
    """
    done = [change for edit in history.done for change in edit.changes]
    undone = [c for edit in reversed(history.undone) for c in edit.changes]
    fits = [c for c in (*done, *undone) if tuple(c.shape) == shape]
    if not fits:
        nothing = np.zeros(0, dtype=np.uint32)
        return PixelChange(shape, nothing, nothing, nothing)
    places = np.concatenate([change.where for change in fits])
    before = np.concatenate([_spread(change, change.before) for change in fits])
    # What was there at first is there again, unless an edit that was done says else.
    where, first = np.unique(places, return_index=True)
    old = before[first]
    new = old.copy()
    still = [c for c in done if tuple(c.shape) == shape]
    if still:
        after = np.concatenate([_spread(change, change.after) for change in still])
        new = new.astype(np.result_type(new, after))
        touched, last = np.unique(places[: after.size][::-1], return_index=True)
        new[np.searchsorted(where, touched)] = after[::-1][last]
    return PixelChange(shape, where, old, new)


def _spread(change: PixelChange, ids: _Ids) -> _Ids:
    return np.broadcast_to(ids, change.where.shape)


def _objects(done: Iterable[Edit]) -> dict[int, AnnotatedObject]:
    found: dict[int, AnnotatedObject] = {}
    for edit in done:
        for change in edit.objects:
            if change.after is None:
                found.pop(change.label, None)
            else:
                found[change.label] = change.after
    return found


def _notes(done: Iterable[Edit]) -> dict[int, Notes]:
    found: dict[int, Notes] = {}
    for edit in done:
        found.update((change.label, change.after) for change in edit.notes)
    return {label: notes for label, notes in found.items() if notes != Notes()}


def _draft(done: tuple[Edit, ...]) -> AnnotatedObject | None:
    """Return what was at hand, if it was not kept."""
    for edit in reversed(done):
        if edit.by_others:
            continue
        return edit.after if edit.after is not None and not edit.after.kept else None
    return None
