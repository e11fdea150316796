"""One line that offers to show a large image in several resolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_sam2.viewer.status_area import line, say

if TYPE_CHECKING:
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.pyramid_offer import PyramidOffer

__all__ = ["PyramidLine"]

_WHY = (
    "This image is too large to be drawn at once. In steps of resolution it is sharp\n"
    "at every zoom. Its own pixels are the finest of them; nothing is copied to disk"
)


class PyramidLine(QWidget):
    """Says how large the image is, beside a button.

    Parameters
    ----------
    offer : PyramidOffer
        That is made here.
    connections : Connections
        To undo what is connected here.
    """

    def __init__(self, offer: PyramidOffer, connections: Connections) -> None:
        super().__init__()
        self._offer = offer
        self.text = line("size")
        self.make = QPushButton("Make pyramid")
        self.make.setToolTip(_WHY)
        self.make.setStyleSheet("padding: 2px 6px;")
        self.dismiss = QPushButton("✕")
        self.dismiss.setToolTip("Leave the image as it is")
        self.dismiss.setAccessibleName("Leave the image as it is")
        self.dismiss.setFixedWidth(24)
        self.dismiss.setStyleSheet("padding: 0px;")
        for button in (self.make, self.dismiss):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        row.addWidget(self.make)
        row.addWidget(self.dismiss)
        self.make.clicked.connect(offer.make)
        self.dismiss.clicked.connect(offer.dismiss)
        connections.add(offer.changed, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is offered now; nothing takes no room."""
        text = self._offer.text
        self.setVisible(bool(text))
        if text:
            say(self.text, text)
            self.text.setToolTip(f"{text}. {_WHY}")
        self.make.setVisible(not self._offer.at_work)
