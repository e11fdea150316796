"""All that the user can do by a key or with the mouse: one table.

The keys are those that hold until the user chooses others:
:data:`~napari_sam2.viewer.keymap.KEYMAP` knows which they are now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from napari_sam2.viewer.keys import key_text

__all__ = ["ACTIONS", "GESTURES", "Action", "Gesture", "Group"]


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
ACTIONS: tuple[Action, ...] = (
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
        "see",
        "Shift-M",
        "What the model sees",
        "Show what the model sees, and choose its channels and its contrast",
        always=True,
        group=Group.TOOL,
    ),
    Action(
        "prepare",
        "Shift-G",
        "Prepare the stack",
        "Have every plane ready, also for another day: all are encoded while you rest",
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
