"""What the tool is doing: a dot, a line, a hint, a bar. It never changes height."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QGridLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QWidget,
)
from superqt import QElidingLabel, QToggleSwitch

from napari_sam2.annotation.status import Phase, Status

if TYPE_CHECKING:
    from napari.utils.theme import Theme
    from pydantic_extra_types.color import Color

__all__ = ["Dot", "StatusArea", "line"]

_SENTENCES = {Phase.FAILED, Phase.UNAVAILABLE, Phase.STOPPED}
"""They explain themselves, and take both lines for it."""

_BUSY = {
    Phase.LOADING,
    Phase.DOWNLOADING,
    Phase.PREPARING,
    Phase.ENCODING,
    Phase.SEGMENTING,
}
_LONG = _BUSY - {Phase.SEGMENTING}
"""They are worth a bar; the others are over before one could look at it."""

_PATIENCE = 150
"""Milliseconds that something may take before a word is lost on it."""

_NOTICE = 5000
"""Milliseconds for which a notice stands in for the hint."""


def line(name: str) -> QElidingLabel:
    """Return a line of text that is cut off rather than making the widget wider."""
    label = QElidingLabel()
    label.setObjectName(name)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    label.setMinimumWidth(1)
    return label


def say(label: QElidingLabel, text: str) -> None:
    """Show a text, the whole of it in the tooltip."""
    if label.text() != text:
        label.setText(text)
    label.setToolTip(text)


class Dot(QWidget):
    """A small disc, or a ring while something is going on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = QColor("gray")
        self._filled = True
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """Return its one size."""
        return QSize(12, 12)

    def show_state(self, color: QColor, *, filled: bool) -> None:
        """Take a color and a shape."""
        self._color, self._filled = color, filled
        self.update()

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._color, 2.0))
        painter.setBrush(self._color if self._filled else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(2, 2, 8, 8)
        painter.end()


class Switch(QToggleSwitch):
    """A switch that shows when the keyboard is on it."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it, and a line around it."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QPen(self.palette().windowText().color(), 1.0))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            painter.end()


class StatusArea(QWidget):
    """The status of a session, in words, with a hint and the progress."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme | None = None
        self._status = Status(Phase.LOADING, "Starting")
        self._hint = ""
        self.dot = Dot()
        self.text = line("status")
        self.detail = line("hint")
        self.tool = Switch()
        # What slides has not arrived yet where the window is busy elsewhere.
        self.tool.setAnimationDuration(0)
        self.tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cancel = QPushButton("✕")
        self.cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cancel.setToolTip("Stop what is going on")
        self.cancel.setAccessibleName("Cancel")
        self.cancel.setStyleSheet("padding: 0px;")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        for widget in (self.cancel, self.bar):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
            widget.setVisible(False)

        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(2)
        self._grid.addWidget(self.dot, 0, 0)
        self._grid.addWidget(self.text, 0, 1)
        # Under the button that is there while there is little to say.
        self._grid.addWidget(self.detail, 1, 1, 1, 2)
        self._grid.addWidget(self.tool, 0, 2, Qt.AlignmentFlag.AlignRight)
        self._grid.addWidget(self.cancel, 1, 2, Qt.AlignmentFlag.AlignRight)
        self._grid.addWidget(self.bar, 2, 0, 1, 3)
        self._grid.setColumnStretch(1, 1)
        self.cancel.raise_()
        self._size_lines()

        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE)
        self._patience.timeout.connect(self._refresh)
        self._notice = QTimer(self)
        self._notice.setSingleShot(True)
        self._notice.setInterval(_NOTICE)
        self._notice.timeout.connect(self._show_hint)

    def show_status(self, status: Status) -> None:
        """Show what is going on; what is over in a moment is not shown at all."""
        was_busy = self._status.phase in _BUSY
        self._status = status
        if status.phase in _BUSY and not (was_busy and not self._patience.isActive()):
            if not self._patience.isActive():
                self._patience.start()
            return
        self._patience.stop()
        self._refresh()

    def show_hint(self, text: str) -> None:
        """Say what can be done now, once a notice has been read."""
        self._hint = text
        if not self._notice.isActive():
            self._show_hint()

    def show_notice(self, text: str) -> None:
        """Say something that has just happened."""
        say(self.detail, text)
        self._notice.start()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the measure of the fonts, which are known only now."""
        super().showEvent(event)
        self._size_lines()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Break a sentence elsewhere."""
        super().resizeEvent(event)
        if self._status.phase in _SENTENCES:
            self._refresh()

    def set_theme(self, theme: Theme) -> None:
        """Take the colors of a theme."""
        self._theme = theme
        self.tool.onColor = _color(theme.current)
        self.tool.offColor = _color(theme.highlight)
        self.tool.handleColor = QColor("white")
        self._size_lines()
        self._refresh()

    def _size_lines(self) -> None:
        """Keep the height, whatever is written, in the font of the theme."""
        height = max(self.fontMetrics().height() + 4, 20)
        for widget in (self.text, self.detail, self.tool, self.cancel):
            widget.setFixedHeight(height)
        self.cancel.setFixedWidth(height + 4)

    def _show_hint(self) -> None:
        if self._status.phase not in _SENTENCES:
            say(self.detail, self._hint)

    def _show_sentence(self, text: str) -> None:
        """Spread a long text over both lines."""
        lines = self.text.wrapText(text, self.text.width(), self.text.font())
        say(self.text, lines[0].strip() if lines else "")
        say(self.detail, "".join(lines[1:]).strip())
        for label in (self.text, self.detail):
            label.setToolTip(text)

    def _refresh(self) -> None:
        status = self._status
        busy = status.phase in _BUSY
        if status.phase in _SENTENCES:
            self._show_sentence(status.text)
        else:
            say(self.text, status.text)
            if not self._notice.isActive():
                self._show_hint()
        self.dot.show_state(self._color(status.phase), filled=not busy)
        self.cancel.setVisible(status.cancellable)
        # The hint ends where the button begins.
        columns = 1 if status.cancellable else 2
        self._grid.addWidget(self.detail, 1, 1, 1, columns)
        # Left alone, a bar paints itself and the window around it at once, and whoever
        # changes it waits.
        self.bar.setUpdatesEnabled(False)
        if status.progress is None:
            # Zero to zero: under way, nobody knows how far.
            self.bar.setRange(0, 0 if busy else 1)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(status.progress * 1000))
        self.bar.setUpdatesEnabled(True)
        self.bar.setVisible(status.phase in _LONG or status.progress is not None)

    def _color(self, phase: Phase) -> QColor:
        if self._theme is None:
            return QColor("gray")
        if phase is Phase.FAILED:
            return _color(self._theme.error)
        if phase in (Phase.UNAVAILABLE, Phase.STOPPED):
            return _color(self._theme.warning)
        if phase in (Phase.OFF, Phase.NO_IMAGE):
            return _color(self._theme.highlight)
        return _color(self._theme.current)


def _color(color: Color) -> QColor:
    return QColor(color.as_hex("long"))
