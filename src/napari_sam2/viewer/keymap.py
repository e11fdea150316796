"""One table: key → action → tooltip → documentation."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_sam2.viewer.layers import in_pan_zoom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["KEYMAP", "Action", "KeyBindings", "documentation"]


@dataclass(frozen=True)
class Action:
    """Something the user can do by a key.

    Attributes
    ----------
    name : str
        By which the program knows it.
    key : str
        As napari writes it; Control is Command on a Mac.
    title : str
        A few words, for a button or a table.
    help : str
        What it does, in a sentence.
    always : bool
        Whether the key works while the tool is off, too.
    """

    name: str
    key: str
    title: str
    help: str
    always: bool = False

    @property
    def keys(self) -> str:
        """The key as this platform writes it: ``"Ctrl+Z"``, ``"⌘Z"``."""
        from napari.utils.interactions import Shortcut

        return str(Shortcut(self.key).platform)

    @property
    def tooltip(self) -> str:
        """The sentence with its key."""
        return f"{self.help} ({self.keys})"


# Letters that no layer of napari uses, so that the tool takes none away.
KEYMAP: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "toggle",
            "Q",
            "Tool on or off",
            "Switch the tool on or off",
            always=True,
        ),
        Action(
            "done",
            "Enter",
            "Done",
            "Finish this object; the next click begins a new one",
        ),
        Action(
            "drop",
            "Escape",
            "Drop",
            "Forget what is unfinished; what is kept stays",
        ),
        Action(
            "undo",
            "Control-Z",
            "Undo",
            "Take the last change back, brush strokes included",
        ),
        Action(
            "redo",
            "Control-Shift-Z",
            "Redo",
            "Make the change again that was taken back last",
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
}

_HISTORY = {"undo", "redo"}


def documentation() -> str:
    """Return the table in Markdown."""
    lines = ["| Key | Action | What it does |", "|---|---|---|"]
    for action in KEYMAP.values():
        key = action.key.replace("Control", "Ctrl/Cmd").replace("-", "+")
        lines.append(f"| {key} | {action.title} | {action.help} |")
    return "\n".join(lines) + "\n"


class KeyBindings:
    """Binds the table to a viewer, and gives every key back.

    napari asks the active layer for a key before it asks the viewer, and a
    Labels layer takes Enter, Escape and Ctrl+Z for itself: so the keys are bound
    on both. A layer in the middle of being edited keeps its Enter and Escape.

    Parameters
    ----------
    viewer : ViewerModel
        Where the keys are pressed.
    actions : mapping of str to callable
        What each action of the table does.
    is_ours : callable
        Whether a Labels layer is the one that the tool writes to: its Ctrl+Z is
        the session's also while it is painted on.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        actions: Mapping[str, Callable[[], None]],
        is_ours: Callable[[Layer], bool],
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._actions = dict(actions)
        self._is_ours = is_ours
        self._bound: list[tuple[weakref.ref[Any], Action, Any, Any]] = []

    def bind(self, *, active: bool) -> None:
        """Bind what holds now; what was bound before is given back.

        Parameters
        ----------
        active : bool
            Whether the tool is on.
        """
        self.release()
        viewer = self._viewer()
        if viewer is None:
            return
        usable = [a for a in KEYMAP.values() if active or a.always]
        for action in usable:
            self._bind(viewer, action)
        layer = viewer.layers.selection.active
        if layer is None or not active:
            return
        for action in usable:
            if self._may_take(layer, action):
                self._bind(layer, action)

    def release(self) -> None:
        """Give every key back to whom it belonged."""
        while self._bound:
            reference, action, ours, before = self._bound.pop()
            provider = reference()
            # Whoever has bound the key since keeps it.
            if provider is not None and ours in provider.keymap.values():
                provider.bind_key(action.key, before, overwrite=True)

    def _may_take(self, layer: Layer, action: Action) -> bool:
        if in_pan_zoom(layer):
            return True
        if action.name not in _HISTORY:
            return False
        return not isinstance(layer, Labels) or self._is_ours(layer)

    def _bind(self, provider: Any, action: Action) -> None:
        act = self._actions[action.name]

        def press(_: object) -> None:
            act()

        before = provider.bind_key(action.key, press, overwrite=True)
        self._bound.append((weakref.ref(provider), action, press, before))
