"""One line that offers to go on with an earlier session, and goes away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QPushButton

from napari_sam2.viewer.offer_line import OfferLine
from napari_sam2.viewer.status_area import say

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.connections import Connections

__all__ = ["RestoreLine"]


class RestoreLine(OfferLine):
    """Says which earlier objects there are on this image, beside a button.

    Parameters
    ----------
    session : AnnotationSession
        That makes the offers.
    connections : Connections
        To undo what is connected here.
    """

    def __init__(self, session: AnnotationSession, connections: Connections) -> None:
        restore = QPushButton("Restore")
        kept = "Begin anew; the earlier session stays on the disk"
        super().__init__("offer", restore, "Begin anew", kept)
        self._session = session
        self.restore = restore
        self.restore.setToolTip("Bring its objects and its undo history back")
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
