"""Keys: what they are called, and which of them there are."""

from __future__ import annotations

import sys
from functools import cache

from napari_sam2.errors import KeymapError

__all__ = ["is_character", "is_key", "key_text", "normal_key"]

_MODIFIERS = ("Ctrl", "Shift", "Alt", "Meta")


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


@cache
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


def is_key(key: object) -> bool:
    """Whether something, read from a file say, is a key at all."""
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
