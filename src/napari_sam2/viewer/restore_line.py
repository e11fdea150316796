"""One line that offers to go on with an earlier session, and goes away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from napari_sam2.viewer.status_area import line, say

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.connections import Connections

__all__ = ["RestoreLine"]


class RestoreLine(QWidget):
    """Says which earlier objects there are on this image, beside a button.

    Parameters
    ----------
    session : AnnotationSession
        That makes the offers.
    connections : Connections
        To undo what is connected here.
    """

    def __init__(self, session: AnnotationSession, connections: Connections) -> None:
        super().__init__()
        self._session = session
        self.text = line("offer")
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Bring its objects and its undo history back")
        self.dismiss = QPushButton("✕")
        self.dismiss.setToolTip("Begin anew; the earlier session stays on the disk")
        self.dismiss.setAccessibleName("Begin anew")
        self.dismiss.setFixedWidth(24)
        self.dismiss.setStyleSheet("padding: 0px;")
        for button in (self.restore, self.dismiss):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        row.addWidget(self.restore)
        row.addWidget(self.dismiss)
        self._menu = QMenu(self)
        self.restore.clicked.connect(self._restore_last)
        self.dismiss.clicked.connect(session.offers.dismiss)
        connections.add(session.offers.changed, self.refresh)
        connections.add(session.objects_changed, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is offered now; nothing takes no room."""
        offers = self._session.offers.all
        self.setVisible(bool(offers))
        if not offers:
            return
        say(self.text, offers[0].text())
        self._menu.clear()
        for offer in offers:
            moment = f"{offer.text()} ({offer.ended:%H:%M})"
            action = QAction(moment, self._menu)
            action.triggered.connect(partial(self._session.restore, offer.path))
            self._menu.addAction(action)
        # An arrow with nothing behind it would only puzzle.
        several = len(offers) > 1
        # The theme leaves no room for the arrow beside the word.
        room = 18 if several else 6
        self.restore.setStyleSheet(f"padding: 2px {room}px 2px 6px;")
        self.restore.setMenu(self._menu if several else None)

    def _restore_last(self) -> None:
        offers = self._session.offers.all
        if len(offers) == 1:
            self._session.restore(offers[0].path)
