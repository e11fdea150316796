"""Who else wants a key: napari's menus, its layers, its viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.errors import KeymapError
from napari_sam2.viewer.keys import is_character, key_text, normal_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

__all__ = ["Rival", "require_free", "rivals"]


@dataclass(frozen=True)
class Rival:
    """Something of napari's that has a key, too.

    Attributes
    ----------
    title : str
        What napari calls it.
    first : bool
        Whether it gets the key before the tool does, as what is in a menu; else the
        tool takes it while it is on, and gives it back.
    """

    title: str
    first: bool


def rivals(key: str, viewer: ViewerModel) -> list[Rival]:
    """Return everything of napari's that has a key, what comes before us first.

    Parameters
    ----------
    key : str
        As a row of the keymap has it.
    viewer : ViewerModel
        Whose menus are looked through; without a window there are none.
    """
    if is_character(key):
        return []
    wanted = normal_key(key)
    found = [Rival(title, True) for title in _of_menus(wanted, viewer)]
    return found + [Rival(title, False) for title in _of_layers(wanted)]


def require_free(key: str, viewer: ViewerModel) -> None:
    """Make sure that a key would reach the tool.

    Raises
    ------
    KeymapError
        If a menu of napari's would take it, or if it is no key.
    """
    for rival in rivals(key, viewer):
        if rival.first:
            raise KeymapError(
                f"{key_text(key)} is “{rival.title}” in napari's menus, which would "
                "take it: press another key."
            )


def _of_layers(wanted: str) -> Iterable[str]:
    from napari.settings import get_settings
    from napari.utils.action_manager import action_manager

    for name, keys in get_settings().shortcuts.shortcuts.items():
        if any(normal_key(str(key)) == wanted for key in keys):
            action = getattr(action_manager, "_actions", {}).get(name)
            plain = name.rpartition(":")[2].replace("_", " ")
            said = str(getattr(action, "description", "")) or plain
            # Some descriptions are whole paragraphs.
            yield said.strip().splitlines()[0].rstrip(".")


def _of_menus(wanted: str, viewer: ViewerModel) -> Iterable[str]:
    window = _main_window(viewer)
    if window is None:
        return
    from qtpy.QtWidgets import QMenu

    for menu in window.findChildren(QMenu):
        for action in menu.actions():
            if any(_is(wanted, key.toString()) for key in action.shortcuts()):
                yield action.text().replace("&", "")


def _is(wanted: str, text: str) -> bool:
    try:
        return normal_key(text) == wanted
    except KeymapError:
        return False


def _main_window(viewer: ViewerModel) -> QWidget | None:
    from napari_sam2.viewer.canvas import native_canvas

    canvas = native_canvas(viewer)
    return None if canvas is None else canvas.window()
