"""One line that offers something beside a button, and can be sent away."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_sam2.viewer.status_area import line

__all__ = ["OfferLine"]


class OfferLine(QWidget):
    """A text, a button that takes the offer, and a cross that declines it.

    Parameters
    ----------
    name : str
        Of the text, see :func:`~napari_sam2.viewer.status_area.line`.
    take : QPushButton
        Takes the offer.
    declined : str
        What the cross does, in few words.
    hint : str, optional
        The cross's tooltip, if more is to be said.
    """

    def __init__(
        self, name: str, take: QPushButton, declined: str, hint: str = ""
    ) -> None:
        super().__init__()
        self.text = line(name)
        self.dismiss = QPushButton("✕")
        self.dismiss.setToolTip(hint or declined)
        self.dismiss.setAccessibleName(declined)
        self.dismiss.setFixedWidth(24)
        self.dismiss.setStyleSheet("padding: 0px;")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        for button in (take, self.dismiss):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
