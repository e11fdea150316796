"""A key, drawn as one, that can be pressed anew."""

from __future__ import annotations

from typing import Any

from psygnal import Signal
from qtpy.QtCore import QEvent, QKeyCombination, Qt
from qtpy.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QPushButton, QWidget

from napari_sam2.viewer.keys import is_character

__all__ = ["KeyCap", "key_of"]

_ALONE = {
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Meta,
    Qt.Key.Key_CapsLock,
}


def key_of(event: QKeyEvent) -> str:
    """Return a key that was pressed as a row of the keymap has it; empty if none is.

    Shift or Control alone are none: another key is about to come.
    """
    from app_model.backends.qt import qkeysequence2modelkeybinding

    if event.key() in _ALONE:
        return ""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    pressed = QKeySequence(QKeyCombination(held, Qt.Key(event.key())))
    try:
        named = str(qkeysequence2modelkeybinding(pressed))
    except (KeyError, ValueError):
        named = ""
    # A character that is typed by Shift is that character, wherever it lies.
    commands = held & ~Qt.KeyboardModifier.ShiftModifier
    return event.text() if not commands and is_character(event.text()) else named


class KeyCap(QPushButton):
    """A button that shows a key and, once clicked, waits for another.

    Escape leaves the key as it is, Backspace gives back the usual one.
    """

    waiting_changed = Signal(bool)
    """Whether it waits for a key."""

    pressed_anew = Signal(str)
    """The key that was pressed; empty for the usual one."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setObjectName("keycap")
        self._text = text
        self._waits = False
        self.clicked.connect(self._wait)

    @property
    def waits(self) -> bool:
        """Whether it waits for a key."""
        return self._waits

    def event(self, event: QEvent | None) -> bool:
        """Take every key for itself while it waits, those of menus included."""
        if self._waits and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                # Tab, too, which would go on to the next button otherwise.
                self._take(event)
                return True
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Wait no longer once the user turns to something else."""
        self.leave()
        super().focusOutEvent(event)

    def _wait(self, *_: Any) -> None:
        self._waits = True
        self.setText("press…")
        self.setFocus()
        self.waiting_changed.emit(True)

    def leave(self) -> None:
        """Wait no longer, and keep the key."""
        if self._waits:
            self._waits = False
            self.setText(self._text)
            self.waiting_changed.emit(False)

    def _take(self, event: QKeyEvent) -> None:
        event.accept()
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif event.key() == Qt.Key.Key_Backspace:
            self.leave()
            self.pressed_anew.emit("")
        elif key := key_of(event):
            self.leave()
            self.pressed_anew.emit(key)
