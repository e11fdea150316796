"""The tools side by side: one is in the hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_sam2.annotation.marks import Tool
from napari_sam2.viewer.keymap import KEYMAP

if TYPE_CHECKING:
    from napari.utils.theme import Theme

    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.tools import Tools

__all__ = ["ToolRow"]

_SIGNS = {Tool.POINT: "•", Tool.BOX: "▭", Tool.SCRIBBLE: "✎", Tool.LASSO: "◌"}
_ADDS, _REMOVES = "+", "\N{MINUS SIGN}"


class ToolRow(QWidget):
    """One button for each tool, and one for adding or taking away.

    Parameters
    ----------
    tools : Tools
        That are chosen from.
    connections : Connections
        Of the widget around it.
    """

    def __init__(self, tools: Tools, connections: Connections) -> None:
        super().__init__()
        self._tools = tools
        self._group = QButtonGroup(self)
        self.buttons = {tool: QToolButton() for tool in Tool}
        self.polarity = QToolButton()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for tool, button in self.buttons.items():
            title = KEYMAP[tool.value].title
            button.setText(f"{_SIGNS[tool]} {title}")
            button.setAccessibleName(title)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(button)
            button.clicked.connect(partial(self._take, tool))
            row.addWidget(button)
        row.addSpacing(6)
        self.polarity.setAccessibleName(KEYMAP["polarity"].title)
        self.polarity.clicked.connect(self._swap)
        row.addWidget(self.polarity)
        for button in (*self.buttons.values(), self.polarity):
            # By the keyboard, yes; but a click leaves the keys with the canvas.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setMinimumWidth(1)
            button.setCheckable(True)
        self.polarity.setFixedWidth(28)
        connections.add(tools.changed, self.refresh)
        connections.add(KEYMAP.changed, self._on_keys)
        self._on_keys()
        self.refresh()

    def refresh(self) -> None:
        """Show what is in the hand."""
        self.buttons[self._tools.tool].setChecked(True)
        removes = self._tools.removes
        self.polarity.setChecked(removes)
        self.polarity.setText(_REMOVES if removes else _ADDS)

    def set_theme(self, theme: Theme) -> None:
        """Take the colors of a theme."""
        accent, quiet = theme.current.as_rgb(), theme.foreground.as_rgb()
        self.setStyleSheet(
            f"QToolButton {{ background-color: {quiet}; border: 0; padding: 4px 2px; }}"
            f"QToolButton:checked {{ background-color: {accent}; }}"
        )

    def _take(self, tool: Tool, *_: object) -> None:
        self._tools.tool = tool

    def _swap(self, *_: object) -> None:
        self._tools.removes = not self._tools.removes
        self.refresh()

    def _on_keys(self) -> None:
        for tool, button in self.buttons.items():
            button.setToolTip(KEYMAP[tool.value].tooltip)
        self.polarity.setToolTip(KEYMAP["polarity"].tooltip)
