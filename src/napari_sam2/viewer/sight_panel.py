"""What the model sees, beside what it is made of: a panel that comes and goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QColor, QIcon, QImage, QKeyEvent, QPainter, QPixmap
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_sam2.viewer.choosers import Chooser
from napari_sam2.viewer.key_cap import key_of
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.keys import normal_key
from napari_sam2.viewer.sight import CONTRASTS

if TYPE_CHECKING:
    from napari.utils.theme import Theme

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.segmentation.shown import Shown
    from napari_sam2.viewer.channels import ChannelChoice
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.sight import Sight

__all__ = ["SightPanel", "sight_icon"]

_SIDE = 256
"""Pixels of the screen that the picture takes."""

_BESIDE = 66
"""Pixels beside the name of a channel: margins, and the arrow."""

_COLORS = ("Red", "Green", "Blue")
_NONE = "—"
_CONTRASTS = {
    "percentiles": "Contrast from the pixels",
    "layer": "Contrast of the layer",
}
_CONTRAST_TIP = (
    "What is black and white to the model: all but the darkest and brightest few\n"
    "pixels, or the contrast limits and the gamma of the layer, which it then follows"
)
_COLOR_TIP = (
    "What the model sees in {color}: a layer, or a position of a slider.\n"
    "With — for all three, it sees the image alone, in gray"
)


class SightPanel(QFrame):
    """A picture of what the model sees, with its channels and its contrast.

    Parameters
    ----------
    session : AnnotationSession
        That knows what the model was shown.
    sight : Sight
        That is chosen here.
    connections : Connections
        Of the widget around it.
    parent : QWidget
        Whose looks it takes.
    """

    def __init__(
        self,
        session: AnnotationSession,
        sight: Sight,
        connections: Connections,
        parent: QWidget,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._session = session
        self._sight = sight
        self._choices: list[ChannelChoice | None] = []
        self.setObjectName("sight")
        self.setToolTip(KEYMAP["see"].help)
        self.setAccessibleName(KEYMAP["see"].title)
        self.title = QLabel(KEYMAP["see"].title)
        self.picture = QLabel()
        self.picture.setFixedSize(_SIDE, _SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.where, self.light = QLabel(), QLabel()
        self.contrast = Chooser()
        self.contrast.setAccessibleName("Contrast")
        self.colors = [Chooser() for _ in _COLORS]
        self.names = [QLabel(color) for color in _COLORS]
        for text in (self.where, self.light):
            text.setWordWrap(True)
            text.setContentsMargins(0, 0, 0, 0)
            text.setFixedWidth(_SIDE)
        for label in (self.title, self.picture, self.where, self.light, *self.names):
            label.setToolTip(KEYMAP["see"].help)
        self.installEventFilter(self)
        self.contrast.installEventFilter(self)
        self.contrast.activated.connect(self._on_contrast)
        for number, chooser in enumerate(self.colors):
            chooser.setAccessibleName(_COLORS[number])
            chooser.activated.connect(partial(self._on_color, number))
            chooser.installEventFilter(self)
        self._lay_out()
        connections.add(session.looked, self.look)
        connections.add(sight.changed, self.refresh)

    def open_below(self, button: QWidget) -> None:
        """Come up below a button, as far as the screen has room for it."""
        self.refresh()
        self.adjustSize()
        place = button.mapToGlobal(QPoint(button.width(), button.height() + 2))
        place -= QPoint(self.width(), 0)
        screen = button.screen()
        if screen is not None:
            room = screen.availableGeometry()
            low = QPoint(room.right() - self.width(), room.bottom() - self.height())
            place.setX(max(room.left(), min(place.x(), low.x())))
            place.setY(max(room.top(), min(place.y(), low.y())))
        self.move(place)
        self.show()
        self.look()
        self.contrast.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Go by the key that it came by: the canvas does not hear it now."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        key = key_of(event)
        meant = bool(key) and normal_key(key) == KEYMAP["see"].key
        if meant:
            self.hide()
        return meant

    def refresh(self) -> None:
        """Show what is chosen, and what there is to choose."""
        sight = self._sight
        self.contrast.setVisible(sight.stretches)
        self.contrast.offer(
            [(_CONTRASTS[name], name) for name in CONTRASTS],
            CONTRASTS.index(sight.contrast),
        )
        self.contrast.setToolTip(_CONTRAST_TIP)
        offered = sight.offered
        self._choices = [None, *(choice for _, choice in offered)]
        names = [_NONE, *(name for name, _ in offered)]
        entries = [(self._fitting(name), number) for number, name in enumerate(names)]
        channels = [*sight.channels, None, None, None]
        for chooser, channel, color in zip(
            self.colors, channels, _COLORS, strict=False
        ):
            chosen = self._choices.index(channel) if channel in self._choices else 0
            chooser.offer(entries, chosen)
            for number, name in enumerate(names):
                chooser.setItemData(number, name, Qt.ItemDataRole.ToolTipRole)
            tip = _COLOR_TIP.format(color=color.lower())
            chooser.setToolTip(f"{names[chosen]}\n{tip}" if chosen else tip)
        for widget in (*self.colors, *self.names):
            widget.setVisible(len(entries) > 1)

    def look(self) -> None:
        """Ask for the picture, where anybody looks at it."""
        if self.isVisible() and not self._session.see(self._on_shown):
            self.picture.setText("Nothing yet")
            self.where.clear()
            self.light.clear()

    def set_theme(self, theme: Theme) -> None:
        """Take the colors of a theme."""
        ground, line = theme.background.as_rgb(), theme.secondary.as_rgb()
        self.setStyleSheet(
            f"QFrame#sight {{ background-color: {ground}; border: 1px solid {line}; }}"
        )

    def _lay_out(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(10, 8, 10, 10)
        whole.setSpacing(6)
        for widget in (self.title, self.picture, self.where, self.light):
            whole.addWidget(widget)
        whole.addSpacing(2)
        whole.addWidget(self.contrast)
        colors = QGridLayout()
        colors.setHorizontalSpacing(8)
        colors.setVerticalSpacing(4)
        for row, (name, chooser) in enumerate(
            zip(self.names, self.colors, strict=True)
        ):
            colors.addWidget(name, row, 0)
            colors.addWidget(chooser, row, 1)
        colors.setColumnStretch(1, 1)
        whole.addLayout(colors)

    def _fitting(self, name: str) -> str:
        """Shorten a name in its middle: positions of a slider differ in their end."""
        colors = max(label.sizeHint().width() for label in self.names)
        room = _SIDE - colors - _BESIDE
        return self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, room)

    def _on_shown(self, shown: Shown) -> None:
        height, width = shown.pixels.shape[:2]
        line = shown.pixels.strides[0]
        kind = QImage.Format.Format_RGB888
        image = QImage(shown.pixels.tobytes(), width, height, line, kind)
        # As it lies over the image, not squashed to a square.
        tall, wide = shown.view.height, shown.view.width
        scale = _SIDE / max(tall, wide)
        pixmap = QPixmap.fromImage(image).scaled(
            max(1, round(wide * scale)),
            max(1, round(tall * scale)),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        self.picture.setFixedHeight(pixmap.height())
        self.picture.setPixmap(pixmap)
        self.where.setText(shown.where)
        self.light.setText(shown.light)
        self.light.setVisible(bool(shown.light))
        self.adjustSize()

    def _on_contrast(self, number: int) -> None:
        self._sight.contrast = CONTRASTS[number]

    def _on_color(self, color: int, number: int) -> None:
        channels = [*self._sight.channels, None, None, None][: len(_COLORS)]
        channels[color] = self._choices[number]
        self._sight.channels = channels


def sight_icon(size: int = 16, ratio: float = 1.0) -> QIcon:
    """Draw three lights that overlap: red, green and blue."""
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
    disc = size * 0.6
    for x, y, color in (
        (0.2, 0.0, "#e05050"),
        (0.0, 0.4, "#40a050"),
        (0.4, 0.4, "#5070e0"),
    ):
        painter.setBrush(QColor(color))
        painter.drawEllipse(round(x * size), round(y * size), round(disc), round(disc))
    painter.end()
    return QIcon(pixmap)
