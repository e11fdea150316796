"""All keys and gestures, over the canvas, by what one wants to do."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.errors import KeymapError
from napari_sam2.viewer.actions import GESTURES, Action, Gesture, Group
from napari_sam2.viewer.canvas import native_canvas
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.key_cap import KeyCap
from napari_sam2.viewer.key_conflicts import require_free, rivals
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.keys import key_text

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["HelpOverlay", "close_help", "toggle_help"]

_COLUMN = 270
"""Pixels that a column needs at least."""

_HAND = 110
"""Pixels for what the hand does, before what comes of it."""

_MARGIN = 16

_HOW = "Click a key to change it. Esc closes."
_SHARED = "* napari has this key, too: the tool takes it while it is on."


def toggle_help(viewer: ViewerModel) -> HelpOverlay | None:
    """Show the overlay over the canvas of a viewer, or close it.

    Returns
    -------
    HelpOverlay or None
        The overlay that is shown; None if it was closed, or if there is no canvas.
    """
    if close_help(viewer):
        return None
    canvas = native_canvas(viewer)
    if canvas is None:
        return None
    overlay = HelpOverlay(viewer, canvas)
    overlay.show()
    return overlay


def close_help(viewer: ViewerModel) -> bool:
    """Close the overlay of a viewer, and say whether there was one."""
    canvas = native_canvas(viewer)
    window = None if canvas is None else canvas.window()
    shown = None if window is None else window.findChild(HelpOverlay)
    if shown is None:
        return False
    shown.dismiss()
    return True


class HelpOverlay(QFrame):
    """A translucent sheet with all gestures and keys, where keys can be changed.

    Parameters
    ----------
    viewer : ViewerModel
        Whose theme it has; not kept alive.
    canvas : QWidget
        What it lies over.
    """

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setObjectName("napari_sam2_help")
        # napari hears of no click, wheel or key that is meant for the overlay.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._viewer = weakref.ref(viewer)
        self._canvas = canvas
        self._connections = Connections()
        self._columns = 0
        self.caps: dict[str, KeyCap] = {}
        """The keys, by the actions that they are for."""
        self.said = QLabel(_HOW)
        self.said.setObjectName("said")
        self.said.setWordWrap(True)
        self.usual = QPushButton("Usual keys")
        self.usual.setToolTip("Give every action the key that it had in the beginning")
        self.usual.clicked.connect(self._reset)
        self.dismiss_button = QPushButton("Close")
        self.dismiss_button.setToolTip("Close this sheet (Esc)")
        self.dismiss_button.clicked.connect(self.dismiss)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay_out()
        self._on_theme()
        self._fit()
        self._connections.add(KEYMAP.changed, self._fill)
        self._connections.add(viewer.events.theme, self._on_theme)
        canvas.installEventFilter(self)
        window = canvas.window()
        if window is not None and window is not canvas:
            window.installEventFilter(self)

    def dismiss(self, *_: object) -> None:
        """Close the sheet and leave nothing behind."""
        self._connections.close()
        self._canvas.removeEventFilter(self)
        window = self._canvas.window()
        if window is not None:
            window.removeEventFilter(self)
        self.hide()
        self._canvas.setFocus()
        self.setParent(None)
        self.deleteLater()

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Keep the size of the canvas; close by Escape, wherever the focus is."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._fit()
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(event)
        return False

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Close by Escape; what means nothing here goes on to the window."""
        if event is not None and not self._on_key(event):
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the keyboard."""
        super().showEvent(event)
        self.raise_()
        self.setFocus()

    # ------------------------------------------------------------------- layout

    def _lay_out(self) -> None:
        title = QLabel("Keys and gestures")
        title.setObjectName("title")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(title, 1)
        head.addWidget(self.usual)
        head.addWidget(self.dismiss_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(_MARGIN, 12, _MARGIN, 12)
        whole.setSpacing(6)
        whole.addLayout(head)
        whole.addWidget(self.said)
        whole.addWidget(self._scroll, 1)
        self._shared = QLabel(_SHARED)
        self._shared.setWordWrap(True)
        whole.addWidget(self._shared)

    def _fit(self) -> None:
        """Cover the canvas, in as many columns as there is room for.

        Where the docks have left too little of it, the whole window is covered.
        """
        host: QWidget = self._canvas
        if host.width() < _COLUMN + 2 * _MARGIN:
            host = host.window() or host
        if self.parentWidget() is not host:
            shown = self.isVisible()
            self.setParent(host)
            self.setVisible(shown)
        self.setGeometry(host.rect())
        columns = max(1, min(3, (self.width() - 2 * _MARGIN) // _COLUMN))
        if columns != self._columns:
            self._columns = columns
            self._fill()

    def _fill(self) -> None:
        """Write every gesture and key anew."""
        self.caps = {}
        sheet = QWidget()
        sheet.setObjectName("sheet")
        row = QHBoxLayout(sheet)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(24)
        for groups in _balanced(self._columns):
            column = QVBoxLayout()
            column.setSpacing(14)
            for group in groups:
                column.addLayout(self._group(group))
            column.addStretch(1)
            row.addLayout(column, 1)
        self._scroll.setWidget(sheet)

    def _group(self, group: Group) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        grid.setColumnMinimumWidth(0, _HAND)
        grid.setColumnStretch(1, 1)
        heading = QLabel(group.value)
        heading.setObjectName("heading")
        heading.setIndent(0)
        grid.addWidget(heading, 0, 0, 1, 2)
        for number, entry in enumerate(_entries(group), start=1):
            if isinstance(entry, Gesture):
                hand, text = QLabel(_hand(entry)), entry.help
                hand.setObjectName("hand")
                hand.setFixedWidth(_HAND)
                hand.setWordWrap(True)
                grid.addWidget(hand, number, 0, Qt.AlignmentFlag.AlignTop)
            else:
                text = entry.help
                top_left = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
                grid.addWidget(self._cap(entry), number, 0, top_left)
            what = QLabel(text[0].upper() + text[1:])
            what.setWordWrap(True)
            middle = Qt.AlignmentFlag.AlignVCenter
            top = Qt.AlignmentFlag.AlignTop if isinstance(entry, Gesture) else middle
            grid.addWidget(what, number, 1, top)
        return grid

    def _cap(self, action: Action) -> KeyCap:
        cap = KeyCap(action.keys)
        others = self._rivals(action.key)
        tip = f"{action.title}: click to choose another key"
        if others:
            cap.setText(f"{action.keys} *")
            tip += f"\nWhile the tool is on, it has this key instead of {others}."
        cap.setToolTip(tip)
        cap.setAccessibleName(f"{action.title}, {action.keys}")
        cap.waiting_changed.connect(partial(_wait, weakref.ref(self), action.name))
        cap.pressed_anew.connect(partial(_assign, weakref.ref(self), action.name))
        self.caps[action.name] = cap
        return cap

    # ------------------------------------------------------------------ changing

    def assign(self, name: str, key: str) -> None:
        """Give an action another key, or say why it cannot be had.

        Parameters
        ----------
        name : str
            Of the action.
        key : str
            The key; empty for the one that the action had in the beginning.
        """
        viewer = self._viewer()
        key = key or KEYMAP.usual(name)
        try:
            if viewer is not None:
                require_free(key, viewer)
            other = KEYMAP.assign(name, key)
        except KeymapError as error:
            self.said.setText(str(error))
            return
        said = f"{KEYMAP[name].title}: {key_text(key)}."
        if other is not None:
            said += f" {other.title} has {other.keys} now."
        if others := self._rivals(key):
            said += f" While the tool is on, it has this key instead of {others}."
        self.said.setText(said)

    def _reset(self, *_: object) -> None:
        KEYMAP.reset()
        self.said.setText("Every action has its usual key.")

    def _rivals(self, key: str) -> str:
        viewer = self._viewer()
        found = [] if viewer is None else rivals(key, viewer)
        return ", ".join(f"“{rival.title}”" for rival in found[:2])

    def on_waiting(self, name: str, waits: bool) -> None:
        """Say what a key that waits is for; no other one waits with it."""
        for other, cap in self.caps.items():
            if waits and other != name:
                cap.leave()
        how = "Press the new key. Esc leaves it, Backspace gives back the usual one."
        self.said.setText(how if waits else _HOW)

    def _on_key(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Escape:
            return False
        self.dismiss()
        return True

    def _on_theme(self) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        self.setStyleSheet(_style(get_theme(viewer.theme)))


def _assign(overlay: weakref.ref[HelpOverlay], name: str, key: str) -> None:
    alive = overlay()
    if alive is not None:
        alive.assign(name, key)


def _wait(overlay: weakref.ref[HelpOverlay], name: str, waits: bool) -> None:
    alive = overlay()
    if alive is not None:
        alive.on_waiting(name, waits)


def _entries(group: Group) -> list[Gesture | Action]:
    gestures = [gesture for gesture in GESTURES if gesture.group is group]
    return [*gestures, *(one for one in KEYMAP.values() if one.group is group)]


def _balanced(columns: int) -> list[list[Group]]:
    """Deal the groups out in their order, to columns of about equal length."""
    groups = [group for group in Group if _entries(group)]
    # A heading and the space around it are worth a line and a half.
    lengths = [len(_entries(group)) + 1.5 for group in groups]
    dealt: list[list[Group]] = [[] for _ in range(columns)]
    filled = 0.0
    for group, length in zip(groups, lengths, strict=True):
        middle = (filled + length / 2) / sum(lengths)
        dealt[min(int(middle * columns), columns - 1)].append(group)
        filled += length
    return dealt


def _hand(gesture: Gesture) -> str:
    """Write a gesture with the keys of this platform."""
    text = gesture.hand
    for name in ("Shift", "Alt", "Control"):
        text = text.replace(name, key_text(name))
    return text[0].upper() + text[1:]


def _style(theme: Any) -> str:
    red, green, blue = theme.background.as_rgb_tuple()[:3]
    text, quiet = theme.text.as_rgb(), theme.highlight.as_rgb()
    key, accent = theme.foreground.as_rgb(), theme.current.as_rgb()
    return f"""
    #napari_sam2_help {{ background-color: rgba({red}, {green}, {blue}, 235); }}
    #napari_sam2_help QScrollArea, #napari_sam2_help #sheet,
    #napari_sam2_help QLabel {{
        background: transparent; color: {text}; padding: 0px;
    }}
    #napari_sam2_help #title {{ font-size: 16px; font-weight: bold; }}
    #napari_sam2_help #heading {{
        font-weight: bold; padding-bottom: 2px; border-bottom: 1px solid {quiet};
    }}
    #napari_sam2_help #hand {{ font-style: italic; }}
    #napari_sam2_help #keycap {{
        background-color: {key}; color: {text}; border: 1px solid {quiet};
        border-bottom-width: 2px; border-radius: 4px; padding: 2px 8px;
        min-width: 24px; font-weight: bold;
    }}
    #napari_sam2_help QPushButton:hover, #napari_sam2_help QPushButton:focus {{
        border: 1px solid {accent};
    }}
    """
