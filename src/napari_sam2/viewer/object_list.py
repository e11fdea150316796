"""The list of objects in the widget: folded until it is wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QSize, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCompleter,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.viewer.class_bar import ClassBar
from napari_sam2.viewer.object_model import AREA, CLASS, ID, REVIEWED, ObjectModel
from napari_sam2.viewer.parts import button, check, fold, show_folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.viewer.classes import Classes
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.controller import Controller

__all__ = ["ObjectPanel", "ObjectTable"]

_WIDTHS = {ID: 52, 2: 46, AREA: 54, REVIEWED: 24}

_TIP = (
    "Click: go there. Delete: take it away. M: merge, S: split, F2: rename the class, "
    "Space: reviewed"
)


class ObjectTable(QTableView):
    """The table: rows are objects, keys act on those that are selected."""

    deleted = Signal()
    merged = Signal()
    split = Signal()
    ticked = Signal()
    undone = Signal()
    redone = Signal()
    walked = Signal()
    classed = Signal(int)

    def __init__(self, model: ObjectModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(True)
        self.sortByColumn(ID, Qt.SortOrder.AscendingOrder)
        self.setAccessibleName("Objects")
        self.setToolTip(_TIP)
        self.setIconSize(QSize(12, 12))
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        # One height for all: Qt need not ask ten thousand rows for theirs.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(max(self.fontMetrics().height() + 6, 22))
        columns.setMinimumSectionSize(20)
        columns.setHighlightSections(False)
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        columns.setSectionResizeMode(CLASS, QHeaderView.ResizeMode.Stretch)
        columns.setSectionResizeMode(REVIEWED, QHeaderView.ResizeMode.Fixed)

    def sizeHint(self) -> QSize:
        """Return room for a few rows."""
        return QSize(200, 180)

    def minimumSizeHint(self) -> QSize:
        """Return room for a row or two."""
        return QSize(120, 90)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Act on the selected objects; all other keys do what Qt says."""
        signal = None if event is None else self._meaning(event)
        if event is None or signal is None:
            before = self.currentIndex().row()
            super().keyPressEvent(event)
            if self.currentIndex().row() != before:
                self.walked.emit()
            return
        event.accept()
        signal()

    def _meaning(self, event: QKeyEvent) -> Callable[[], None] | None:
        if event.matches(QKeySequence.StandardKey.Undo):
            return self.undone.emit
        if event.matches(QKeySequence.StandardKey.Redo):
            return self.redone.emit
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return None
        key = event.key()
        if Qt.Key.Key_0 <= key <= Qt.Key.Key_9:
            return partial(self.classed.emit, key - Qt.Key.Key_0)
        signals: dict[int, Any] = {
            Qt.Key.Key_Delete: self.deleted,
            Qt.Key.Key_Backspace: self.deleted,
            Qt.Key.Key_M: self.merged,
            Qt.Key.Key_S: self.split,
            Qt.Key.Key_Space: self.ticked,
        }
        if key == Qt.Key.Key_F2:
            return self._rename
        return signals[key].emit if key in signals else None

    def _rename(self) -> None:
        self.edit(self.currentIndex().siblingAtColumn(CLASS))


class ClassEditor(QStyledItemDelegate):
    """Completes the name of a class while it is written."""

    def __init__(self, classes: Classes, parent: QWidget) -> None:
        super().__init__(parent)
        self._classes = classes

    def createEditor(
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget | None:
        """Return a line to write in, which knows the names."""
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            completer = QCompleter(self._classes.names, editor)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            editor.setCompleter(completer)
        return editor


class ObjectPanel(QWidget):
    """A line that says how many objects there are; unfolded, the list of them.

    Parameters
    ----------
    controller : Controller
        Whose session has the objects.
    connections : Connections
        Through which it follows the session, until they are closed.
    """

    def __init__(self, controller: Controller, connections: Connections) -> None:
        super().__init__()
        self._controller = controller
        self._session = controller.session
        self._connections = connections
        self.model = ObjectModel(
            self._session, controller.workspace.color_of, connections
        )
        self.header = fold("Objects", "Show the list of objects")
        self.table = ObjectTable(self.model)
        self.delete = button("Delete", "Take the selected objects away (Delete)")
        self.merge = button("Merge", "Make one object of the selected ones (M)")
        self.split = button("Split", "Make an object of each connected part (S)")
        self.classes = ClassBar(self._session, controller.classes, connections)
        self.by_class = check(
            "Color by class", "Show the labels in the colors of their classes"
        )
        self.body = QWidget()
        self._lay_out()
        self._connect()
        self._on_count()
        self._on_selection()

    @property
    def selected(self) -> list[int]:
        """Ids of the selected objects, the one with the cursor first."""
        selection = self.table.selectionModel()
        # Not row by row, which takes half a second for ten thousand.
        chosen: Any = () if selection is None else selection.selection()
        ranges = [chosen[number] for number in range(len(chosen))]
        rows = {row for one in ranges for row in range(one.top(), one.bottom() + 1)}
        labels = [self.model.label_at(row) for row in sorted(rows)]
        here = self.table.currentIndex()
        if here.isValid():
            first = self.model.label_at(here.row())
            labels.sort(key=lambda label: label != first)
        return labels

    # ------------------------------------------------------------------- layout

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for act in (self.delete, self.merge, self.split):
            buttons.addWidget(act)
        inside = QVBoxLayout(self.body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        inside.addWidget(self.classes)
        inside.addWidget(self.table, 1)
        inside.addLayout(buttons)
        inside.addWidget(self.by_class)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addWidget(self.header)
        whole.addWidget(self.body, 1)
        self.body.setVisible(False)
        self._take_room(False)

    def _connect(self) -> None:
        self.header.toggled.connect(self._on_fold)
        model, table = self.model, self.table
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._on_count)
        model.modelReset.connect(self._on_current)
        selection = table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._on_selection)
        table.clicked.connect(self._on_clicked)
        table.walked.connect(self._on_walked)
        session = self._session
        table.deleted.connect(self._delete)
        table.merged.connect(self._merge)
        table.split.connect(self._split)
        table.ticked.connect(self._tick)
        table.undone.connect(self._controller.commands.undo)
        table.redone.connect(self._controller.commands.redo)
        self.delete.clicked.connect(self._delete)
        self.merge.clicked.connect(self._merge)
        self.split.clicked.connect(self._split)
        table.classed.connect(self._classify)
        colors, classes = self._controller.class_colors, self._controller.classes
        self.by_class.setChecked(colors.on)
        self.by_class.toggled.connect(partial(setattr, colors, "on"))
        table.setItemDelegateForColumn(CLASS, ClassEditor(classes, table))
        add = self._connections.add
        add(session.current_changed, self._on_current)
        add(colors.changed, self._on_colors)
        add(colors.recolored, model.recolor)
        add(classes.changed, self._on_classes)
        self._on_classes()

    # ---------------------------------------------------------------- following

    def _on_fold(self, unfolded: bool) -> None:
        show_folded(self.header, not unfolded)
        self.body.setVisible(unfolded)
        self._take_room(unfolded)
        if unfolded:
            self._on_current()
            self._on_selection()
        else:
            self._controller.tour.highlight(())

    def _take_room(self, unfolded: bool) -> None:
        grows = QSizePolicy.Policy.Expanding if unfolded else QSizePolicy.Policy.Maximum
        self.setSizePolicy(QSizePolicy.Policy.Expanding, grows)

    def _on_count(self) -> None:
        count = self.model.rowCount()
        self.header.setText(f"Objects  {count:,}" if count else "Objects")
        digits = self.table.fontMetrics().horizontalAdvance(f"{self.model.largest}0")
        width = max(_WIDTHS[ID], digits + self.table.iconSize().width() + 16)
        if width != self.table.columnWidth(ID):
            self.table.setColumnWidth(ID, width)

    def _on_current(self, *_: AnnotatedObject | None) -> None:
        """Select the object that is worked on, without going there."""
        current = self._session.current
        row = None if current is None else self.model.row_of(current.label)
        if row is None:
            return
        selection = self.table.selectionModel()
        assert selection is not None
        if selection.isRowSelected(row):
            return
        index = self.model.index(row, ID)
        flags = QItemSelectionModel.SelectionFlag
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.scrollTo(index)

    def _on_colors(self, on: bool) -> None:
        self.by_class.setChecked(on)

    def _on_classes(self) -> None:
        self.by_class.setVisible(len(self._controller.classes) > 0)

    def _on_selection(self, *_: QItemSelection) -> None:
        selected = self.selected
        count = len(selected)
        self.delete.setEnabled(count > 0)
        self.merge.setEnabled(count > 1)
        self.split.setEnabled(count == 1)
        self._controller.tour.highlight(
            self.selected if self.header.isChecked() else []
        )

    def _on_walked(self) -> None:
        index = self.table.currentIndex()
        if index.isValid():
            self._go(index.row())

    def _on_clicked(self, index: Any) -> None:
        if index.column() != REVIEWED:
            self._go(index.row())

    def _go(self, row: int) -> None:
        label = self.model.label_at(row)
        # While several are being gathered, the view stays where it is.
        if self.selected == [label]:
            self._controller.tour.visit(label)

    # ------------------------------------------------------------------ actions

    def _delete(self) -> None:
        if not self.selected:
            return
        # The cursor goes on to the next row, to go on deleting from there.
        row = self.table.currentIndex().row()
        self._session.delete(self.selected)
        left = self.model.rowCount()
        if row >= 0 and left:
            self.table.setCurrentIndex(self.model.index(min(row, left - 1), ID))

    def _merge(self) -> None:
        if len(self.selected) > 1:
            self._session.merge(self.selected)

    def _split(self) -> None:
        for label in self.selected:
            self._session.split(label)

    def _classify(self, number: int) -> None:
        names = [None, *self._controller.classes.names]
        if self.selected and number < len(names):
            self._session.classify(self.selected, names[number])

    def _tick(self) -> None:
        selected = self.selected
        if selected:
            reviewed = all(self._session.notes(label).reviewed for label in selected)
            self._session.review(selected, not reviewed)
