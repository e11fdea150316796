"""The classes of the labels that are worked on: names, colors, keys.

They are kept in the metadata of the Labels layer. New labels begin with the classes
that were used last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeGuard

from psygnal import Signal

from napari_sam2.viewer.actions import Action, Group
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.keymap import KEYMAP

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.choices import LayerChoices

__all__ = ["KEYS", "METADATA", "PALETTE", "Classes", "ObjectClass", "stored_classes"]

# Okabe and Ito (2008), "Color Universal Design", without black, which nobody sees on a
# dark image; gray and Tol's wine for the eighth and ninth.
PALETTE = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#bbbbbb",
    "#882255",
)
"""Colors that color-blind eyes can tell apart."""

KEYS = 9
"""So many classes have a key: 1 to 9."""

METADATA = "napari-sam2"
"""Under which the classes are kept in the metadata of a layer."""


@dataclass(frozen=True)
class ObjectClass:
    """A class.

    Attributes
    ----------
    name : str
        Short; no two are the same.
    color : str
        As ``"#rrggbb"``.
    """

    name: str
    color: str


class Classes:
    """Knows the classes, in the order of their keys.

    Parameters
    ----------
    session : AnnotationSession
        Whose objects have these classes.
    choices : LayerChoices
        Knows the labels.
    """

    changed = Signal()
    """There are others, or one has another name or color."""

    def __init__(self, session: AnnotationSession, choices: LayerChoices) -> None:
        self._session = session
        self._choices = choices
        self._all: tuple[ObjectClass, ...] = ()
        self._connections = Connections()
        self._connections.add(choices.labels_changed, self._on_labels)
        self._connections.add(session.touched, self._on_touched)
        self._on_labels()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def all(self) -> tuple[ObjectClass, ...]:
        """Every class, in the order of the keys."""
        return self._all

    @property
    def names(self) -> list[str]:
        """Name of each."""
        return [one.name for one in self._all]

    @property
    def actions(self) -> list[Action]:
        """What the keys 0 to 9 do; none while there are no classes.

        A key that the user has given to something else stays with that.
        """
        titles = [
            ("0", "class_0", "No class"),
            *(
                (str(key), f"class_{key}", one.name)
                for key, one in enumerate(self._all[:KEYS], start=1)
            ),
        ]
        return [
            Action(
                name, key, title, f"{title}: this object, and new ones", False, _GROUP
            )
            for key, name, title in titles
            if self._all and KEYMAP.with_key(key) is None
        ]

    def color_of(self, name: str | None) -> str | None:
        """Return the color of a class; None if there is no such class."""
        return next((one.color for one in self._all if one.name == name), None)

    def choose(self, number: int) -> None:
        """Give the current object and new ones the class of a key; 0: none."""
        if number == 0:
            self._session.name(None)
        elif number <= len(self._all):
            self._session.name(self._all[number - 1].name)

    def add(self, name: str = "") -> ObjectClass:
        """Add a class; without a name, one is found for it."""
        name = name.strip() or self._free_name()
        known = next((one for one in self._all if one.name == name), None)
        if known is not None:
            return known
        used = [one.color for one in self._all]
        color = min(PALETTE, key=used.count)
        self._set((*self._all, ObjectClass(name, color)))
        return self._all[-1]

    def rename(self, old: str, new: str) -> None:
        """Give a class another name, and that name to all of its objects.

        With the name of another class, the two become one.
        """
        new = new.strip()
        if not new or new == old or old not in self.names:
            return
        members = [row.label for row in self._session.rows if row.category == old]
        kept = [one for one in self._all if one.name not in (old, new)]
        place = self.names.index(old)
        known = next((one for one in self._all if one.name == new), self._all[place])
        kept.insert(min(place, len(kept)), replace(known, name=new))
        self._set(tuple(kept))
        if members:
            self._session.classify(members, new)
        if self._session.category == old:
            self._session.category = new

    def recolor(self, name: str, color: str) -> None:
        """Give a class another color, ``"#rrggbb"``."""
        self._set(
            tuple(
                replace(one, color=color) if one.name == name else one
                for one in self._all
            )
        )

    def remove(self, name: str) -> None:
        """Take a class away; its objects have none then."""
        members = [row.label for row in self._session.rows if row.category == name]
        self._set(tuple(one for one in self._all if one.name != name))
        if members:
            self._session.classify(members, None)
        if self._session.category == name:
            self._session.category = None

    def close(self) -> None:
        """Follow the session no longer."""
        self._connections.close()

    # ---------------------------------------------------------------- following

    def _set(self, classes: tuple[ObjectClass, ...]) -> None:
        if classes == self._all:
            return
        self._all = classes
        self._store()
        self.changed.emit()

    def _store(self) -> None:
        layer = self._choices.labels
        if layer is None or not (self._all or METADATA in layer.metadata):
            return
        ours = dict(layer.metadata.get(METADATA, {}))
        ours["classes"] = [{"name": one.name, "color": one.color} for one in self._all]
        # A copy: napari tells nobody of what is changed in place.
        layer.metadata = {**layer.metadata, METADATA: ours}

    def _on_labels(self) -> None:
        layer = self._choices.labels
        stored = () if layer is None else stored_classes(layer)
        if stored and stored != self._all:
            self._all = stored
            self.changed.emit()
        else:
            self._store()

    def _on_touched(self, touched: set[int] | None) -> None:
        """Take notice of classes that were written into the list."""
        labels = (
            (row.label for row in self._session.rows) if touched is None else touched
        )
        new = {self._session.notes(label).category for label in labels}
        for name in sorted(new - {None, *self.names}, key=str):
            self.add(str(name))

    def _free_name(self) -> str:
        number = len(self._all) + 1
        while f"class {number}" in self.names:
            number += 1
        return f"class {number}"


_GROUP = Group.OBJECTS


def stored_classes(layer: Labels) -> tuple[ObjectClass, ...]:
    """Return the classes that are kept in a layer; what makes no sense is left out."""
    stored: Any = layer.metadata.get(METADATA)
    found = stored.get("classes") if isinstance(stored, dict) else None
    classes: dict[str, ObjectClass] = {}
    for one in found if isinstance(found, (list, tuple)) else ():
        name, color = (
            (one.get("name"), one.get("color")) if isinstance(one, dict) else (one, "")
        )
        if isinstance(name, str) and name.strip():
            color = color if _is_color(color) else PALETTE[len(classes) % len(PALETTE)]
            classes.setdefault(name, ObjectClass(name, color))
    return tuple(classes.values())


def _is_color(color: Any) -> TypeGuard[str]:
    digits = set("0123456789abcdef")
    return (
        isinstance(color, str)
        and len(color) == 7
        and color[0] == "#"
        and set(color[1:].lower()) <= digits
    )
