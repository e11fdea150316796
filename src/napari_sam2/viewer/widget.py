"""The dock widget: for choosing, and for knowing where one is.

The work happens on the canvas; everything here has a key.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.viewer.canvas import native_canvas
from napari_sam2.viewer.choosers import (
    EngineChooser,
    ImageChooser,
    LabelsChooser,
    ModelChooser,
    model_facts,
)
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.guidance import Guidance
from napari_sam2.viewer.hints import object_line
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.layers import spatial_shape
from napari_sam2.viewer.object_list import ObjectPanel
from napari_sam2.viewer.overlap_chooser import OverlapChooser
from napari_sam2.viewer.parts import button, check, rule, small_button
from napari_sam2.viewer.preferences import preferences
from napari_sam2.viewer.pyramid_line import PyramidLine
from napari_sam2.viewer.refine_panel import RefinePanel
from napari_sam2.viewer.remember import Memory, remembered_controller
from napari_sam2.viewer.restore_line import RestoreLine
from napari_sam2.viewer.sight_panel import SightPanel, sight_icon
from napari_sam2.viewer.status_area import StatusArea, line, say
from napari_sam2.viewer.tool_row import ToolRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_sam2.annotation.status import Status
    from napari_sam2.viewer.controller import Controller

__all__ = ["SegmentationWidget"]


class SegmentationWidget(QWidget):
    """Interactive segmentation with SAM 2.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer to work in. With an image in it, the tool starts on that.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.controller = remembered_controller(napari_viewer)
        self.session = self.controller.session
        self._docked = False
        self._connections = Connections()
        self.guidance = Guidance(self.controller, preferences(), self._connections)

        choices = self.controller.choices
        self.image = ImageChooser(choices)
        self.labels = LabelsChooser(choices)
        self.model = ModelChooser(self.session)
        self.engine = EngineChooser(self.session)
        self.see = small_button("", "", KEYMAP["see"].title)
        self.see.setIcon(sight_icon(16, self.devicePixelRatioF()))
        self.sight = SightPanel(
            self.session, self.controller.sight, self._connections, self
        )
        self.new_labels = small_button(
            "+", "Make new labels for this image", "New labels"
        )
        self.about_model = small_button("i", "", "About the model")
        self.prepare = small_button("≡", "", KEYMAP["prepare"].title)
        self.status = StatusArea()
        self.restore = RestoreLine(self.session, self._connections)
        self.pyramid = PyramidLine(
            self.controller.workspace.pyramids, self._connections
        )
        self.tool = self.status.tool
        self.tools = ToolRow(self.controller.tools, self._connections)
        self.object = line("object")
        self.swatch = QLabel()
        self.swatch.setFixedSize(12, 12)
        self.find_anew = button("Find anew")
        self.done = button("Done")
        self.drop = button("Drop")
        self.undo = button("Undo")
        self.redo = button("Redo")
        self.collect = check(KEYMAP["collect"].title)
        self.overlap = OverlapChooser(self.controller, self._connections)
        self.sharpen = check(KEYMAP["sharpen"].title)
        self.refine = RefinePanel(self.controller, self._connections)
        self.objects = ObjectPanel(self.controller, self._connections)
        self.export = button("E&xport…", "Save the labels as TIFF or PNG")
        self.help = small_button("?", "", KEYMAP["help"].title)
        self.done.setObjectName("primary")
        self.tool.setAccessibleName(KEYMAP["toggle"].title)

        # A window that is closed takes its widgets with it, unasked.
        self.destroyed.connect(
            partial(_release, self._connections, self.guidance, self.controller)
        )

        self._lay_out()
        self._connect()
        self._connections.add(self.guidance.changed, self._on_guidance)
        self._memory = Memory(
            self.controller, self.model, self.engine, self._connections
        )
        self._on_about_model()
        self._on_keys()
        self._on_theme()
        self._on_choices()
        self._on_modes()
        self._on_session()
        self.status.show_status(self.session.status)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(300, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size in which everything can be read."""
        return QSize(260, super().minimumSizeHint().height())

    def event(self, event: QEvent | None) -> bool:
        """Let go of the viewer when napari takes the widget out of its dock."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._docked = True
            elif self._docked:
                self.release()
        return super().event(event)

    def release(self) -> None:
        """Leave nothing behind in the viewer but the labels."""
        _release(self._connections, self.guidance, self.controller)

    # ------------------------------------------------------------------- layout

    def _lay_out(self) -> None:
        choose = QGridLayout()
        choose.setHorizontalSpacing(6)
        choose.setVerticalSpacing(4)
        rows: tuple[tuple[str, QWidget, QWidget | None], ...] = (
            ("&Image", self.image, self.see),
            ("La&bels", self.labels, self.new_labels),
            ("&Model", self.model, self.about_model),
            ("&Engine", self.engine, self.prepare),
        )
        for row, (name, chooser, extra) in enumerate(rows):
            label = QLabel(name)
            label.setBuddy(chooser)
            chooser.setAccessibleName(name.replace("&", ""))
            choose.addWidget(label, row, 0)
            choose.addWidget(chooser, row, 1, 1, 1 if extra else 2)
            if extra is not None:
                choose.addWidget(extra, row, 2)
        choose.setColumnStretch(1, 1)
        self._chosen = choose

        current = QHBoxLayout()
        current.setSpacing(6)
        current.addWidget(self.swatch)
        current.addWidget(self.object, 1)
        current.addWidget(self.find_anew)
        # It comes and goes, the rows below it stay where they are.
        current.addStrut(self.find_anew.sizeHint().height())

        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for act, stretch in (
            (self.done, 2),
            (self.drop, 1),
            (self.undo, 1),
            (self.redo, 1),
        ):
            buttons.addWidget(act, stretch)

        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.setSpacing(8)
        whole.addLayout(choose)
        whole.addWidget(self.status)
        whole.addWidget(self.restore)
        whole.addWidget(self.pyramid)
        whole.addWidget(rule())
        whole.addWidget(self.tools)
        whole.addLayout(current)
        whole.addLayout(buttons)
        whole.addWidget(self.collect)
        whole.addWidget(self.sharpen)
        whole.addWidget(self.overlap)
        whole.addWidget(rule())
        whole.addWidget(self.refine)
        whole.addWidget(self.objects, 1)
        last = QHBoxLayout()
        last.setSpacing(4)
        last.addWidget(self.export, 1)
        last.addWidget(self.help)
        whole.addLayout(last)
        whole.addStretch()

    def _connect(self) -> None:
        controller, session, add = (
            self.controller,
            self.session,
            self._connections.add,
        )
        add(KEYMAP.changed, self._on_keys)
        add(session.status_changed, self._on_status)
        add(session.current_changed, self._on_session)
        add(session.objects_changed, self._on_session)
        add(session.history_changed, self._on_session)
        add(session.category_changed, self._on_session)
        add(session.touched, self._on_session)
        add(controller.class_colors.recolored, self._on_session)
        add(session.model_changed, self._on_model)
        add(session.notice, self.status.show_notice)
        add(controller.sight.notice, self.status.show_notice)
        add(controller.sight_wanted, self._on_sight)
        add(controller.choices.choices_changed, self._on_choices)
        add(controller.modes.changed, self._on_modes)
        add(controller.tools.changed, self._on_session)
        add(controller.prompts.under_changed, self._on_session)
        add(controller.tour.changed, self._on_session)
        add(controller.panel_wanted, self._on_panel)
        viewer = controller.viewer
        if viewer is not None:
            add(viewer.events.theme, self._on_theme)
            add(viewer.layers.selection.events.active, self._on_session)
            add(viewer.events.help, self._on_guidance)

        self.status.cancel.clicked.connect(session.cancel)
        self.new_labels.clicked.connect(controller.workspace.new_labels)
        self.about_model.clicked.connect(self._tell_about_model)
        self.tool.toggled.connect(partial(setattr, controller.modes, "active"))
        self.collect.toggled.connect(partial(setattr, controller.modes, "collect"))
        self.sharpen.toggled.connect(partial(setattr, controller.modes, "sharpen"))
        for name in ("done", "drop", "undo", "redo", "help", "see", "prepare"):
            act = controller.actions[name]
            # Without the state of the button, which Qt would pass along.
            getattr(self, name).clicked.connect(partial(_do, act))
        self.find_anew.clicked.connect(partial(_do, controller.commands.find_anew))
        self.export.clicked.connect(self._export)

    # ---------------------------------------------------------------- following

    def _on_status(self, status: Status) -> None:
        self.status.show_status(status)
        self._on_guidance()
        self.engine.refresh()

    def _on_guidance(self) -> None:
        self.status.show_hint(self.guidance.line)

    def _on_model(self, name: str) -> None:
        self.model.refresh(name)
        self._on_about_model()
        # Whether to sharpen depends on the model, until the user says so.
        self._on_modes()

    def _on_choices(self) -> None:
        self.image.refresh()
        self.labels.refresh()
        image = self.controller.choices.image
        self.new_labels.setEnabled(image is not None)
        # There is nothing to prepare but the planes of stacks.
        stack = image is not None and len(spatial_shape(image)) > 2
        self.prepare.setVisible(stack)
        self._chosen.addWidget(self.engine, 3, 1, 1, 1 if stack else 2)
        self.export.setEnabled(self.controller.choices.labels is not None)

    def _on_modes(self) -> None:
        modes = self.controller.modes
        self.tool.setChecked(modes.active)
        self.collect.setChecked(modes.collect)
        self.sharpen.setChecked(modes.sharpen)
        self._on_session()

    def _on_session(self, *_: object) -> None:
        session = self.session
        current = session.current
        say(self.object, object_line(self.controller))
        color, painted = "transparent", self.controller.tour.painted
        here = painted if current is None else current.label
        if here is not None:
            rgba = self.controller.workspace.color_of(here) * 255
            color = "rgb({:.0f}, {:.0f}, {:.0f})".format(*rgba[:3])
        style = f"background-color: {color}; border-radius: 2px;"
        if self.swatch.styleSheet() != style:
            self.swatch.setStyleSheet(style)
        self.find_anew.setVisible(session.active and painted is not None)
        self.done.setEnabled(session.active and here is not None)
        self.drop.setEnabled(session.active and here is not None)
        self.undo.setEnabled(session.can_undo)
        self.redo.setEnabled(session.can_redo)
        self._on_guidance()

    def _on_keys(self) -> None:
        buttons = {"toggle": self.tool}
        for name, action in KEYMAP.items():
            one = buttons.get(name) or getattr(self, name, None)
            if isinstance(one, QWidget):
                one.setToolTip(action.tooltip)
        self.find_anew.setToolTip(
            "Let the model outline this object, by what is painted of it "
            f"({KEYMAP['find_anew'].keys}: the one under the mouse)"
        )
        self._on_guidance()

    def _on_theme(self) -> None:
        viewer = self.controller.viewer
        if viewer is None:
            return
        theme = get_theme(viewer.theme)
        self.status.set_theme(theme)
        self.tools.set_theme(theme)
        self.sight.set_theme(theme)
        accent, quiet = theme.current.as_rgb(), theme.foreground.as_rgb()
        text = theme.text.as_rgb()
        self.setStyleSheet(
            # Who works with the keys has to see where they go.
            "QPushButton:focus, QToolButton:focus, QComboBox:focus, QTableView:focus,"
            f"QCheckBox:focus {{ border: 1px solid {text}; }}"
            f"QPushButton#primary:enabled {{ background-color: {accent}; }}"
            "QToolButton#fold { border: 0; text-align: left; }"
            f"QToolButton#chip {{ padding: 2px 6px; border-radius: 3px; "
            f"background-color: {quiet}; }}"
            f"QToolButton#chip:checked {{ background-color: {accent}; }}"
            "QTableView::item:selected "
            f"{{ background-color: {accent}; color: {text}; }}"
            f"QFrame#rule {{ background-color: {quiet}; border: 0; }}"
            f"QProgressBar::chunk {{ background-color: {accent}; }}"
        )

    # ------------------------------------------------------------------ actions

    def _on_about_model(self) -> None:
        spec = self.model.spec
        facts = "The model is a script's" if spec is None else model_facts(spec)
        self.about_model.setToolTip(facts)

    def _tell_about_model(self) -> None:
        about = self.about_model
        place = about.mapToGlobal(about.rect().bottomLeft())
        QToolTip.showText(place, about.toolTip(), about)

    def _on_panel(self) -> None:
        """Take the keyboard, or give it back to the canvas."""
        viewer = self.controller.viewer
        canvas = None if viewer is None else native_canvas(viewer)
        window = self.window()
        if canvas is None or window is None:
            return
        now = window.focusWidget()
        if now is not None and self.isAncestorOf(now):
            canvas.setFocus(Qt.FocusReason.TabFocusReason)
            return
        parent = self.parentWidget()
        if parent is not None:
            # It may be under another dock.
            parent.raise_()
        self.image.setFocus(Qt.FocusReason.TabFocusReason)

    def _on_sight(self) -> None:
        if self.sight.isVisible():
            self.sight.hide()
        else:
            self.sight.open_below(self.see)

    def _export(self) -> None:
        from napari_sam2.viewer.export import export_labels

        viewer, labels = self.controller.viewer, self.controller.choices.labels
        if viewer is not None and labels is not None:
            export_labels(viewer, labels)


def _release(
    connections: Connections, guidance: Guidance, controller: Controller, *_: object
) -> None:
    connections.close()
    guidance.close()
    controller.close()


def _do(act: Callable[[], None], *_: object) -> None:
    act()
