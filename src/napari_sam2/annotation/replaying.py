"""A session, done again from its prompts, without a window.

Every answer is asked for anew, in the view in which it was asked for then, so that
the same model gives the same labels, and another one its own. What somebody painted
is painted as it was. What was asked for besides (undo, redo, delete, merge, …) is
done again at its place in the order.
"""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.extents import survey
from napari_sam2.annotation.history import Edit
from napari_sam2.annotation.huge import too_large
from napari_sam2.annotation.journal import read_journal
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.ledger import Ledger
from napari_sam2.annotation.overlap import PROTECT
from napari_sam2.annotation.recall import RecalledPrediction
from napari_sam2.annotation.recovery import Reader, recover
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.errors import LabelsError
from napari_sam2.segmentation.prompts import Prompts

if TYPE_CHECKING:
    from collections.abc import Callable

    from dask.array import Array

    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["Asked", "Replay", "replay"]


@dataclass(frozen=True)
class Asked:
    """Who gave an answer then.

    Attributes
    ----------
    plane : Plane
        Of the image.
    model : str
        Name of the model; empty if the journal does not say.
    engine : str
        What computed, in words.
    """

    plane: Plane
    model: str
    engine: str


@dataclass
class Replay:
    """What came of doing a session again.

    Attributes
    ----------
    labels : ndarray or dask array of int
        Of the shape of the image; lazy where they do not fit into memory.
    answers, alike : int
        How many answers were asked for, and how many have the very logits that they
        had then.
    differing : list of str
        The edits whose answers have others, by their titles.
    missing : list of str
        What could not be done again.
    pixels : int
        So many have another id than in the session.
    """

    labels: np.ndarray[Any, np.dtype[np.integer[Any]]] | Array
    answers: int = 0
    alike: int = 0
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    pixels: int = 0

    @property
    def identical(self) -> bool:
        """Whether the labels are those of the session."""
        return self.pixels == 0


def replay(
    path: Path,
    plane: Callable[[Plane], Plane],
    embed: Callable[[Asked, RecalledPrediction], tuple[Segmenter, EmbeddedImage]],
    progress: Callable[[str], None] | None = None,
) -> Replay:
    """Do a session again.

    Parameters
    ----------
    path : Path
        Of its journal.
    plane : callable
        ``plane(described)`` returns the plane that can be read for one that cannot.
    embed : callable
        ``embed(asked, answer)`` returns who answers now, and the plane as it is seen.
    progress : callable, optional
        Told the title of each edit.

    Raises
    ------
    JournalError
        If there is no journal, or one of a later version.
    NapariSam2Error
        If the image or the model cannot be used.
    """
    session = recover(path)
    again = _Again(session.labels.shape, plane, embed, progress or (lambda _: None))
    for record in read_journal(path).records:
        again.take(record)
    made = again.result
    made.labels = again.store.array()
    made.pixels = _differing(again.store, session.change)
    if isinstance(again.store, SparseLabels):
        again.store.close()
    return made


def _differing(store: ArrayLabels | SparseLabels, change: PixelChange) -> int:
    """Count the pixels that are not what a change made of empty labels."""
    where = np.unravel_index(change.where.astype(np.intp), change.shape)
    ids = store.read(where)
    elsewhere = sum(extent.area for extent in survey(store).values())
    elsewhere -= int(np.count_nonzero(ids))
    return elsewhere + int(np.count_nonzero(ids != change.after))


def _empty(shape: tuple[int, ...]) -> ArrayLabels | SparseLabels:
    """Make labels that last as long as somebody uses them."""
    if not too_large(shape):
        return ArrayLabels(shape)
    folder = tempfile.TemporaryDirectory(prefix="napari-sam2-replay-")
    labels = SparseLabels(shape, Path(folder.name) / "labels.zarr")
    weakref.finalize(labels, folder.cleanup)
    return labels


class _Again(Reader):
    """Follows the records, and does what they tell."""

    def __init__(
        self,
        shape: tuple[int, ...],
        plane: Callable[[Plane], Plane],
        embed: Callable[[Asked, RecalledPrediction], tuple[Segmenter, EmbeddedImage]],
        progress: Callable[[str], None],
    ) -> None:
        super().__init__(plane)
        self.store = _empty(shape)
        self.ledger = Ledger(self.store)
        self.result = Replay(self.store.array())
        self._embed = embed
        self._progress = progress
        self._with = {"model": "", "engine": ""}
        self._title = ""
        # What became of the objects of the session, and which edits were done again.
        self._made: dict[AnnotatedObject, AnnotatedObject] = {}
        self._edits: dict[int, Edit] = {}
        self._told: set[bytes] = set()

    def take(self, record: dict[str, Any]) -> None:
        """Do again what a record tells."""
        self._with = record.get("with", self._with)
        try:
            super().take(record)
        except (LookupError, TypeError, LabelsError) as error:
            title = record.get("edit", {}).get("title", record.get("do", "?"))
            self.result.missing.append(f"{title}: {error}")

    def on_edit(self, edit: Edit) -> None:
        """Do an edit again, in the way it was done."""
        self._title = edit.title
        self._progress(edit.title)
        if edit.largest is not None:
            self.ledger.inventory.begin_after(edit.largest)
        before = len(self.ledger.history)
        if edit.operation is not None:
            self.ledger.operate(edit.operation, self._become(edit.before))
        elif edit.by_others:
            self._paint(edit)
        else:
            self._answer(edit)
        if len(self.ledger.history) > before:
            self._edits[edit.number] = edit
        elif edit.changes:
            self.result.missing.append(f"{edit.title}: nothing is left of it.")

    def on_undo(self, number: int) -> None:
        """Undo what was undone."""
        if number in self._edits:
            self.ledger.undo()

    def on_redo(self, number: int) -> None:
        """Redo what was redone."""
        if number in self._edits:
            self.ledger.redo()

    def on_amend(
        self,
        number: int,
        old: AnnotatedObject,
        new: AnnotatedObject,
        changes: tuple[PixelChange, ...],
    ) -> None:
        """Look at an object more closely again."""
        there = self._become(old)
        if there is None or number not in self._edits:
            return
        overlap = self._edits[number].overlap or PROTECT
        prediction = self._predict(new)
        self._made[new] = self.ledger.sharpen(there, prediction, overlap=overlap)

    def on_forget_drafts(self) -> None:
        """Drop what was dropped."""
        self.ledger.history.forget_drafts()

    def _paint(self, edit: Edit) -> None:
        shape = tuple(self.store.shape)
        made = []
        for change in edit.changes:
            where = np.unravel_index(change.where.astype(np.intp), shape)
            change = PixelChange.between(
                shape, where, self.store.read(where), change.after
            )
            change.apply(self.store)
            made.append(change)
        self.ledger.record_edit(made, self._become(edit.before))

    def _answer(self, edit: Edit) -> None:
        """Ask again for what an edit has kept, corrected, or begun."""
        after = edit.after if not edit.objects else edit.objects[0].after
        if after is None:
            raise LookupError("the journal is damaged where it was made.")
        found = replace(after, prediction=self._predict(after), written=None)
        current, overlap = self._become(edit.before), edit.overlap or PROTECT
        made: AnnotatedObject | None
        old = self._become(edit.objects[0].before) if edit.objects else None
        # What was painted is all that was said: it was found anew.
        region = found.prompts.region
        if found.prompts != Prompts(region=region) or (
            old is not None and old.prompts == found.prompts
        ):
            region = None
        if not edit.objects:
            made = found
            self.ledger.history.add(Edit(edit.title, (), current, made))
        elif region is not None:
            made = self.ledger.find_anew(
                found, region, overlap=overlap, current=current
            )
        elif old is not None and old.kept:
            made = self.ledger.correct(old, found, overlap=overlap)
        else:
            category = edit.notes[0].after.category if edit.notes else None
            made = self.ledger.keep(
                found, overlap=overlap, current=current, category=category
            )
        if made is not None:
            self._made[after] = made

    def _become(self, thing: AnnotatedObject | None) -> AnnotatedObject | None:
        return None if thing is None else self._made.get(thing)

    def _predict(self, thing: AnnotatedObject) -> Prediction:
        recalled = thing.prediction
        assert isinstance(recalled, RecalledPrediction)
        asked = Asked(thing.plane, self._with["model"], self._with["engine"])
        segmenter, image = self._embed(asked, recalled)
        found = recalled.again(segmenter, image)
        if recalled.name not in self._told:
            self._told.add(recalled.name)
            self.result.answers += 1
            if found.digest == recalled.name:
                self.result.alike += 1
            else:
                self.result.differing.append(self._title)
        # How it was cut out of the answer may have changed since that was asked for.
        return replace(found.refined(recalled.refinement), rank=recalled.rank)
