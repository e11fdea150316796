"""Which key each action has now: those of the table, or the user's own.

Whoever shows or binds a key asks :data:`KEYMAP`, and listens to its ``changed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.errors import KeymapError
from napari_sam2.viewer.actions import ACTIONS, GESTURES, Action
from napari_sam2.viewer.keys import is_key, normal_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["KEYMAP", "Keymap", "documentation"]


class Keymap(Mapping[str, Action]):
    """The actions by name, each with the key that it has now.

    Parameters
    ----------
    table : iterable of Action
        With the keys that hold until the user chooses others.
    """

    changed = Signal()
    """Some action has another key."""

    def __init__(self, table: Iterable[Action]) -> None:
        self._table = {action.name: action for action in table}
        self._now = dict(self._table)

    def __getitem__(self, name: str) -> Action:
        return self._now[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    @property
    def own(self) -> dict[str, str]:
        """The keys that the user has chosen, by action."""
        return {
            name: action.key
            for name, action in self._now.items()
            if action.key != self._table[name].key
        }

    def usual(self, name: str) -> str:
        """Return the key that an action has until the user chooses another."""
        return self._table[name].key

    def with_key(self, key: str) -> Action | None:
        """Return the action that has a key now; None if none has it.

        Raises
        ------
        KeymapError
            If there is no such key.
        """
        wanted = normal_key(key)
        actions = self._now.values()
        return next((a for a in actions if normal_key(a.key) == wanted), None)

    def assign(self, name: str, key: str) -> Action | None:
        """Give an action another key.

        Every action has a key: the one that had this key before gets the one that
        has become free.

        Returns
        -------
        Action or None
            The other action, if two have changed their keys.

        Raises
        ------
        KeymapError
            If there is no such action or key.
        """
        if name not in self._now:
            raise KeymapError(f"The tool has no action named {name!r}.")
        other = self.with_key(key)
        if other is not None and other.name == name:
            return None
        if other is not None:
            self._now[other.name] = replace(other, key=self._now[name].key)
        self._now[name] = replace(self._now[name], key=normal_key(key))
        self.changed.emit()
        return None if other is None else self._now[other.name]

    def restore(self, own: Mapping[str, str]) -> None:
        """Take the user's keys of an earlier time; all others are the table's.

        What no longer makes sense, an action or a key that is gone, is left out.
        """
        self._now = dict(self._table)
        for name, key in own.items():
            if name in self._now and is_key(key):
                self._now[name] = replace(self._now[name], key=normal_key(key))
        taken: set[str] = set()
        # Two actions of one key, where the table has grown since: the user's stays.
        for name in sorted(self._now, key=lambda name: name not in own):
            key = normal_key(self._now[name].key)
            if key in taken:
                free = (a.key for a in self._table.values())
                left = next(k for k in free if normal_key(k) not in taken)
                self._now[name] = replace(self._now[name], key=left)
                key = normal_key(left)
            taken.add(key)
        self.changed.emit()

    def reset(self) -> None:
        """Give every action the key of the table."""
        self.restore({})


KEYMAP = Keymap(ACTIONS)
"""The one keymap of the program: a user has one pair of hands."""


def documentation() -> str:
    """Return the gestures and the keys of the table in Markdown."""
    lines = ["| Gesture | What it does |", "|---|---|"]
    lines += [f"| {gesture.hand} | {gesture.help} |" for gesture in GESTURES]
    lines += ["", "## Keys", "", "The keys work whichever layer is active.", ""]
    lines += ["| Key | Action | What it does |", "|---|---|---|"]
    for action in ACTIONS:
        key = action.key.replace("Control", "Ctrl/Cmd").replace("-", "+")
        lines.append(f"| {key} | {action.title} | {action.help} |")
    return "\n".join(lines) + "\n"
