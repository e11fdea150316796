"""Every key is bound once, works whichever layer is active, and is given back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from app_model.types import KeyBinding
from napari.utils.key_bindings import KeymapHandler, coerce_keybinding

from napari_sam2.viewer.keymap import KEYMAP, KeyBindings, documentation

if TYPE_CHECKING:
    from napari.components import ViewerModel


@pytest.fixture
def pressed() -> list[str]:
    return []


@pytest.fixture
def ours() -> list[Any]:
    return []


@pytest.fixture
def bindings(viewer: ViewerModel, pressed: list[str], ours: list[Any]) -> KeyBindings:
    def act(name: str) -> Any:
        return lambda: pressed.append(name)

    actions = {name: act(name) for name in KEYMAP}
    return KeyBindings(viewer, actions, lambda layer: layer in ours)


def press(viewer: ViewerModel, key: str) -> None:
    """Press a key as the canvas does: the active layer first, then the viewer."""
    handler = KeymapHandler()
    active = viewer.layers.selection.active
    handler.keymap_providers = [viewer] if active is None else [active, viewer]
    handler.press_key(key)


def add_layer(viewer: ViewerModel, kind: str) -> Any:
    if kind == "none":
        return None
    if kind in ("points", "shapes"):
        return getattr(viewer, f"add_{kind}")()
    return getattr(viewer, f"add_{kind}")(np.zeros((8, 8), np.uint8))


def test_no_key_is_bound_twice() -> None:
    keys = [KeyBinding.from_str(action.key) for action in KEYMAP.values()]
    assert len(set(keys)) == len(keys)


def test_no_letter_of_ours_is_one_of_a_layers() -> None:
    from napari.utils.shortcuts import default_shortcuts

    taken = {str(key) for keys in default_shortcuts.values() for key in keys}
    letters = {str(coerce_keybinding(a.key)) for a in KEYMAP.values()} - {
        "Enter",  # these two finish and abort in napari, too
        "Escape",
    }
    assert not letters & taken


@pytest.mark.parametrize("kind", ["none", "image", "labels", "points", "shapes"])
@pytest.mark.parametrize("name", KEYMAP)
def test_a_key_works_whichever_layer_is_active(
    viewer: ViewerModel, bindings: KeyBindings, pressed: list[str], kind: str, name: str
) -> None:
    layer = add_layer(viewer, kind)
    if kind == "shapes":
        layer.mode = "pan_zoom"
    bindings.bind(active=True)
    press(viewer, KEYMAP[name].key)
    assert pressed == [name]


def test_while_the_tool_is_off_its_switch_alone_works(
    viewer: ViewerModel, bindings: KeyBindings, pressed: list[str]
) -> None:
    layer = viewer.add_labels(np.zeros((8, 8), np.uint8))
    bindings.bind(active=False)
    layer.paint((2, 2), 3)
    for action in KEYMAP.values():
        press(viewer, action.key)
    assert pressed == ["toggle"]
    # napari's own redo came last.
    assert layer.data.any()


def test_a_layer_that_is_being_edited_keeps_enter_and_escape(
    viewer: ViewerModel, bindings: KeyBindings, pressed: list[str], ours: list[Any]
) -> None:
    layer = viewer.add_labels(np.zeros((8, 8), np.uint8))
    layer.mode = "paint"
    # As napari binds them for its polygon tool, once it has a window.
    for key in ("Enter", "Escape"):
        layer.bind_key(key, lambda _: None)
    bindings.bind(active=True)
    for name in ("done", "drop", "undo"):
        press(viewer, KEYMAP[name].key)
    assert pressed == []
    # One history: also while our own labels are painted on.
    ours.append(layer)
    bindings.bind(active=True)
    for name in ("done", "drop", "undo", "redo"):
        press(viewer, KEYMAP[name].key)
    assert pressed == ["undo", "redo"]


def test_every_key_is_given_back(viewer: ViewerModel, bindings: KeyBindings) -> None:
    layer = viewer.add_labels(np.zeros((8, 8), np.uint8))
    viewer.bind_key("G", lambda _: None)
    layer.bind_key("Enter", lambda _: None)
    before = dict(viewer.keymap), dict(layer.keymap)
    bindings.bind(active=True)
    bindings.bind(active=True)
    bindings.bind(active=False)
    bindings.release()
    assert (dict(viewer.keymap), dict(layer.keymap)) == before


def test_who_has_bound_a_key_since_keeps_it(
    viewer: ViewerModel, bindings: KeyBindings
) -> None:
    def theirs(_: Any) -> None:
        """Do something else."""

    bindings.bind(active=True)
    viewer.bind_key("G", theirs, overwrite=True)
    bindings.release()
    assert list(viewer.keymap.values()) == [theirs]


def test_tooltips_and_documentation_come_from_the_table() -> None:
    table = documentation()
    for action in KEYMAP.values():
        assert action.title in table
        assert action.help in table
        assert action.keys in action.tooltip
    assert "Ctrl/Cmd+Shift+Z" in table


def test_the_table_is_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "keys.md"
    assert documentation() in page.read_text(encoding="utf-8")
