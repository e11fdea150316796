"""One line that offers to show a large image in several resolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton

from napari_sam2.viewer.offer_line import OfferLine
from napari_sam2.viewer.status_area import say

if TYPE_CHECKING:
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.pyramid_offer import PyramidOffer

__all__ = ["PyramidLine"]

_WHY = (
    "This image is too large to be drawn at once. In steps of resolution it is sharp\n"
    "at every zoom. Its own pixels are the finest of them; nothing is copied to disk"
)


class PyramidLine(OfferLine):
    """Says how large the image is, beside a button.

    Parameters
    ----------
    offer : PyramidOffer
        That is made here.
    connections : Connections
        To undo what is connected here.
    """

    def __init__(self, offer: PyramidOffer, connections: Connections) -> None:
        make = QPushButton("Make pyramid")
        super().__init__("size", make, "Leave the image as it is")
        self._offer = offer
        self.make = make
        self.make.setToolTip(_WHY)
        self.make.setStyleSheet("padding: 2px 6px;")
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
