"""Characters as keys: ``?``, ``#``, ``ä``, wherever a keyboard has them.

napari names a key by where it lies, and calls all of those "unknown". What is typed
is known to Qt alone, so it is read from the events of the canvas and its window.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

__all__ = ["CharacterKeys"]

_COMMANDS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class CharacterKeys(QObject):
    """Hands on what is typed over a canvas, or nowhere in particular in its window.

    Parameters
    ----------
    canvas : QWidget
        Not kept alive, nor is its window.
    typed : callable
        ``typed(text)`` says whether the character meant something: then nobody
        else sees it.
    """

    def __init__(self, canvas: QWidget, typed: Callable[[str], bool]) -> None:
        super().__init__()
        self._typed = typed
        # What a line of text in a dock does not take comes to the window in the end.
        window = canvas.window()
        watched = {canvas} if window is None else {canvas, window}
        self._watched = [weakref.ref(widget) for widget in watched]
        for widget in watched:
            widget.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Take a character that means something; leave all else alone."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.isAutoRepeat() or event.modifiers() & _COMMANDS:
            return False
        return bool(event.text()) and self._typed(event.text())

    def close(self) -> None:
        """Watch no longer."""
        for reference in self._watched:
            widget = reference()
            # Where a program just ends, Qt has deleted it already.
            with suppress(RuntimeError):
                if widget is not None:
                    widget.removeEventFilter(self)
