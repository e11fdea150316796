"""What can be done to objects that are there: plain values, each one undoable item.

An operation says what was asked for, so that it can be written down and done again;
:meth:`Operation.edit` says what that means for the pixels as they are now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import ndimage

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.history import Edit, NotesChange, ObjectChange
from napari_sam2.annotation.joining import joined, without
from napari_sam2.annotation.objects import Notes
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Self

    import numpy.typing as npt

    from napari_sam2.annotation.inventory import Inventory

    _Places = npt.NDArray[np.intp]

__all__ = [
    "Classify",
    "Delete",
    "Merge",
    "Operation",
    "Relabel",
    "Review",
    "Split",
]


class Operation(Protocol):
    """Something that the user does to objects."""

    def edit(self, inventory: Inventory) -> Edit | None:
        """Say what it changes; None if nothing.

        Raises
        ------
        LabelsError
            If it cannot be done.
        """

    @property
    def about(self) -> tuple[int, ...]:
        """Ids of the objects that it is about."""

    def without(self, gone: Collection[int]) -> Operation | None:
        """Return what is left to do when some objects are gone; None: nothing."""


@dataclass(frozen=True)
class _OfOne:
    """Is about one object."""

    label: int

    @property
    def about(self) -> tuple[int, ...]:
        """Its id."""
        return (self.label,)

    def without(self, gone: Collection[int]) -> Self | None:
        """Return what is left to do when some objects are gone."""
        return None if self.label in gone else self


@dataclass(frozen=True)
class _OfMany:
    """Is about any number of objects."""

    labels: tuple[int, ...]

    @property
    def about(self) -> tuple[int, ...]:
        """Their ids."""
        return self.labels

    def without(self, gone: Collection[int]) -> Self | None:
        """Return what is left to do when some objects are gone."""
        left = tuple(label for label in self.labels if label not in gone)
        return replace(self, labels=left) if left else None


@dataclass(frozen=True)
class Delete(_OfMany):
    """Take objects out of the labels; what they had covered comes back."""

    def edit(self, inventory: Inventory) -> Edit:
        """Say what it changes."""
        labels = _known(self.labels, inventory)
        changes = []
        for label in labels:
            places = inventory.places(label)
            under = inventory.under(label, places, gone=labels)
            changes.append(_change(inventory, places, label, under))
        return Edit(
            f"Delete {_objects(labels)}",
            tuple(changes),
            objects=_removed(labels, inventory),
            notes=_noted(labels, inventory),
            removed=labels,
        )


@dataclass(frozen=True)
class Merge:
    """Make one object of several; it keeps the id and the notes of one of them.

    Attributes
    ----------
    labels : tuple of int
        Of all of them.
    into : int
        Which id it keeps.
    """

    labels: tuple[int, ...]
    into: int

    @property
    def about(self) -> tuple[int, ...]:
        """Ids of all of them."""
        return tuple(dict.fromkeys((self.into, *self.labels)))

    def without(self, gone: Collection[int]) -> Merge | None:
        """Return what is left to do when some objects are gone."""
        left = tuple(label for label in self.about if label not in gone)
        return Merge(left, left[0]) if len(left) > 1 else None

    def edit(self, inventory: Inventory) -> Edit:
        """Say what it changes."""
        labels = _known(self.about, inventory)
        others = labels[1:]
        if not others:
            raise LabelsError("Select two objects or more to merge them into one.")
        changes = [
            _change(inventory, inventory.places(label), label, self.into)
            for label in others
        ]
        kept = inventory.objects.get(self.into)
        objects = _removed(others, inventory)
        if kept is not None:
            merged = kept
            for label in others:
                other = inventory.objects.get(label)
                merged = merged if other is None else joined(merged, other)
            if merged is not kept:
                objects = (ObjectChange(self.into, kept, merged), *objects)
        return Edit(
            f"Merge {_objects(labels)}",
            tuple(changes),
            objects=objects,
            notes=(*self._notes(others, inventory), *_noted(others, inventory)),
            removed=others,
        )

    def _notes(
        self, others: Iterable[int], inventory: Inventory
    ) -> tuple[NotesChange, ...]:
        """Let a class be that of the first that has one."""
        before = inventory.notes_on(self.into)
        if before.category is not None:
            return ()
        categories = (inventory.notes_on(label).category for label in others)
        category = next((one for one in categories if one is not None), None)
        return _noted([self.into], inventory, category=category)


@dataclass(frozen=True)
class Split(_OfOne):
    """Make an object of each of its connected parts; the largest keeps the id.

    Pixels that touch by a corner are connected.
    """

    def edit(self, inventory: Inventory) -> Edit | None:
        """Say what it changes; None if the object is in one piece."""
        (label,) = _known([self.label], inventory)
        places = inventory.places(label)
        numbers, count = _connected(places, inventory.store.shape)
        if count < 2:
            return None
        sizes = np.bincount(numbers)
        others = [n for n in range(1, count + 1) if n != int(np.argmax(sizes))]
        largest = inventory.largest
        names = np.full(count + 1, label, dtype=np.int64)
        names[others] = largest + 1 + np.arange(len(others))
        ids = names[numbers]
        taken = ids != label
        change = _change(inventory, places[taken], label, ids[taken])
        kept = inventory.objects.get(label)
        objects: tuple[ObjectChange, ...] = ()
        if kept is not None:
            rest = without(kept, places[taken], inventory.store.shape)
            objects = (ObjectChange(label, kept, rest),)
        notes = inventory.notes_on(label)
        new = [int(names[number]) for number in others]
        return Edit(
            f"Split object {label}",
            (change,),
            objects=objects,
            notes=_noted(new, inventory, category=notes.category),
            largest=largest,
        )


@dataclass(frozen=True)
class Relabel(_OfOne):
    """Give an object another id, one that is free."""

    to: int

    def edit(self, inventory: Inventory) -> Edit | None:
        """Say what it changes."""
        (label,) = _known([self.label], inventory)
        if self.to == label:
            return None
        if self.to < 1:
            raise LabelsError(f"{self.to} is no id: ids are whole numbers from 1 on.")
        if self.to in inventory.extents or self.to in inventory.objects:
            raise LabelsError(
                f"There is an object {self.to} already: merge the two, or choose "
                "another id."
            )
        kept = inventory.objects.get(label)
        objects: tuple[ObjectChange, ...] = ()
        if kept is not None and kept.written is not None:
            written = replace(kept.written, after=np.array([self.to]))
            renamed = replace(kept, label=self.to, written=written)
            objects = (
                ObjectChange(label, kept, None),
                ObjectChange(self.to, None, renamed),
            )
        notes = inventory.notes_on(label)
        return Edit(
            f"Change the id of object {label} to {self.to}",
            (_change(inventory, inventory.places(label), label, self.to),),
            objects=objects,
            notes=(
                *_noted([label], inventory),
                *_noted([self.to], inventory, notes.category, notes.reviewed),
            ),
            removed=(label,),
            largest=inventory.largest,
        )


@dataclass(frozen=True)
class Classify(_OfMany):
    """Say what some objects are; None takes that back."""

    category: str | None

    def edit(self, inventory: Inventory) -> Edit | None:
        """Say what it changes; None if they are of that class already."""
        labels = _known(self.labels, inventory)
        what = self.category or "no class"
        changes = [
            NotesChange(label, notes, replace(notes, category=self.category))
            for label in labels
            if (notes := inventory.notes_on(label)).category != self.category
        ]
        return (
            Edit(f"{_objects(labels).capitalize()}: {what}", notes=tuple(changes))
            if changes
            else None
        )


@dataclass(frozen=True)
class Review(_OfMany):
    """Say that some objects were looked at and are right, or that they were not."""

    reviewed: bool = True

    def edit(self, inventory: Inventory) -> Edit | None:
        """Say what it changes; None if that was said already."""
        labels = _known(self.labels, inventory)
        changes = [
            NotesChange(label, notes, replace(notes, reviewed=self.reviewed))
            for label in labels
            if (notes := inventory.notes_on(label)).reviewed != self.reviewed
        ]
        word = "Reviewed" if self.reviewed else "Not reviewed"
        return (
            Edit(f"{word}: {_objects(labels)}", notes=tuple(changes))
            if changes
            else None
        )


def _known(labels: Iterable[int], inventory: Inventory) -> tuple[int, ...]:
    """Return the ids, each once, if there are objects of them."""
    known = tuple(dict.fromkeys(map(int, labels)))
    for label in known:
        if label not in inventory:
            raise LabelsError(
                f"There is no object {label} in these labels: choose one of the list."
            )
    if not known:
        raise LabelsError("No object is selected: choose one in the list, or make one.")
    return known


def _change(
    inventory: Inventory,
    places: _Places,
    before: int,
    after: int | npt.NDArray[np.integer[Any]],
) -> PixelChange:
    shape = tuple(inventory.store.shape)
    indices = np.unravel_index(places, shape)
    return PixelChange.between(shape, indices, before, after)


def _removed(labels: Iterable[int], inventory: Inventory) -> tuple[ObjectChange, ...]:
    return tuple(
        ObjectChange(label, inventory.objects[label], None)
        for label in labels
        if label in inventory.objects
    )


def _noted(
    labels: Iterable[int],
    inventory: Inventory,
    category: str | None = None,
    reviewed: bool = False,
) -> tuple[NotesChange, ...]:
    """Say what is noted on objects from now on, by default nothing."""
    after = Notes(category, reviewed)
    return tuple(
        NotesChange(label, before, after)
        for label in labels
        if (before := inventory.notes_on(label)) != after
    )


def _connected(
    places: _Places, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.int32], int]:
    """Number the connected parts of an object: that of each place, and how many."""
    axes = []
    for axis in np.unravel_index(places, shape):
        # What lies between its parts is made as narrow as can be: in a huge image,
        # they may be far away from each other.
        lines, which = np.unique(axis, return_inverse=True)
        steps = np.minimum(np.diff(lines, prepend=lines[:1]), 2)
        axes.append(np.cumsum(steps)[which])
    inside = np.zeros([int(axis.max()) + 1 for axis in axes], dtype=bool)
    inside[tuple(axes)] = True
    parts, count = ndimage.label(inside, np.ones((3,) * inside.ndim))
    return parts[tuple(axes)], count


def _objects(labels: tuple[int, ...]) -> str:
    return f"object {labels[0]}" if len(labels) == 1 else f"{len(labels)} objects"
