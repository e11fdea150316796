"""The classes in the widget: one small button for each, with its key and color."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from qtpy.QtWidgets import (
    QColorDialog,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)
from superqt import QFlowLayout

from napari_sam2.viewer.classes import KEYS, Classes, ObjectClass

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.connections import Connections

__all__ = ["ClassBar"]

_DOT = 10


class ClassBar(QWidget):
    """Chooses the class of the current object and of new ones.

    A click does what the key does; a double click renames, a right click offers the
    rest.

    Parameters
    ----------
    session : AnnotationSession
        Whose next object has the class that is pressed.
    classes : Classes
        That there are.
    connections : Connections
        Through which it follows both, until they are closed.
    """

    def __init__(
        self, session: AnnotationSession, classes: Classes, connections: Connections
    ) -> None:
        super().__init__()
        self._session = session
        self._classes = classes
        # As high as the rows that the buttons fill.
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.buttons: list[QToolButton] = []
        self.editor: QLineEdit | None = None
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(4)
        self._flow.setVerticalSpacing(4)
        self.add = QToolButton()
        self.add.setText("+ class")
        self.add.setToolTip("Add a class; its key says what the current object is")
        self.add.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.add.setObjectName("chip")
        self.add.clicked.connect(self._on_add)
        connections.add(classes.changed, self.refresh)
        connections.add(session.category_changed, self._on_category)
        self.refresh()

    def refresh(self) -> None:
        """Show the classes that there are now."""
        while self._flow.count():
            self._flow.takeAt(0)
        for button in self.buttons:
            button.deleteLater()
        self.buttons = [
            self._button(number, one)
            for number, one in enumerate(self._classes.all, start=1)
        ]
        for widget in (*self.buttons, self.add):
            self._flow.addWidget(widget)
            widget.show()
        self._on_category()
        self._flow.invalidate()
        self.updateGeometry()

    def rename(self, name: str) -> None:
        """Let the user write another name for a class, in its place."""
        if name not in self._classes.names:
            return
        self._end_editing()
        place = self._classes.names.index(name)
        editor = self.editor = QLineEdit(name)
        editor.setAccessibleName(f"Name of the class {name}")
        editor.setFixedWidth(max(self.buttons[place].sizeHint().width(), 90))
        editor.installEventFilter(self)
        editor.editingFinished.connect(partial(self._on_renamed, name))
        self.buttons[place].hide()
        self._flow.takeAt(place)
        rest = []
        while self._flow.count() > place:
            rest.append(self._flow.takeAt(place))
        self._flow.addWidget(editor)
        for item in rest:
            self._flow.addItem(item)
        editor.show()
        editor.selectAll()
        editor.setFocus()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep Enter and Escape: they are about the name, not about the object."""
        if (
            self.editor is None
            or watched is not self.editor
            or not isinstance(event, QKeyEvent)
            or event.type() != QEvent.Type.KeyPress
        ):
            return super().eventFilter(watched, event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.editor.editingFinished.emit()
            return True
        if event.key() == Qt.Key.Key_Escape:
            self._end_editing()
            self.refresh()
            return True
        return False

    # ------------------------------------------------------------------ buttons

    def _button(self, number: int, one: ObjectClass) -> QToolButton:
        button = _Chip()
        button.setText(f"{number} {one.name}" if number <= KEYS else one.name)
        button.setIcon(_dot(one.color))
        button.setIconSize(QSize(_DOT, _DOT))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setObjectName("chip")
        key = f" ({number})" if number <= KEYS else ""
        button.setToolTip(
            f"{one.name}: the current object, and new ones{key}. "
            "Double click to rename, right click for more"
        )
        button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        button.clicked.connect(partial(self._on_clicked, one.name))
        button.renamed = partial(self.rename, one.name)
        button.customContextMenuRequested.connect(
            partial(self._on_menu, button, one.name)
        )
        return button

    def _on_category(self, *_: object) -> None:
        chosen = self._session.category
        for button, name in zip(self.buttons, self._classes.names, strict=True):
            button.setChecked(name == chosen)

    def _on_clicked(self, name: str, checked: bool) -> None:
        self._session.name(name if checked else None)

    def _on_add(self) -> None:
        self.rename(self._classes.add().name)

    def _on_menu(self, button: QToolButton, name: str, _: object) -> None:
        menu = self.menu(name)
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def menu(self, name: str) -> QMenu:
        """Return what can be done to a class."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, act in (
            ("Rename", partial(self.rename, name)),
            ("Color…", partial(self._choose_color, name)),
            ("Remove", partial(self._classes.remove, name)),
        ):
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(partial(_do, act))
        return menu

    def _choose_color(self, name: str) -> None:
        dialog = QColorDialog(QColor(self._classes.color_of(name) or "white"), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(
            lambda color: self._classes.recolor(name, color.name())
        )
        dialog.open()

    def _on_renamed(self, name: str) -> None:
        editor = self._end_editing()
        if editor is not None:
            self._classes.rename(name, editor.text())
            self.refresh()

    def _end_editing(self) -> QLineEdit | None:
        editor, self.editor = self.editor, None
        if editor is not None:
            editor.removeEventFilter(self)
            editor.blockSignals(True)
            editor.hide()
            editor.deleteLater()
        return editor


class _Chip(QToolButton):
    """A button that can be renamed by a double click."""

    renamed: partial[None]

    def mouseDoubleClickEvent(self, _: object) -> None:
        """Rename it."""
        self.renamed()


def _do(act: partial[None], *_: object) -> None:
    act()


def _dot(color: str) -> QIcon:
    pixmap = QPixmap(2 * _DOT, 2 * _DOT)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(color))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(1, 1, 2 * _DOT - 2, 2 * _DOT - 2)
    painter.end()
    return QIcon(pixmap)
