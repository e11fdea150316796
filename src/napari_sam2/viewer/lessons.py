"""First hints: one line at a time, each gone for good once it has been done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.keys import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_sam2.viewer.preferences import Preferences

__all__ = ["LESSONS", "Lessons"]

LESSONS: dict[str, str] = {
    "point": "Point at something: a mask appears",
    "click": "Click keeps it, at once",
    "add": "{Shift}+click adds more to this object",
    "undo": "{undo} takes the last change back",
    "help": "{help} shows all keys and gestures",
}
"""What there is to learn, in the order in which it is of use."""


class Lessons:
    """Which lessons are left.

    Parameters
    ----------
    preferences : Preferences
        Where it is kept which are done, and whether there are any hints at all.
    """

    changed = Signal()
    """Another lesson is next."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences

    @property
    def left(self) -> list[str]:
        """The names of those that are not done."""
        if not self._preferences["hints"]:
            return []
        done = self._preferences["hints_seen"].split()
        return [name for name in LESSONS if name not in done]

    def line(self, among: Iterable[str]) -> str:
        """Return the next lesson of those that make sense now; empty if none does."""
        sensible = set(among)
        name = next((name for name in self.left if name in sensible), None)
        if name is None:
            return ""
        keys = {one: action.keys for one, action in KEYMAP.items()}
        return LESSONS[name].format(Shift=key_text("Shift"), **keys)

    def learn(self, name: str) -> None:
        """Take notice that somebody has done what a lesson teaches."""
        if name in self.left:
            done = self._preferences["hints_seen"].split()
            self._preferences["hints_seen"] = " ".join([*done, name])
            self.changed.emit()
