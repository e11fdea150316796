"""The objects of a session as a Qt model: ten thousand rows without a widget each."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from napari_sam2.annotation.rows import ObjectRow
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.connections import Connections

__all__ = ["CLASS", "ID", "REVIEWED", "ObjectModel"]

ID, CLASS, SCORE, AREA, REVIEWED = range(5)

_HEADERS = ("Id", "Class", "Score", "Area", "✓")
_TIPS = (
    "Number of the object in the labels, and its color",
    "What it is: double click, or F2, to change it",
    "What the model expects of its mask, 0 to 1; none where no model was asked",
    "Pixels",
    "Reviewed: somebody has looked at it and found it right",
)
_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

_PLAIN = (
    Qt.ItemFlag.ItemIsSelectable
    | Qt.ItemFlag.ItemIsEnabled
    | Qt.ItemFlag.ItemNeverHasChildren
)
_FLAGS = {
    CLASS: _PLAIN | Qt.ItemFlag.ItemIsEditable,
    REVIEWED: _PLAIN | Qt.ItemFlag.ItemIsUserCheckable,
}

_LOW = 0.5
"""A score below this one is shown as what it is: a doubt."""

_MANY = 200
"""With more changes than this at once, all rows are shown anew."""


class ObjectModel(QAbstractTableModel):
    """One row for each object that has pixels, whoever made it.

    A row stays where it is while its values change, so that nothing runs away from
    under the hand; new ones come where the order wants them.

    Parameters
    ----------
    session : AnnotationSession
        Whose objects they are.
    color_of : callable
        ``color_of(label)`` returns the RGBA that an object has.
    connections : Connections
        Through which it follows the session, until they are closed.
    """

    def __init__(
        self,
        session: AnnotationSession,
        color_of: Callable[[int], npt.NDArray[np.floating[Any]]],
        connections: Connections,
    ) -> None:
        super().__init__()
        self._session = session
        self._color_of = color_of
        self._labels: list[int] = []
        self._places: dict[int, int] | None = {}
        self._column, self._descending = ID, False
        connections.add(session.touched, self.on_touched)
        self.on_touched(None)

    # ---------------------------------------------------------------- which row

    @property
    def largest(self) -> int:
        """Largest id that there is; 0 without any."""
        return max(self._labels, default=0)

    def label_at(self, row: int) -> int:
        """Return the id of the object in a row."""
        return self._labels[row]

    def row_of(self, label: int) -> int | None:
        """Return the row of an object; None if it is not there."""
        if self._places is None:
            self._places = {label: row for row, label in enumerate(self._labels)}
        return self._places.get(label)

    # ------------------------------------------------------------------ for Qt

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many objects there are."""
        return 0 if parent is not None and parent.isValid() else len(self._labels)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return how much is said of each."""
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return the title of a column, or what it is about."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Say what can be done to a cell."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return _FLAGS.get(index.column(), _PLAIN)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        row = self._session.row(self._labels[index.row()]) if index.isValid() else None
        if row is None:
            return None
        column = index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return _text(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == ID:
            red, green, blue = self._color_of(row.label)[:3]
            return QColor.fromRgbF(float(red), float(green), float(blue))
        if role == Qt.ItemDataRole.CheckStateRole and column == REVIEWED:
            checked = Qt.CheckState.Checked if row.reviewed else Qt.CheckState.Unchecked
            return checked
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (ID, SCORE, AREA):
            return _NUMBERS
        if role == Qt.ItemDataRole.ToolTipRole:
            return _sentence(row)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == REVIEWED:
            return "reviewed" if row.reviewed else "not reviewed"
        return None

    def setData(
        self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Name the class of an object, or tick it."""
        label = self._labels[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == REVIEWED:
            checked = Qt.CheckState(value) == Qt.CheckState.Checked
            self._session.review([label], checked)
            return True
        if role == Qt.ItemDataRole.EditRole and index.column() == CLASS:
            self._session.classify([label], str(value).strip() or None)
            return True
        return False

    def sort(
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        """Put the rows in the order of a column."""
        self._column = column
        self._descending = order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        labels = [self._labels[index.row()] for index in kept]
        self._labels = sorted(self._labels, key=self._key)
        self._places = None
        moved = [
            self.index(self.row_of(label) or 0, index.column())
            for label, index in zip(labels, kept, strict=True)
        ]
        self.changePersistentIndexList(kept, moved)
        self.layoutChanged.emit()

    # ---------------------------------------------------------------- following

    def on_touched(self, touched: set[int] | None) -> None:
        """Show what has changed.

        Parameters
        ----------
        touched : set of int, optional
            Ids of objects that came, went or changed; None: all of them.
        """
        if touched is None or len(touched) > _MANY:
            self.beginResetModel()
            extents = self._session.extents
            there = () if extents is None or not extents.known else extents.labels
            self._labels = sorted(there, key=self._key)
            self._places = None
            self.endResetModel()
            return
        here = {label for label in touched if self._session.row(label) is not None}
        # What is gone goes first: the others find their places among what is left.
        for label in touched - here:
            self._remove(label)
        for label in here:
            self._show(label)

    def _remove(self, label: int) -> None:
        row = self.row_of(label)
        if row is not None:
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._labels[row]
            self._places = None
            self.endRemoveRows()

    def _show(self, label: int) -> None:
        row = self.row_of(label)
        if row is not None:
            last = self.index(row, len(_HEADERS) - 1)
            self.dataChanged.emit(self.index(row, 0), last)
            return
        row = bisect_right(self._labels, self._key(label), key=self._key)
        self.beginInsertRows(QModelIndex(), row, row)
        self._labels.insert(row, label)
        self._places = None
        self.endInsertRows()

    def recolor(self) -> None:
        """Show the colors anew."""
        if self._labels:
            last = self.index(len(self._labels) - 1, ID)
            self.dataChanged.emit(self.index(0, ID), last)

    def _key(self, label: int) -> tuple[Any, int]:
        row = self._session.row(label)
        sign = -1 if self._descending else 1
        if row is None or self._column == ID:
            return (0, sign * label)
        if self._column == CLASS:
            name = (row.category or "").casefold()
            # Without a class last, from A to Z as from Z to A.
            letters = [sign * ord(letter) for letter in name]
            return ((not name, *letters, sign * 0x110000), sign * label)
        if self._column == SCORE:
            return ((row.score is None, sign * (row.score or 0)), label)
        value = row.area if self._column == AREA else row.reviewed
        return (sign * value, label)


def _text(row: ObjectRow, column: int) -> str | None:
    if column == ID:
        return str(row.label)
    if column == CLASS:
        return row.category or ""
    if column == SCORE:
        if row.score is None:
            return ""
        return f"{row.score:.2f}{'?' if row.score < _LOW else ''}"
    return f"{row.area:,}" if column == AREA else None


def _sentence(row: ObjectRow) -> str:
    made = "painted, or there before" if row.model is None else f"made by {row.model}"
    count = row.prompts
    said = "" if count is None else f" with {count} prompt{'s'[: count != 1]}"
    what = f", {row.category}" if row.category else ""
    return f"Object {row.label}{what}: {row.area:,} pixels, {made}{said}"
