"""What a session does to objects that are there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.objects import Notes
from napari_sam2.annotation.operations import (
    Classify,
    Delete,
    Merge,
    Relabel,
    Review,
    Split,
)
from napari_sam2.annotation.overlap import OVERWRITE, PROTECT, Overlap, OverlapRule
from napari_sam2.annotation.rows import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_sam2.annotation.clicks import ClickQueue
    from napari_sam2.annotation.extents import Extents
    from napari_sam2.annotation.keeper import Keeper
    from napari_sam2.annotation.ledgers import Ledgers
    from napari_sam2.annotation.operations import Operation
    from napari_sam2.annotation.rows import ObjectRow

__all__ = ["ObjectCommands"]


class ObjectCommands:
    """Deletes, merges, splits, names and reviews objects, whoever made them.

    All of it waits for its turn behind the clicks before it, is one item of the
    history each, and never blocks. ``labels`` are ids, as they are in the labels.
    """

    touched = Signal(object)
    """Emits ids of which something is another, as a set; None: of all."""

    category_changed = Signal(object)
    """The next object gets another class."""

    _clicks: ClickQueue
    _keeper: Keeper
    _ledgers: Ledgers

    @property
    def extents(self) -> Extents | None:
        """Area and place of every object that has pixels, whoever made it.

        None without labels. Until its ``known`` is true, they are being looked through.
        """
        ledger = self._ledgers.chosen
        return None if ledger is None else ledger.inventory.extents

    def notes(self, label: int) -> Notes:
        """Return what the user says of an object: its class, whether it is reviewed."""
        ledger = self._ledgers.chosen
        return Notes() if ledger is None else ledger.inventory.notes_on(label)

    @property
    def rows(self) -> list[ObjectRow]:
        """Every object that has pixels, whoever made it."""
        ledger = self._ledgers.chosen
        found = () if ledger is None else ledger.inventory.extents.labels
        rows = (self.row(label) for label in found)
        return [row for row in rows if row is not None]

    def row(self, label: int) -> ObjectRow | None:
        """Return what there is to say of an object; None if it has no pixels."""
        ledger = self._ledgers.chosen
        return None if ledger is None else row_of(ledger, label)

    @property
    def overlap(self) -> Overlap:
        """Which pixels an object may take: free ones, all, those of one object."""
        return self._keeper.overlap

    @overlap.setter
    def overlap(self, overlap: Overlap) -> None:
        self._keeper.overlap = overlap

    @property
    def overwrite(self) -> bool:
        """Whether an object may take pixels of others."""
        return self.overlap.rule is OverlapRule.OVERWRITE

    @overwrite.setter
    def overwrite(self, overwrite: bool) -> None:
        self.overlap = OVERWRITE if overwrite else PROTECT

    @property
    def category(self) -> str | None:
        """Class of new objects: of those that are clicked on from now on."""
        return self._keeper.category

    @category.setter
    def category(self, category: str | None) -> None:
        self._clicks.append(partial(self._choose, category))

    def name(self, category: str | None) -> None:
        """Say what the current object is, and the new ones after it."""
        self.category = category
        self._clicks.append(partial(self._name_current, category))

    def delete(self, labels: Iterable[int]) -> None:
        """Take objects out of the labels; what they had covered comes back."""
        self._operate(Delete(tuple(labels)))

    def merge(self, labels: Iterable[int], into: int | None = None) -> None:
        """Make one object of several, with the id of the first, or ``into``."""
        labels = tuple(labels)
        if into is None:
            into = labels[0] if labels else 0
        self._operate(Merge(labels, into))

    def split(self, label: int) -> None:
        """Make an object of each connected part; the largest keeps the id."""
        self._operate(Split(label), f"Object {label} is in one piece.")

    def relabel(self, label: int, to: int) -> None:
        """Give an object another id, one that is free."""
        self._operate(Relabel(label, to))

    def classify(self, labels: Iterable[int], category: str | None) -> None:
        """Say what objects are; None takes that back."""
        self._operate(Classify(tuple(labels), category))

    def review(self, labels: Iterable[int], reviewed: bool = True) -> None:
        """Say that objects were looked at and are right, or that they were not."""
        self._operate(Review(tuple(labels), reviewed))

    def edit(self, label: int) -> None:
        """Make an object the current one, to be corrected by its prompts."""
        self._clicks.append(partial(self._keeper.take_up, label))

    def _operate(self, operation: Operation, otherwise: str = "") -> None:
        ledger = self._ledgers.chosen
        there = () if ledger is None else operation.about
        there = tuple(
            label for label in there if ledger is not None and label in ledger.inventory
        )
        act = partial(self._keeper.operate, operation, otherwise, ledger, there)
        self._clicks.append(act)

    def _choose(self, category: str | None) -> None:
        if category != self._keeper.category:
            self._keeper.category = category
            self.category_changed.emit(category)

    def _name_current(self, category: str | None) -> None:
        current = self._keeper.current
        if current is not None and current.kept:
            self._keeper.operate(Classify((current.label,), category))
