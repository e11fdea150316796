"""The keys of the table, bound to a viewer while the tool is on."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.keys import is_character
from napari_sam2.viewer.layers import in_pan_zoom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_sam2.viewer.actions import Action

__all__ = ["KeyBindings"]

_HISTORY = {"undo", "redo"}


class KeyBindings:
    """Binds the table to a viewer, and gives every key back.

    napari asks the active layer for a key before it asks the viewer, and a
    Labels layer takes Enter, Escape and Ctrl+Z for itself: so the keys are bound
    on both. A layer in the middle of being edited keeps its Enter and Escape.
    A character that napari has no name for is not bound: :meth:`press_character`
    is called with it.

    Parameters
    ----------
    viewer : ViewerModel
        Where the keys are pressed.
    actions : mapping of str to callable
        What each action of the table does.
    is_ours : callable
        Whether the tool has written to a Labels layer: then its Ctrl+Z is the
        session's also while it is painted on, or the tool off.
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
        self._characters: dict[str, str] = {}

    def bind(self, *, active: bool, more: Iterable[Action] = ()) -> None:
        """Bind what holds now; what was bound before is given back.

        Parameters
        ----------
        active : bool
            Whether the tool is on.
        more : iterable of Action
            What is not in the table: the classes that there are now.
        """
        self.release()
        viewer = self._viewer()
        if viewer is None:
            return
        usable = [a for a in (*KEYMAP.values(), *more) if active or a.always]
        self._characters = {a.key: a.name for a in usable if is_character(a.key)}
        usable = [a for a in usable if a.key not in self._characters]
        for action in usable:
            self._bind(viewer, action)
        layer = viewer.layers.selection.active
        if layer is None:
            return
        if not active:
            # napari's own undo would take back what was kept, and nobody be told.
            ours = isinstance(layer, Labels) and self._is_ours(layer)
            usable = [KEYMAP[name] for name in sorted(_HISTORY)] if ours else []
        for action in usable:
            if self._may_take(layer, action):
                self._bind(layer, action)

    def release(self) -> None:
        """Give every key back to whom it belonged."""
        self._characters = {}
        while self._bound:
            reference, action, ours, before = self._bound.pop()
            provider = reference()
            # Whoever has bound the key since keeps it.
            if provider is not None and ours in provider.keymap.values():
                provider.bind_key(action.key, before, overwrite=True)

    def press_character(self, text: str) -> bool:
        """Do what a character stands for, and say whether it stands for anything."""
        name = self._characters.get(text)
        if name is None:
            return False
        self._actions[name]()
        return True

    def _may_take(self, layer: Layer, action: Action) -> bool:
        if action.name == "delete" and hasattr(layer, "remove_selected"):
            return False  # it deletes points or shapes there
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
