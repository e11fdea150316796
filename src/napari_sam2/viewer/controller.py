"""One viewer and one session, bound to each other.

No widgets here: the dock widget and the scripts both stand on this.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.overlap import PROTECT, OverlapRule
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.sessions import JournalPlace
from napari_sam2.viewer.aim import Aim
from napari_sam2.viewer.class_colors import ClassColors
from napari_sam2.viewer.classes import Classes
from napari_sam2.viewer.commands import Commands
from napari_sam2.viewer.connections import Connections, weakly
from napari_sam2.viewer.features import LayerFeatures
from napari_sam2.viewer.key_bindings import KeyBindings
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.modes import Modes
from napari_sam2.viewer.mouse import MouseGestures
from napari_sam2.viewer.pointer import Pointer
from napari_sam2.viewer.preferences import embedding_files, preferences
from napari_sam2.viewer.preview import display_for
from napari_sam2.viewer.preview_in_view import PreviewInView
from napari_sam2.viewer.prompts_in_view import PromptsInView
from napari_sam2.viewer.tools import Tools
from napari_sam2.viewer.tour import Tour
from napari_sam2.viewer.waking import waker
from napari_sam2.viewer.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.viewer.window import WindowWatch

__all__ = [
    "Controller",
    "controller_for",
    "existing_controller",
    "existing_controllers",
]

_CONTROLLERS: weakref.WeakKeyDictionary[Any, Controller] = weakref.WeakKeyDictionary()


def controller_for(
    viewer: ViewerModel,
    model: str | Path | ModelSpec = "starter",
    device: str = "auto",
    *,
    segmenter_factory: Callable[[ModelSpec, str], Segmenter] | None = None,
) -> Controller:
    """Return the one controller of a viewer, making it if there is none.

    Parameters
    ----------
    viewer : ViewerModel
        Also as the proxy that napari hands to plugins.
    model, device, segmenter_factory
        For a new one: see
        :class:`~napari_sam2.annotation.session.AnnotationSession`.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    controller = _CONTROLLERS.get(viewer)
    if controller is None:
        controller = Controller(
            viewer, model, device, segmenter_factory=segmenter_factory
        )
        _CONTROLLERS[viewer] = controller
    return controller


def existing_controller(viewer: ViewerModel) -> Controller | None:
    """Return the controller of a viewer; None if it has none."""
    return _CONTROLLERS.get(getattr(viewer, "__wrapped__", viewer))


def existing_controllers() -> list[Controller]:
    """Return the controllers of all viewers."""
    return list(_CONTROLLERS.values())


class Controller:
    """Puts together what one viewer and one session need of each other.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    model, device, segmenter_factory
        See :class:`~napari_sam2.annotation.session.AnnotationSession`.

    Attributes
    ----------
    session : AnnotationSession
        What is done.
    workspace : Workspace
        What of the viewer it is done to.
    modes : Modes
        How the tool behaves.
    tools : Tools
        What the left button has in its hand.
    pointer : Pointer
        What the mouse does.
    commands : Commands
        What keys and buttons do.
    """

    panel_wanted = Signal()
    """The keyboard is to go to the widget, or back from it."""

    sight_wanted = Signal()
    """What the model sees is to be shown, or to be put away."""

    helped = Signal()
    """Keys and gestures are shown."""

    closed = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        model: str | Path | ModelSpec = "starter",
        device: str = "auto",
        *,
        segmenter_factory: Callable[[ModelSpec, str], Segmenter] | None = None,
    ) -> None:
        self._open = True
        self._waker = waker(self._process)
        self.session = session = AnnotationSession(
            model,
            device,
            wake=None if self._waker is None else self._waker.wake,
            segmenter_factory=segmenter_factory,
            make_labels=lambda plane: workspace.store_for(plane),
            show_labels=lambda labels, plane: workspace.show(labels, plane),
            journals=Journals(_journal_place),
            embeddings=embedding_files(),
        )
        # A viewer that nobody closed takes its session with it.
        self._finalizer = weakref.finalize(viewer, _abandon, session)
        self._finalizer.atexit = False
        self.workspace = workspace = Workspace(viewer, session)
        self.choices, self.sight = workspace.choices, workspace.sight
        self.view, self.stores = workspace.view, workspace.stores
        self.modes = Modes(session)
        self.preview = PreviewInView(workspace, display_for(viewer))
        self.prompts = PromptsInView(viewer, session, self.view)
        self.tools = Tools(session, self.view, self.prompts)
        self.tour = Tour(viewer, session, self.choices, self.view)
        self.aim = Aim()
        self.classes = Classes(session, self.choices)
        self.class_colors = ClassColors(session, self.choices, self.classes)
        self.features = LayerFeatures(session, self.choices)
        self.pointer = Pointer(
            workspace, self.tools, self.prompts, self.aim, self._on_released
        )
        self.mouse = MouseGestures(viewer, self.pointer)
        self.commands = Commands(
            workspace, self.modes, self.tools, self.tour, self.classes, self.mouse
        )
        self._connections = Connections()
        self._of_active = Connections()
        self._keys = KeyBindings(viewer, self.actions, workspace.has_written_to)
        self._window = self._watched(viewer)
        self._connect(viewer)
        workspace.start()
        self._on_active_layer()
        self.mouse.start()

    @property
    def viewer(self) -> ViewerModel | None:
        """The viewer; None once it is gone."""
        return self.workspace.viewer

    @property
    def actions(self) -> dict[str, Callable[[], None]]:
        """What each action of the keymap does."""
        return {
            **self.commands.by_name,
            "help": weakly(self, Controller.help),
            "panel": weakly(self, Controller._to_panel),
            "see": weakly(self, Controller._see),
        }

    def help(self) -> None:
        """Show all keys and gestures over the canvas, or close them."""
        if self._window is not None and self._window.toggle_help():
            self.helped.emit()

    def close(self) -> None:
        """Leave nothing behind but the labels. May be called twice."""
        if not self._open:
            return
        self._open = False
        viewer = self.viewer
        if viewer is not None and _CONTROLLERS.get(viewer) is self:
            del _CONTROLLERS[viewer]
        self._finalizer.detach()
        self.modes.close()
        self.mouse.stop()
        self._keys.release()
        self._connections.close()
        self._of_active.close()
        self.preview.close()
        # Keeps a draft, so before the labels are let go of.
        self.workspace.stop()
        if self._window is not None:
            self._window.close()
        if self._waker is not None:
            self._waker.close()
        for part in (self.tools, self.prompts, self.tour):
            part.close()
        for follower in (self.features, self.class_colors, self.classes):
            follower.close()
        self.workspace.close()
        self.closed.emit()

    # -------------------------------------------------------------- connections

    def _connect(self, viewer: ViewerModel) -> None:
        add = self._connections.add
        add(KEYMAP.changed, self._bind_keys)
        add(self.classes.changed, self._bind_keys)
        add(self.modes.switched, self._on_switched)
        add(self.stores.changed, self._on_labels)
        add(self.tools.changed, self._on_tools)
        # Answers that waited for the end of a stroke may be handed out.
        add(self.stores.edited, self._on_released)
        add(viewer.layers.selection.events.active, self._on_active_layer)
        add(viewer.events.mouse_over_canvas, self._on_mouse_over_canvas)
        add(self.session.objects_changed, self._on_objects)
        add(self.session.failed, self._on_failed)
        for teller in (self.session, self.stores, self.sight, self.commands):
            add(teller.notice, self._on_notice)

    def _watched(self, viewer: ViewerModel) -> WindowWatch | None:
        if self._waker is None:
            return None
        from napari_sam2.viewer.window import watch_window

        return watch_window(viewer, self.session, self.mouse, self.tools, self._keys)

    def _on_switched(self, active: bool) -> None:
        if active:
            self.mouse.start()
        else:
            self.mouse.stop()
            self.aim.leave()
        self._bind_keys()

    def _on_labels(self) -> None:
        other = self.stores.current is not self.session.store
        if other:
            # Before the session forgets which objects these are.
            self.features.update()
        if other and self.modes.overlap.rule is OverlapRule.INSIDE:
            # An id means another object in other labels.
            self.modes.overlap = PROTECT

    def _on_active_layer(self) -> None:
        self._of_active.close()
        layer = self.workspace.active_layer
        mode = getattr(getattr(layer, "events", None), "mode", None)
        if mode is not None:
            self._of_active.add(mode, self._on_mode)
        self._on_mode()

    def _on_mode(self) -> None:
        if not self.workspace.can_point:
            self.pointer.leave()
        self._bind_keys()

    def _on_mouse_over_canvas(self) -> None:
        viewer = self.viewer
        if viewer is not None and not viewer.mouse_over_canvas:
            self.mouse.forget()
            self.aim.leave()
            self.session.leave()

    def _on_tools(self) -> None:
        # What a click would do here is another thing now.
        self.mouse.point_again_as_before()

    def _on_objects(self) -> None:
        # The answer to a click took away the preview, and with it what was asked
        # for at the place where the mouse has gone since.
        self.mouse.point_on()

    def _on_failed(self, error: Exception) -> None:
        from napari.utils.notifications import show_error

        show_error(str(error))

    def _on_notice(self, text: str) -> None:
        self.mouse.point_on()
        viewer = self.viewer
        if viewer is not None:
            viewer.status = text

    def _bind_keys(self) -> None:
        if self._open:
            self._keys.bind(active=self.session.active, more=self.classes.actions)

    def _to_panel(self) -> None:
        self.panel_wanted.emit()

    def _see(self) -> None:
        self.sight_wanted.emit()

    # ------------------------------------------------------------------ answers

    def _on_released(self) -> None:
        """A stroke may have ended: answers that waited for it may be ready."""
        if self._waker is not None:
            self._waker.wake()

    def _process(self) -> None:
        # What an answer writes must not become a part of the user's stroke.
        if self._open and not self.workspace.in_stroke:
            self.session.process()
            self.workspace.return_to_labels()
        if self._window is not None:
            self._window.release_frame()


def _journal_place() -> JournalPlace:
    return JournalPlace(preferences()["journal"])


def _abandon(session: AnnotationSession) -> None:
    """Close a session whose viewer is gone, and with it who listened."""
    for name in ("status", "preview", "current", "objects", "history", "model"):
        getattr(session, f"{name}_changed").disconnect()
    session.touched.disconnect()
    session.looked.disconnect()
    session.category_changed.disconnect()
    session.notice.disconnect()
    session.failed.disconnect()
    session.close()
