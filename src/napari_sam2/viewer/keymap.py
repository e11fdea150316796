"""One table: key → action → tooltip → documentation.

The keys of the table are defaults. Which key an action has now is known to
:data:`KEYMAP`, where the user's own keys take their place; whoever shows or binds a
key asks there, and listens to its ``changed``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.errors import KeymapError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "GESTURES",
    "KEYMAP",
    "Action",
    "Gesture",
    "Group",
    "Keymap",
    "documentation",
    "is_character",
    "key_text",
    "normal_key",
]


class Group(Enum):
    """What one wants to do; the value is the heading in the overlay."""

    KEEP = "Keep what is under the mouse"
    CORRECT = "Correct it"
    DRAW = "Draw instead of clicking"
    BACK = "Take back"
    OBJECTS = "Go through objects"
    MODES = "Choose how clicks work"
    TOOL = "The tool itself"


@dataclass(frozen=True)
class Action:
    """Something the user can do by a key.

    Attributes
    ----------
    name : str
        By which the program knows it.
    key : str
        As napari writes it, ``"Control-Shift-Z"``, where Control is Command on a
        Mac; or one printable character that napari has no name for, ``"?"``.
    title : str
        A few words, for a button or a table.
    help : str
        What it does, in a sentence.
    always : bool
        Whether the key works while the tool is off, too.
    group : Group
        Under which heading it is shown.
    """

    name: str
    key: str
    title: str
    help: str
    always: bool = False
    group: Group = Group.MODES

    @property
    def keys(self) -> str:
        """The key as this platform writes it: ``"Ctrl+Z"``, ``"⌘Z"``."""
        return key_text(self.key)

    @property
    def tooltip(self) -> str:
        """The sentence with its key."""
        return f"{self.help} ({self.keys})"


@dataclass(frozen=True)
class Gesture:
    """Something that the user can do by the mouse.

    Attributes
    ----------
    hand : str
        What the hand does, ``Shift`` and ``Alt`` by these names.
    help : str
        What comes of it.
    group : Group
        Under which heading it is shown.
    """

    hand: str
    help: str
    group: Group


GESTURES: tuple[Gesture, ...] = (
    Gesture("move", "preview what a click would keep", Group.KEEP),
    Gesture("click", "keep that as a new object, at once", Group.KEEP),
    Gesture(
        "Shift + move",
        "preview the current object with this place added",
        Group.CORRECT,
    ),
    Gesture("Shift + click", "add this place to the current object", Group.CORRECT),
    Gesture(
        "right click, or Alt + click",
        "take this place away from the current object",
        Group.CORRECT,
    ),
    Gesture(
        "drag a point or a line of the current object",
        "move it, and ask anew",
        Group.CORRECT,
    ),
    Gesture(
        "Alt + click on a point or a line of it",
        "take it back, and ask anew",
        Group.CORRECT,
    ),
    Gesture(
        "Shift + wheel",
        "let the mask grow or shrink, of the current object or of the next ones",
        Group.CORRECT,
    ),
    Gesture(
        "left drag with a box, a scribble or a lasso",
        "keep what it is about as a new object",
        Group.DRAW,
    ),
    Gesture(
        "Shift + drag, Alt + drag",
        "add to the current object, take away from it",
        Group.DRAW,
    ),
    Gesture(
        "1 to 9",
        "say of which class the current object is, and new ones; 0: of none",
        Group.OBJECTS,
    ),
    Gesture(
        "left drag, wheel, right drag",
        "pan and zoom, as always in napari; hold Space to pan with a tool",
        Group.TOOL,
    ),
)

# Letters that no layer of napari uses, so that the tool takes none away.
_TABLE: tuple[Action, ...] = (
    Action(
        "toggle",
        "Q",
        "Tool on or off",
        "Switch the tool on or off",
        always=True,
        group=Group.TOOL,
    ),
    Action(
        "point",
        "Shift-D",
        "Point",
        "Click on objects; a left drag pans",
        group=Group.DRAW,
    ),
    Action(
        "box",
        "Shift-B",
        "Box",
        "Drag a box around an object",
        group=Group.DRAW,
    ),
    Action(
        "scribble",
        "Shift-S",
        "Scribble",
        "Drag a line over an object",
        group=Group.DRAW,
    ),
    Action(
        "lasso",
        "Shift-O",
        "Lasso",
        "Drag a line around an object",
        group=Group.DRAW,
    ),
    Action(
        "polarity",
        "U",
        "Add or take away",
        "Let clicks and drags take away from the object, until it is done",
        group=Group.CORRECT,
    ),
    Action(
        "help",
        "?",
        "Keys and gestures",
        "Show all keys and gestures, and change them",
        always=True,
        group=Group.TOOL,
    ),
    Action(
        "edit",
        "Shift-E",
        "Edit the object",
        "Go on with the object under the mouse, its prompts as they were",
        group=Group.CORRECT,
    ),
    Action(
        "find_anew",
        "Shift-R",
        "Find it anew",
        "Let the model outline what is painted under the mouse, by brush say",
        group=Group.CORRECT,
    ),
    Action(
        "candidate",
        "J",
        "Part, object, whole",
        "Take the next larger of the three masks that a place can mean",
        group=Group.CORRECT,
    ),
    Action(
        "unprompt",
        "Shift-X",
        "Remove the prompt",
        "Take back the point or the line under the mouse, and ask anew",
        group=Group.CORRECT,
    ),
    Action(
        "panel",
        "F6",
        "To the panel and back",
        "Go to the widget with the keyboard, and back to the image",
        always=True,
        group=Group.TOOL,
    ),
    Action(
        "done",
        "Enter",
        "Done",
        "Finish this object; the next click begins a new one",
        group=Group.KEEP,
    ),
    Action(
        "drop",
        "Escape",
        "Drop",
        "Forget what is unfinished; what is kept stays",
        group=Group.BACK,
    ),
    Action(
        "undo",
        "Control-Z",
        "Undo",
        "Take the last change back, brush strokes included",
        group=Group.BACK,
    ),
    Action(
        "redo",
        "Control-Shift-Z",
        "Redo",
        "Make the change again that was taken back last",
        group=Group.BACK,
    ),
    Action(
        "next",
        "N",
        "Next object",
        "Go to the nearest object that is not reviewed",
        group=Group.OBJECTS,
    ),
    Action(
        "review",
        "K",
        "Reviewed, and next",
        "Say that this object is right, and go to the next one",
        group=Group.OBJECTS,
    ),
    Action(
        "back",
        "Shift-N",
        "Object before",
        "Go back to the object before",
        group=Group.OBJECTS,
    ),
    Action(
        "delete",
        "Delete",
        "Delete object",
        "Take the current object out of the labels",
        group=Group.OBJECTS,
    ),
    Action(
        "collect",
        "G",
        "Clicks refine until Enter",
        "Gather clicks on one object, which is kept by Enter",
    ),
    Action(
        "overwrite",
        "W",
        "Paint over other objects",
        "Let new objects take pixels of others",
    ),
    Action(
        "sharpen",
        "H",
        "Sharpen after a click",
        "After a click, look at the object again, closely and in two ways",
    ),
)


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
            if name in self._now and _is_key(key):
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


KEYMAP = Keymap(_TABLE)
"""The one keymap of the program: a user has one pair of hands."""


def is_character(key: str) -> bool:
    """Whether a key is a character that napari has no name for, ``"?"`` say."""
    return len(key) == 1 and key.isprintable() and not key.isspace() and not _named(key)


def normal_key(key: str) -> str:
    """Return the one spelling of a key.

    Raises
    ------
    KeymapError
        If neither napari nor the tool can tell when it is pressed.
    """
    if is_character(key):
        return key
    if not _named(key):
        raise KeymapError(
            f"{key!r} is no key that can be used: press a letter, a function key or "
            "a character, with Control, Shift or Alt if you like."
        )
    from napari.utils.key_bindings import coerce_keybinding

    return str(coerce_keybinding(key)).replace("+", "-").replace("Ctrl", "Control")


def key_text(key: str) -> str:
    """Write a key as this platform does: ``"Ctrl+Z"``, ``"⌘Z"``."""
    if is_character(key):
        return key
    from napari.utils.key_bindings import coerce_keybinding

    # Macs have the symbols on their keys, other keyboards have words.
    mac = sys.platform == "darwin"
    binding = coerce_keybinding(key)
    text = str(binding.to_text(use_symbols=mac, joinchar="" if mac else "+"))
    return text.replace("Escape", "Esc")


def _is_key(key: object) -> bool:
    return isinstance(key, str) and (is_character(key) or _named(key))


def _named(key: str) -> bool:
    """Whether napari knows a key: one stroke, and more than Shift or Control."""
    from app_model.types import KeyCode
    from napari.utils.key_bindings import coerce_keybinding

    try:
        parts = coerce_keybinding(key).parts
    except ValueError:
        return False
    nothing = {KeyCode.UNKNOWN, *(KeyCode.from_string(one) for one in _MODIFIERS)}
    return len(parts) == 1 and parts[0].key not in nothing


_MODIFIERS = ("Ctrl", "Shift", "Alt", "Meta")


def documentation() -> str:
    """Return the gestures and the keys of the table in Markdown."""
    lines = ["| Gesture | What it does |", "|---|---|"]
    lines += [f"| {gesture.hand} | {gesture.help} |" for gesture in GESTURES]
    lines += ["", "## Keys", "", "The keys work whichever layer is active.", ""]
    lines += ["| Key | Action | What it does |", "|---|---|---|"]
    for action in _TABLE:
        key = action.key.replace("Control", "Ctrl/Cmd").replace("-", "+")
        lines.append(f"| {key} | {action.title} | {action.help} |")
    return "\n".join(lines) + "\n"
