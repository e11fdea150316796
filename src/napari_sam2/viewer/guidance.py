"""Says what a click will do: in the widget, in napari's status bar, by the cursor."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.viewer.aim import At
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.hints import hint, told_over_the_canvas
from napari_sam2.viewer.lessons import Lessons

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_sam2.viewer.controller import Controller
    from napari_sam2.viewer.preferences import Preferences

__all__ = ["Guidance"]


class Guidance:
    """Follows a controller, and tells when there is something else to say.

    Nothing is said at a move of the mouse that changes nothing of what it would do: a
    word that is repainted would make the mask wait.

    Parameters
    ----------
    controller : Controller
        What is said is about its viewer and session.
    preferences : Preferences
        Where it is kept what the user has learned.
    connections : Connections
        Through which it listens, until they are closed.
    """

    changed = Signal()

    def __init__(
        self,
        controller: Controller,
        preferences: Preferences,
        connections: Connections,
    ) -> None:
        self._controller = controller
        self.lessons = Lessons(preferences)
        self._helped: weakref.ref[Layer] | None = None
        self._help = self._before = self._said = ""
        session, add = controller.session, connections.add
        add(session.preview_changed, self._on_preview)
        add(session.history_changed, self._on_history)
        add(controller.helped, self._on_help)
        for signal in (
            session.current_changed,
            session.objects_changed,
            session.status_changed,
            controller.modes.changed,
            controller.tools.changed,
            controller.prompts.under_changed,
            controller.aim.changed,
            self.lessons.changed,
            preferences.changed,
        ):
            add(signal, self.refresh)
        viewer = controller.viewer
        if viewer is not None:
            add(viewer.layers.selection.events.active, self.refresh)
        self._of_layers = Connections()
        add(controller.choices.choices_changed, self._on_choices)
        self._on_choices()

    @property
    def line(self) -> str:
        """The line of the widget."""
        return hint(self._controller, self.lessons)

    def refresh(self, *_: object) -> None:
        """Say it anew, if there is something else to say."""
        self._tell_napari()
        line = self.line
        if line != self._said:
            self._said = line
            self.changed.emit()

    def close(self) -> None:
        """Give cursor and status bar back to napari."""
        self._of_layers.close()
        self._give_back()

    def _on_choices(self) -> None:
        """Follow what the user shows and hides."""
        self._of_layers.close()
        choices = self._controller.choices
        for layer in (choices.image, choices.labels):
            if layer is not None:
                self._of_layers.add(layer.events.visible, self.refresh)
        self.refresh()

    def _on_preview(self, preview: object) -> None:
        if preview is not None:
            self.lessons.learn("point")

    def _on_history(self, _: bool, can_redo: bool) -> None:
        session = self._controller.session
        if can_redo:
            self.lessons.learn("undo")
        if session.objects:
            # Who clicks has pointed, be it too quickly for a mask to be seen.
            self.lessons.learn("point")
            self.lessons.learn("click")
        current = session.current
        if current is not None and current.kept and len(current.prompts.points) > 1:
            self.lessons.learn("add")

    def _on_help(self) -> None:
        self.lessons.learn("help")

    def _tell_napari(self) -> None:
        """Write what a click would do where napari writes what a mode is for.

        napari shows the help of the active layer, and comes back to it at every move.
        """
        controller, viewer = self._controller, self._controller.viewer
        layer: Any = None if viewer is None else viewer.layers.selection.active
        says = told_over_the_canvas(controller)
        if viewer is None or not says:
            self._give_back()
            return
        if layer is None:
            # No layer has a say then; napari comes back to the next one that has.
            self._give_back()
            self._help = viewer.help = says
            return
        shown = None if self._helped is None else self._helped()
        if layer.help != self._help or shown is not layer:
            self._give_back()
            self._helped, self._before = weakref.ref(layer), layer.help
        self._help = layer.help = viewer.help = says
        ours = controller.aim.at is not At.OUTSIDE
        viewer.cursor.style = "cross" if ours else layer.cursor

    def _give_back(self) -> None:
        layer = None if self._helped is None else self._helped()
        viewer = self._controller.viewer
        self._helped = None
        if layer is None:
            if viewer is not None and viewer.help == self._help:
                viewer.help = ""
            return
        if layer.help == self._help:
            layer.help = self._before
        if viewer is not None and viewer.layers.selection.active is layer:
            viewer.help = layer.help
            viewer.cursor.style = layer.cursor
