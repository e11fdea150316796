"""Buttons and lines that the parts of the widget are made of.

By the keyboard, all of them can be reached; a click leaves the keys with the canvas.
"""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QFrame, QPushButton, QSizePolicy, QToolButton

__all__ = ["button", "check", "fold", "rule", "show_folded", "small_button"]


def button(text: str, tip: str = "") -> QPushButton:
    """Return a button that shares the width with others."""
    made = QPushButton(text)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    made.setMinimumWidth(1)
    made.setToolTip(tip)
    return made


def small_button(text: str, tip: str, name: str) -> QPushButton:
    """Return a button for one sign; its name is for those who do not see it."""
    made = button(text, tip)
    made.setAccessibleName(name)
    made.setFixedWidth(28)
    return made


def check(text: str, tip: str = "") -> QCheckBox:
    """Return a box to tick."""
    made = QCheckBox(text)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setToolTip(tip)
    return made


def rule() -> QFrame:
    """Return a line from side to side."""
    made = QFrame()
    made.setObjectName("rule")
    made.setFixedHeight(1)
    return made


def fold(text: str, tip: str) -> QToolButton:
    """Return the title of something that is folded until it is wanted."""
    made = QToolButton()
    made.setText(text)
    made.setToolTip(tip)
    made.setObjectName("fold")
    made.setCheckable(True)
    made.setAutoRaise(True)
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    made.setMinimumWidth(1)
    show_folded(made, True)
    return made


def show_folded(title: QToolButton, folded: bool) -> None:
    """Let the arrow of a title say whether what it is the title of is folded."""
    arrow = Qt.ArrowType.RightArrow if folded else Qt.ArrowType.DownArrow
    title.setArrowType(arrow)
