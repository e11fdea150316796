"""One history of everything that changed the labels, whoever did it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.objects import AnnotatedObject, Notes
    from napari_sam2.annotation.operations import Operation
    from napari_sam2.annotation.overlap import Overlap

__all__ = ["Edit", "History", "HistoryRecorder", "NotesChange", "ObjectChange"]


@dataclass(frozen=True, eq=False)
class ObjectChange:
    """What an edit did to one object.

    Attributes
    ----------
    label : int
        Its id.
    before, after : AnnotatedObject, optional
        What was recorded under that id; None: nothing.
    """

    label: int
    before: AnnotatedObject | None
    after: AnnotatedObject | None


@dataclass(frozen=True)
class NotesChange:
    """What an edit did to the notes on one object.

    Attributes
    ----------
    label : int
        Its id.
    before, after : Notes
        What was, and what is said of it.
    """

    label: int
    before: Notes
    after: Notes


@dataclass(frozen=True, eq=False)
class Edit:
    """One item of the history.

    Attributes
    ----------
    title : str
        What was done, for tooltips: ``"Keep object 3"``.
    changes : tuple of PixelChange
        What it did to the labels; none for a step of a draft.
    before, after : AnnotatedObject, optional
        The session's current object, before and after.
    objects : tuple of ObjectChange
        The objects that it made, changed or removed; none for other people's edits.
    notes : tuple of NotesChange
        What it made of the notes on objects.
    removed : tuple of int
        Ids of objects that are no more after it, whoever had made them.
    operation : Operation, optional
        What the user asked for, as plain data; None for answers to prompts, and for
        other people's edits.
    largest : int, optional
        Largest id in use before it, if it may have taken a new one.
    overlap : Overlap, optional
        Which pixels an object could take, if it was asked for by prompts.
    number : int
        Which edit of its history it is, from 1; the history sets it.
    """

    title: str
    changes: tuple[PixelChange, ...] = ()
    before: AnnotatedObject | None = None
    after: AnnotatedObject | None = None
    objects: tuple[ObjectChange, ...] = ()
    notes: tuple[NotesChange, ...] = ()
    removed: tuple[int, ...] = ()
    operation: Operation | None = None
    largest: int | None = None
    overlap: Overlap | None = None
    number: int = 0

    @property
    def by_others(self) -> bool:
        """Whether somebody else made it, with a brush say."""
        return bool(self.changes) and not self.objects and self.operation is None

    def about(self, label: int) -> bool:
        """Whether it made, changed or removed an object."""
        return any(change.label == label for change in self.objects)

    def made(self, thing: AnnotatedObject) -> bool:
        """Whether it made an object, or a draft, what it is."""
        if self.objects:
            return any(change.after is thing for change in self.objects)
        return self.after is thing and self.before is not thing


class HistoryRecorder(Protocol):
    """Writes down what happens to a history, before anybody is told of it."""

    def added(self, edit: Edit) -> None:
        """An edit was made."""

    def undone(self, edit: Edit) -> None:
        """The last edit was taken back."""

    def redone(self, edit: Edit) -> None:
        """The edit undone last was made again."""

    def amended(
        self,
        edit: Edit,
        old: AnnotatedObject,
        new: AnnotatedObject,
        changes: tuple[PixelChange, ...],
    ) -> None:
        """An edit has made something better than it did."""

    def forgot_drafts(self) -> None:
        """The steps of drafts were taken out."""


class History:
    """Edits done and edits undone, without a bound.

    Attributes
    ----------
    recorder : HistoryRecorder, optional
        Is told of everything that happens.
    """

    def __init__(self) -> None:
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._count = 0
        self.recorder: HistoryRecorder | None = None

    def __len__(self) -> int:
        return len(self._done)

    @property
    def done(self) -> tuple[Edit, ...]:
        """The edits done, the first one first."""
        return tuple(self._done)

    @property
    def undone(self) -> tuple[Edit, ...]:
        """The edits undone; the last one is made again first."""
        return tuple(self._undone)

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._undone)

    @property
    def next_undo(self) -> Edit | None:
        """The edit that an undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def next_redo(self) -> Edit | None:
        """The edit that a redo would make again."""
        return self._undone[-1] if self._undone else None

    def add(self, edit: Edit) -> None:
        """Record an edit; what had been undone is forgotten."""
        # One that is read from a journal has its number.
        self._count = max(self._count + 1, edit.number)
        edit = replace(edit, number=self._count)
        self._done.append(edit)
        self._undone.clear()
        if self.recorder is not None:
            self.recorder.added(edit)

    def restore(self, other: History) -> None:
        """Take over what an earlier history holds; nothing is recorded."""
        self._done, self._undone = list(other.done), list(other.undone)
        self._count = other._count

    def since(self, made: AnnotatedObject) -> list[Edit] | None:
        """Return the edits that came after the one that made an object.

        Those that were taken back are among them: a redo relies on what was there.
        None if there is no edit that made it, or if it was taken back.
        """
        place = self._place_of(made)
        return None if place is None else self._done[place + 1 :] + self._undone

    def amend(
        self,
        old: AnnotatedObject,
        new: AnnotatedObject,
        changes: tuple[PixelChange, ...] = (),
    ) -> bool:
        """Let an edit have made something better than it did.

        Undo takes both back at once.

        Parameters
        ----------
        old, new : AnnotatedObject
            What the edit made, and what it shall have made.
        changes : tuple of PixelChange
            What that takes beyond what the edit did to the labels; no pixel that
            an edit :meth:`since` has touched.

        Returns
        -------
        bool
            Whether there is such an edit; one that was taken back is not amended.
        """
        place = self._place_of(old)
        if place is None:
            return False

        def known(thing: AnnotatedObject | None) -> AnnotatedObject | None:
            return new if thing is old else thing

        def renewed(edits: list[Edit]) -> list[Edit]:
            return [
                replace(
                    edit,
                    before=known(edit.before),
                    after=known(edit.after),
                    objects=tuple(
                        replace(
                            change,
                            before=known(change.before),
                            after=known(change.after),
                        )
                        for change in edit.objects
                    ),
                )
                for edit in edits
            ]

        edit = self._done[place]
        edit = replace(edit, changes=(*edit.changes, *changes))
        # Nothing before it can know of what it made.
        self._done[place:] = renewed([edit, *self._done[place + 1 :]])
        self._undone = renewed(self._undone)
        if self.recorder is not None:
            self.recorder.amended(self._done[place], old, new, changes)
        return True

    def _place_of(self, made: AnnotatedObject) -> int | None:
        for place in reversed(range(len(self._done))):
            if self._done[place].made(made):
                return place
        return None

    def step_back(self) -> Edit:
        """Move the last edit to the undone ones and return it."""
        edit = self._done.pop()
        self._undone.append(edit)
        if self.recorder is not None:
            self.recorder.undone(edit)
        return edit

    def step_forward(self) -> Edit:
        """Move the edit undone last back and return it."""
        edit = self._undone.pop()
        self._done.append(edit)
        if self.recorder is not None:
            self.recorder.redone(edit)
        return edit

    def forget_drafts(self) -> None:
        """Take out the steps of drafts: the draft was dropped, they lead nowhere."""
        self._done = [_without_draft(edit) for edit in self._done if _lasts(edit)]
        self._undone = [_without_draft(edit) for edit in self._undone if _lasts(edit)]
        if self.recorder is not None:
            self.recorder.forgot_drafts()


def _without_draft(edit: Edit) -> Edit:
    """Let what was done beside a draft not bring it back."""
    if edit.after is None or edit.after.kept:
        return edit
    before = edit.before
    kept = before if before is not None and before.kept else None
    return replace(edit, before=kept, after=None)


def _lasts(edit: Edit) -> bool:
    return bool(edit.changes or edit.objects or edit.notes)
