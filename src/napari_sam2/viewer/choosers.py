"""Choosers of image, labels, model and engine that follow what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QSizePolicy, QWidget

from napari_sam2.engines.variant import Variant, installed_variants
from napari_sam2.errors import ModelError
from napari_sam2.models.catalog import CATALOG, is_available
from napari_sam2.viewer.layers import labels_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent, QWheelEvent

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.viewer.choices import LayerChoices

__all__ = [
    "Chooser",
    "EngineChooser",
    "ImageChooser",
    "LabelsChooser",
    "ModelChooser",
    "model_facts",
]


_WALKING = {
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
}


class Chooser(QComboBox):
    """A combo box that never asks for more width than there is."""

    _tip = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # A click on it must not take the keys away from the canvas.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Open the list by the keys that would change the choice at once.

        On the way to another model, none between is to be loaded.
        """
        if event is not None and event.key() in _WALKING and not event.modifiers():
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the choice as it is: the wheel is meant for what is around."""
        if event is not None:
            event.ignore()

    def offer(self, entries: Sequence[tuple[str, Any]], chosen: int) -> None:
        """Offer texts with their data, one of them chosen, in silence."""
        now = [(self.itemText(i), self.itemData(i)) for i in range(self.count())]
        with QSignalBlocker(self):
            if now != list(entries):
                self.clear()
                for text, data in entries:
                    self.addItem(text, data)
            self.setCurrentIndex(chosen)
        self.setToolTip("\n".join(filter(None, [self.currentText(), self._tip])))


class ImageChooser(Chooser):
    """Which image is worked on."""

    _tip = "The image that is worked on: the one that was selected last"

    def __init__(self, choices: LayerChoices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices = choices
        self.activated.connect(self._on_activated)

    def refresh(self) -> None:
        """Offer the images that there are."""
        images = self._choices.images
        if not images:
            self.offer([("No image", None)], 0)
        else:
            image = self._choices.image
            chosen = next((i for i, one in enumerate(images) if one is image), -1)
            # Positions, not layers: Qt must not keep a layer alive.
            entries = [(one.name, number) for number, one in enumerate(images)]
            self.offer(entries, chosen)
        self.setEnabled(bool(images))

    def _on_activated(self, number: int) -> None:
        images = self._choices.images
        if 0 <= number < len(images):
            self._choices.image = images[number]


class LabelsChooser(Chooser):
    """Which labels objects are kept in."""

    _tip = "The labels that objects are kept in"

    def __init__(self, choices: LayerChoices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices = choices
        self.activated.connect(self._on_activated)

    def refresh(self) -> None:
        """Offer the labels that fit the image, and new ones."""
        image = self._choices.image
        if image is None:
            self.offer([("No image", None)], 0)
        else:
            fitting = self._choices.fitting_labels
            chosen = next(
                (i for i, one in enumerate(fitting) if one is self._choices.labels),
                len(fitting),
            )
            entries = [(one.name, number) for number, one in enumerate(fitting)]
            entries.append((f"New: {labels_name(image)}", len(fitting)))
            self.offer(entries, chosen)
        self.setEnabled(image is not None)

    def _on_activated(self, number: int) -> None:
        fitting = self._choices.fitting_labels
        self._choices.labels = fitting[number] if number < len(fitting) else None


class ModelChooser(Chooser):
    """Which model computes."""

    def __init__(
        self, session: AnnotationSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._own: ModelSpec | None = None
        self.chosen: ModelSpec | None = None
        """What the user has chosen here last; None: nothing yet."""
        self._wanted = session.model or "starter"
        self.activated.connect(self._on_activated)
        self.refresh()

    @property
    def spec(self) -> ModelSpec | None:
        """The model that is chosen."""
        return self._specs().get(self._wanted)

    def refresh(self, model: str | None = None) -> None:
        """Offer the catalogue; choose the model that computes."""
        if model:
            self._wanted = model
        specs = self._specs()
        entries: list[tuple[str, Any]] = [
            (_title(spec), name) for name, spec in specs.items()
        ]
        if self._wanted not in specs:
            # A script brought it along.
            entries.append((self._wanted, self._wanted))
        chosen = [name for _, name in entries].index(self._wanted)
        entries.append(("Open a checkpoint…", None))
        self.offer(entries, chosen)
        if self.spec is not None:
            self.setToolTip(model_facts(self.spec))

    def _specs(self) -> dict[str, ModelSpec]:
        own = {} if self._own is None else {self._own.name: self._own}
        return {**CATALOG, **own}

    def _on_activated(self, number: int) -> None:
        name = self.itemData(number)
        spec = self._specs().get(name)
        if name is None:
            self._open()
        elif spec is not None:
            self._take(spec)

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            "Open a SAM 2 checkpoint",
            "",
            "Checkpoints (*.pt *.pth *.safetensors)",
        )
        if path:
            from napari_sam2.models.catalog import get_model

            try:
                self._own = get_model(path)
            except ModelError as error:
                self._session.failed.emit(error)
            else:
                self._take(self._own)
        self.refresh()

    def _take(self, spec: ModelSpec) -> None:
        self._wanted = spec.name
        self.chosen = spec
        self._session.set_model(spec)
        self.refresh()


class EngineChooser(Chooser):
    """What computes the model."""

    chosen = Signal(str)
    """Name of the engine that the user has chosen here."""

    def __init__(
        self, session: AnnotationSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self.activated.connect(self._on_activated)
        self.refresh()

    def refresh(self) -> None:
        """Offer the engines that are installed; say which one is used by itself."""
        wanted = self._session.engine
        used = self._session.computes if wanted == "auto" else ""
        entries = [(" · ".join(filter(None, ["Auto", used])), "auto")]
        entries += [(way.title, way.name) for way in installed_variants()]
        if wanted not in [name for _, name in entries]:
            # A script asked for it.
            entries.append((Variant.parse(wanted).title, wanted))
        names = [name for _, name in entries]
        self.offer(entries, names.index(wanted))
        self.setToolTip(_ENGINE_TIP)

    def _on_activated(self, number: int) -> None:
        self._session.set_engine(self.itemData(number))
        self.chosen.emit(self.itemData(number))


_ENGINE_TIP = (
    "What computes the model. Auto takes the quickest whose masks are the same;\n"
    "`napari-sam2 doctor` tells why."
)


def model_facts(spec: ModelSpec) -> str:
    """Say in a few lines what a model is."""
    facts = [spec.description]
    if spec.size is not None:
        where = "on this machine" if is_available(spec) else "downloaded when chosen"
        facts.append(f"{spec.size / 1e6:.0f} MB, {where}")
    if spec.license:
        facts.append(f"License: {spec.license}")
    return "\n".join(fact for fact in facts if fact)


def _title(spec: ModelSpec) -> str:
    if spec.size is None or is_available(spec):
        return spec.title
    return f"{spec.title} · {spec.size / 1e6:.0f} MB to download"
