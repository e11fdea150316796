"""Every key is bound once, works whichever layer is active, and is given back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.utils.key_bindings import KeymapHandler, coerce_keybinding

from napari_sam2.errors import KeymapError
from napari_sam2.viewer.actions import GESTURES, Action
from napari_sam2.viewer.key_bindings import KeyBindings
from napari_sam2.viewer.keymap import KEYMAP, Keymap, documentation
from napari_sam2.viewer.keys import is_character, normal_key

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sam2.viewer.controller import Controller


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


NAMED = [name for name, action in KEYMAP.items() if not is_character(action.key)]
"""Actions whose keys napari knows; the others are characters that are typed."""


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
    keys = [normal_key(action.key) for action in KEYMAP.values()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("add", ["add_points", "add_shapes"])
def test_delete_deletes_points_and_shapes_where_they_are_active(
    viewer: ViewerModel, controller: Controller, add: str
) -> None:
    layer = getattr(viewer, add)()
    viewer.layers.selection.active = layer
    assert controller.modes.active
    ours = {str(key) for key in layer.keymap}
    assert str(coerce_keybinding(KEYMAP["next"].key)) in ours
    assert "Delete" not in ours


def test_no_letter_of_ours_is_one_of_a_layers() -> None:
    from napari.utils.shortcuts import default_shortcuts

    taken = {str(key) for keys in default_shortcuts.values() for key in keys}
    letters = {str(coerce_keybinding(KEYMAP[n].key)) for n in NAMED} - {
        "Enter",  # these two finish and abort in napari, too
        "Escape",
        "Delete",  # left to points and shapes, see below
    }
    assert not letters & taken


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in NAMED
        for kind in ("none", "image", "labels", "points", "shapes")
        if not (name == "delete" and kind in ("points", "shapes"))
    ],
)
def test_a_key_works_whichever_layer_is_active(
    viewer: ViewerModel, bindings: KeyBindings, pressed: list[str], kind: str, name: str
) -> None:
    layer = add_layer(viewer, kind)
    if kind == "shapes":
        layer.mode = "pan_zoom"
    bindings.bind(active=True)
    press(viewer, KEYMAP[name].key)
    if name == "delete" and kind in ("points", "shapes"):
        # It deletes those, once napari has a window to bind it for.
        assert coerce_keybinding(KEYMAP[name].key) not in layer.keymap
    else:
        assert pressed == [name]


def test_while_the_tool_is_off_its_switch_alone_works(
    viewer: ViewerModel, bindings: KeyBindings, pressed: list[str]
) -> None:
    layer = viewer.add_labels(np.zeros((8, 8), np.uint8))
    bindings.bind(active=False)
    layer.paint((2, 2), 3)
    for name in NAMED:
        press(viewer, KEYMAP[name].key)
    assert pressed == [name for name in NAMED if KEYMAP[name].always]
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
    for gesture in GESTURES:
        assert f"| {gesture.hand} | {gesture.help} |" in table
    for action in KEYMAP.values():
        assert action.title in table
        assert action.help in table
        assert action.keys in action.tooltip
    assert "Ctrl/Cmd+Shift+Z" in table


def test_the_table_is_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "keys.md"
    assert documentation() in page.read_text(encoding="utf-8")


TABLE = (
    Action("one", "Q", "One", "Do one thing"),
    Action("two", "Control-Z", "Two", "Do another"),
    Action("three", "?", "Three", "Do a third"),
    Action("four", "F6", "Four", "Do a fourth"),
)

KEYS = st.sampled_from(
    ["Q", "q", "Control-Z", "Control+Z", "?", "#", "F6", "Shift-F6", "Alt-Up", "-", "Ä"]
)


@given(st.lists(st.tuples(st.sampled_from([a.name for a in TABLE]), KEYS)))
def test_every_action_has_a_key_of_its_own_whatever_is_assigned(
    changes: list[tuple[str, str]],
) -> None:
    keymap = Keymap(TABLE)
    for name, key in changes:
        keymap.assign(name, key)
        assert normal_key(keymap[name].key) == normal_key(key)
        keys = [normal_key(action.key) for action in keymap.values()]
        assert len(set(keys)) == len(TABLE)
    again = Keymap(TABLE)
    again.restore(keymap.own)
    assert dict(again) == dict(keymap)
    keymap.reset()
    assert keymap.own == {}
    assert dict(keymap) == {action.name: action for action in TABLE}


@given(st.dictionaries(st.sampled_from(["one", "two", "three", "gone"]), KEYS))
def test_keys_of_an_earlier_time_never_leave_two_actions_with_one(
    own: dict[str, str],
) -> None:
    keymap = Keymap(TABLE)
    keymap.restore(own)
    keys = [normal_key(action.key) for action in keymap.values()]
    assert len(set(keys)) == len(TABLE)


def test_two_actions_change_their_keys() -> None:
    keymap = Keymap(TABLE)
    told: list[str] = []
    keymap.changed.connect(lambda: told.append(keymap["one"].keys))
    other = keymap.assign("one", "F6")
    assert other is not None
    assert (other.name, other.key) == ("four", "Q")
    assert keymap.own == {"one": "F6", "four": "Q"}
    assert keymap.with_key("q") == other
    assert keymap.assign("one", "F6") is None
    assert told == ["F6"]


@pytest.mark.parametrize("key", ["", "Control", "Shift-", "foo", "Control-K Control-C"])
def test_what_is_no_key_is_refused_and_changes_nothing(key: str) -> None:
    keymap = Keymap(TABLE)
    with pytest.raises(KeymapError, match="no key that can be used"):
        keymap.assign("one", key)
    assert keymap.own == {}
    with pytest.raises(KeymapError, match="no action named 'none'"):
        keymap.assign("none", "Q")


def test_what_was_saved_and_makes_no_sense_is_left_out() -> None:
    keymap = Keymap(TABLE)
    keymap.restore({"gone": "Q", "one": "no such key", "two": 7, "four": "F7"})  # type: ignore[dict-item]
    assert keymap.own == {"four": "F7"}


def test_another_key_is_bound_at_once_and_the_old_one_given_back(
    viewer: ViewerModel, bindings: KeyBindings, pressed: list[str]
) -> None:
    bindings.bind(active=True)
    KEYMAP.assign("collect", "F7")
    bindings.bind(active=True)
    press(viewer, "G")
    press(viewer, "F7")
    assert pressed == ["collect"]
    KEYMAP.assign("collect", "#")
    bindings.bind(active=True)
    press(viewer, "F7")
    assert not bindings.press_character("ä")
    assert bindings.press_character("#")
    assert pressed == ["collect", "collect"]
    bindings.release()
    assert not bindings.press_character("#")
