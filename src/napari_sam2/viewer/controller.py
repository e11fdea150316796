"""One viewer and one session, bound to each other.

No widgets here: the dock widget and the scripts both stand on this.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.marks import Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.annotation.overlap import OVERWRITE, PROTECT
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.sessions import JournalPlace
from napari_sam2.segmentation.embedding_files import EmbeddingFiles
from napari_sam2.viewer.aim import Aim
from napari_sam2.viewer.choices import LayerChoices
from napari_sam2.viewer.class_colors import ClassColors
from napari_sam2.viewer.classes import Classes
from napari_sam2.viewer.connections import Connections, weakly
from napari_sam2.viewer.features import LayerFeatures
from napari_sam2.viewer.key_bindings import KeyBindings
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.label_store import LayerLabels
from napari_sam2.viewer.layers import in_pan_zoom
from napari_sam2.viewer.mouse import MouseGestures
from napari_sam2.viewer.plane_in_view import PlaneInView
from napari_sam2.viewer.preferences import preferences
from napari_sam2.viewer.preview import display_for, drawing, label_color
from napari_sam2.viewer.prompts_in_view import PromptsInView
from napari_sam2.viewer.sight import Sight
from napari_sam2.viewer.stores import LabelStores
from napari_sam2.viewer.tools import Tools
from napari_sam2.viewer.tour import Tour
from napari_sam2.viewer.waking import waker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

    from napari_sam2.annotation.objects import Preview
    from napari_sam2.annotation.overlap import Overlap
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.sparse import SparseLabels
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.viewer.drawing import Drag

__all__ = ["Controller", "controller_for", "existing_controller"]

_TURN = 0.25
"""Logits that one click of the wheel moves the threshold by."""

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


class Controller:
    """Lets one viewer drive one session, and shows what comes of it.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    model, device, segmenter_factory
        See :class:`~napari_sam2.annotation.session.AnnotationSession`.
    """

    modes_changed = Signal()
    """Tool on or off, collect, overwrite, sharpen."""

    panel_wanted = Signal()
    """The keyboard is to go to the widget, or back from it."""

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
        self._viewer = weakref.ref(viewer)
        self._open = True
        self._waker = waker(self._process)
        self.session = AnnotationSession(
            model,
            device,
            wake=None if self._waker is None else self._waker.wake,
            segmenter_factory=segmenter_factory,
            make_labels=self._make_store,
            show_labels=self._show_labels,
            journals=Journals(_journal_place),
            embeddings=EmbeddingFiles(_cache_size),
        )
        # A viewer that nobody closed takes its session with it.
        self._finalizer = weakref.finalize(viewer, _abandon, self.session)
        self._finalizer.atexit = False
        self.choices = LayerChoices(viewer)
        self.sight = Sight(self.choices)
        self.view = PlaneInView(viewer, self.choices, self.sight)
        self.stores = LabelStores(viewer, self.choices)
        self.display = display_for(viewer)
        self._palette = "object"
        self.prompts = PromptsInView(viewer, self.session, self.view)
        self.tools = Tools(self.session, self.view, self.prompts)
        self.tour = Tour(viewer, self.session, self.choices, self.view)
        self.aim = Aim()
        self.classes = Classes(self.session, self.choices)
        self.class_colors = ClassColors(self.session, self.choices, self.classes)
        self.features = LayerFeatures(self.session, self.choices)
        self.mouse = MouseGestures(viewer, self)
        self._watch: Any = None
        self._pacer: Any = None
        self._characters: Any = None
        self._connections = Connections()
        self._of_active = Connections()
        self._keys = KeyBindings(viewer, self.actions, self._is_ours)
        self._connect(viewer)
        self._on_view()
        self._on_store()
        self._on_active_layer()
        self.mouse.start()

    # ------------------------------------------------------------------ state

    @property
    def viewer(self) -> ViewerModel | None:
        """The viewer; None once it is gone."""
        return self._viewer()

    @property
    def active(self) -> bool:
        """Whether the tool is on."""
        return self.session.active

    @active.setter
    def active(self, active: bool) -> None:
        if not self._open or active == self.session.active:
            return
        self.session.active = active
        if active:
            self.mouse.start()
        else:
            self.mouse.stop()
            self.aim.leave()
        self._bind_keys()
        self.modes_changed.emit()

    @property
    def collect(self) -> bool:
        """Whether clicks refine one object until it is done."""
        return self.session.collect

    @collect.setter
    def collect(self, collect: bool) -> None:
        if self._open and collect != self.session.collect:
            self.session.collect = collect
            self.modes_changed.emit()

    @property
    def overwrite(self) -> bool:
        """Whether new objects may take pixels of others."""
        return self.session.overwrite

    @overwrite.setter
    def overwrite(self, overwrite: bool) -> None:
        if overwrite != self.session.overwrite:
            self.overlap = OVERWRITE if overwrite else PROTECT

    @property
    def overlap(self) -> Overlap:
        """Which pixels new objects may take."""
        return self.session.overlap

    @overlap.setter
    def overlap(self, overlap: Overlap) -> None:
        if self._open and overlap != self.session.overlap:
            self.session.overlap = overlap
            self.modes_changed.emit()

    @property
    def sharpen(self) -> bool:
        """Whether objects are looked at again after a click."""
        return self.session.sharpen

    @sharpen.setter
    def sharpen(self, sharpen: bool) -> None:
        if self._open and sharpen != self.session.sharpen:
            self.session.sharpen = sharpen
            self.modes_changed.emit()

    @property
    def palette(self) -> str:
        """What the mask under the mouse looks like: a name in ``PALETTES``."""
        return self._palette

    @palette.setter
    def palette(self, palette: str) -> None:
        self._palette = palette
        if self._open:
            self._on_preview(self.session.preview)

    @property
    def actions(self) -> dict[str, Callable[[], None]]:
        """What each action of the keymap does."""
        classes = {f"class_{n}": partial(Controller._name, number=n) for n in range(10)}
        acts: dict[str, Callable[..., None]] = {**_ACTIONS, **classes}
        return {name: weakly(self, act) for name, act in acts.items()}

    @property
    def painted(self) -> int | None:
        """Id of the object at hand, if it has no prompts: somebody painted it."""
        label = self.tour.at_hand
        row = None if label is None else self.session.row(label)
        return None if row is None or row.prompts is not None else label

    def color_of(self, label: int) -> npt.NDArray[np.floating[Any]]:
        """RGBA that an object has, or will have, in the labels."""
        return label_color(self.choices.labels, label)

    # ----------------------------------------------------------------- gestures

    @property
    def can_point(self) -> bool:
        """Whether the mouse is the tool's: on, in 2-D, nobody else is editing."""
        viewer = self.viewer
        return (
            self._open
            and viewer is not None
            and self.session.active
            and viewer.dims.ndisplay == 2
            and in_pan_zoom(viewer.layers.selection.active)
        )

    def hover(self, position: Sequence[float], pointing: Pointing) -> None:
        """Preview what a click at a place of the world would do."""
        place = self.view.place(position)
        pointing = self.tools.meant(pointing)
        if place is not None:
            self.session.hover(*place, pointing)
            self.prompts.hover(*place)
        # After the mask was asked for: a word must not make it wait.
        self.aim.point(self.session.plane, place, pointing, self._label_at(place))

    def _label_at(self, place: tuple[float, float] | None) -> int:
        """Id of the object at a place, where that can be had at once."""
        store = self.session.store
        # Not from disk: the mouse moves on and on.
        if place is None or not isinstance(store, LayerLabels) or not store.in_memory:
            return 0
        return self.session.label_at(*place)

    def click(self, position: Sequence[float], pointing: Pointing) -> None:
        """Carry out a click at a place of the world; outside, it means nothing."""
        place = self.view.place(position)
        plane = self.session.plane
        if place is None or plane is None or not plane.contains(*place):
            return
        self._sync_store()
        # What was zoomed to is what is clicked on, however quickly.
        self.view.settle()
        pointing = self.tools.meant(pointing)
        if pointing is Pointing.ADD:
            self.session.add(*place)
        elif pointing is Pointing.REMOVE:
            self.session.remove(*place)
        else:
            self.session.click(*place)

    def begin(self, position: Sequence[float], pointing: Pointing) -> Drag | None:
        """Say what a left drag from a place of the world would do; None: it pans."""
        self._sync_store()
        self.view.settle()
        return self.tools.begin(position, pointing)

    def scroll(self, turns: float) -> None:
        """Let the mask grow by turning the wheel up, and shrink by turning it down."""
        viewer = self.viewer
        if viewer is not None and not self._in_stroke:
            self.session.nudge_threshold(-_TURN * turns)
            viewer.status = f"Threshold {self.session.refinement.threshold:+.2f}"

    def leave(self) -> None:
        """Drop the preview."""
        self.aim.leave()
        if self.session.preview is not None:
            self.session.leave()

    def released(self) -> None:
        """A stroke may have ended: answers that waited for it may be ready."""
        if self._waker is not None:
            self._waker.wake()

    # ------------------------------------------------------------------ actions

    def done(self) -> None:
        """Finish the current object."""
        if not self._in_stroke:
            self.tour.forget()
            self.session.done()

    def drop(self) -> None:
        """Forget what is unfinished; first of all what is being drawn."""
        if not self.mouse.cancel_drag() and not self._in_stroke:
            self.session.any_candidate()
            self.tour.forget()
            self.session.drop()

    def undo(self) -> None:
        """Take the last change back."""
        if not self._in_stroke:
            self.session.undo(self._labels_at_hand)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if not self._in_stroke:
            self.session.redo(self._labels_at_hand)

    def help(self) -> None:
        """Show all keys and gestures over the canvas, or close them."""
        viewer = self.viewer
        if viewer is not None and self._characters is not None:
            from napari_sam2.viewer.help_overlay import toggle_help

            if toggle_help(viewer) is not None:
                self.helped.emit()

    def next_object(self) -> None:
        """Go to the nearest object that is not reviewed."""
        if not self._in_stroke and self.tour.next() is None:
            self._on_notice("Every object is reviewed.")

    def last_object(self) -> None:
        """Go back to the object before."""
        if not self._in_stroke:
            self.tour.back()

    def review_and_next(self) -> None:
        """Say that the object at hand is right, and go to the next one."""
        label = self.tour.at_hand
        if self._in_stroke:
            return
        if label is not None:
            self.session.review([label])
        self.next_object()

    def delete(self) -> None:
        """Take the object at hand away."""
        label = self.tour.at_hand
        if not self._in_stroke and label is not None:
            self.session.delete([label])

    def find_anew(self) -> None:
        """Let the model find the object at hand anew, by what is painted of it."""
        label = self.tour.at_hand
        if not self._in_stroke and label is not None:
            self.session.find_label_anew(label)

    def new_labels(self) -> Labels | None:
        """Make new labels for the image and work on them."""
        image = self.choices.image
        return None if image is None else self.stores.make(image)

    def close(self) -> None:
        """Leave nothing behind but the labels. May be called twice."""
        if not self._open:
            return
        self._open = False
        viewer = self.viewer
        if viewer is not None and _CONTROLLERS.get(viewer) is self:
            del _CONTROLLERS[viewer]
        self._finalizer.detach()
        self.mouse.stop()
        self._keys.release()
        self._connections.close()
        self._of_active.close()
        # Keeps a draft, so before the labels are let go of.
        self.session.close()
        if viewer is not None and self._characters is not None:
            from napari_sam2.viewer.help_overlay import close_help

            close_help(viewer)
        for watcher in (self._watch, self._pacer, self._characters):
            if watcher is not None:
                watcher.close()
        if self._waker is not None:
            self._waker.close()
        self.display.close()
        self.tools.close()
        self.prompts.close()
        for part in (self.tour, self.features, self.class_colors, self.classes):
            part.close()
        self.stores.close()
        self.view.close()
        self.sight.close()
        self.choices.close()
        self.closed.emit()

    # -------------------------------------------------------------- connections

    def _connect(self, viewer: ViewerModel) -> None:
        add = self._connections.add
        add(KEYMAP.changed, self._bind_keys)
        add(self.view.changed, self._on_view)
        add(self.view.moved, self._on_moved)
        add(self.view.panned, self._on_panned)
        add(self.stores.changed, self._on_store)
        add(self.stores.gone, self.session.forget_labels)
        add(self.stores.notice, self._on_notice)
        # Answers that waited for the end of a stroke may be handed out.
        add(self.stores.edited, self.released)
        add(viewer.layers.selection.events.active, self._on_active_layer)
        add(viewer.events.mouse_over_canvas, self._on_mouse_over_canvas)
        add(self.tools.changed, self._on_tools)
        add(self.session.preview_changed, self._on_preview)
        add(self.session.objects_changed, self._on_objects)
        add(self.classes.changed, self._bind_keys)
        add(self.session.failed, self._on_failed)
        add(self.session.notice, self._on_notice)
        if self._waker is not None:
            self._watch_canvas(viewer)

    def _watch_canvas(self, viewer: ViewerModel) -> None:
        from napari_sam2.viewer.canvas import CanvasWatch, native_canvas
        from napari_sam2.viewer.character_keys import CharacterKeys
        from napari_sam2.viewer.pacing import FramePacer

        canvas = native_canvas(viewer)
        if canvas is not None:
            mouse, session = self.mouse, self.session
            self._pacer = FramePacer(
                canvas.window() or canvas, lambda: session.preview_coming
            )
            changed = weakly(self, Controller._on_modifiers)
            self._watch = CanvasWatch(
                canvas,
                lambda: mouse.seen,
                changed,
                weakly(self, Controller._on_space),
            )
            self._characters = CharacterKeys(canvas, self._keys.press_character)

    def _on_view(self) -> None:
        if not self._open:
            return
        reason = self.view.obstacle
        if reason is None:
            plane, image = self.view.plane, self.choices.image
            self.session.set_plane(plane, self.view.visible)
            if plane is None and image is not None:
                reason = f"The sliders are outside of “{image.name}”"
        # In a display without planes the last one stays, to come back to.
        self.session.set_unavailable(reason)

    def _on_panned(self) -> None:
        # In a display without planes the last view stays, to come back to.
        if self._open and self.view.obstacle is None:
            self.session.look_at(self.view.visible)

    def _on_moved(self) -> None:
        self.session.leave()

    def _on_store(self) -> None:
        self.session.set_labels(self.stores.current)

    def _make_store(self, plane: Plane) -> LayerLabels:
        return self.stores.make_for(plane, self.view.image_of(plane))

    def _show_labels(self, labels: SparseLabels, plane: Plane) -> LayerLabels:
        return self.stores.show(labels, self.view.image_of(plane))

    def _on_active_layer(self) -> None:
        self._of_active.close()
        viewer = self.viewer
        layer = None if viewer is None else viewer.layers.selection.active
        mode = getattr(getattr(layer, "events", None), "mode", None)
        if mode is not None:
            self._of_active.add(mode, self._on_mode)
        self._on_mode()

    def _on_mode(self) -> None:
        if not self.can_point:
            self.leave()
        self._bind_keys()

    def _on_mouse_over_canvas(self) -> None:
        viewer = self.viewer
        if viewer is not None and not viewer.mouse_over_canvas:
            self.mouse.forget()
            self.aim.leave()
            self.session.leave()

    def _on_modifiers(self, shift: bool, alt: bool) -> None:
        add = Pointing.ADD if shift else Pointing.NEW
        self.mouse.point_again(Pointing.REMOVE if alt and not shift else add)

    def _on_space(self, held: bool) -> None:
        self.tools.panning = held

    def _on_tools(self) -> None:
        # What a click would do here is another thing now.
        self.mouse.point_again_as_before()

    def _on_preview(self, preview: Preview | None) -> None:
        image = self.choices.image
        geometry = self.view.geometry
        if preview is None or image is None or geometry is None:
            self.display.hide()
            return
        color = self.color_of(preview.label)
        self.display.show(drawing(preview, geometry, color, self._palette), image)

    def _on_failed(self, error: Exception) -> None:
        from napari.utils.notifications import show_error

        show_error(str(error))

    def _on_objects(self) -> None:
        # The answer to a click took away the preview, and with it what was asked
        # for at the place where the mouse has gone since.
        self.mouse.point_on()

    def _on_notice(self, text: str) -> None:
        self.mouse.point_on()
        viewer = self.viewer
        if viewer is not None:
            viewer.status = text

    # --------------------------------------------------------------------- work

    @property
    def _in_stroke(self) -> bool:
        store = self.session.store
        return isinstance(store, LayerLabels) and store.busy

    def _process(self) -> None:
        # What an answer writes must not become a part of the user's stroke.
        if self._open and not self._in_stroke:
            self.session.process()
            self._sync_store()
        if self._pacer is not None:
            self._pacer.release()

    def _sync_store(self) -> None:
        """Come back to the labels of this image.

        The answer to a click on an image that was left may have made new ones
        for that.
        """
        store, wanted = self.session.store, self.stores.current
        if isinstance(store, LayerLabels) and store is not wanted:
            self.session.set_labels(wanted)

    def _bind_keys(self) -> None:
        if self._open:
            self._keys.bind(active=self.session.active, more=self.classes.actions)

    def _is_ours(self, layer: Layer) -> bool:
        return self.stores.known(layer) is not None

    @property
    def _labels_at_hand(self) -> LayerLabels | None:
        """Labels that are selected, if they have a history here."""
        viewer = self.viewer
        active = None if viewer is None else viewer.layers.selection.active
        return self.stores.known(active)

    def _name(self, number: int) -> None:
        if not self._in_stroke:
            self.classes.choose(number)

    def _toggle(self) -> None:
        self.active = not self.active

    def _to_panel(self) -> None:
        self.panel_wanted.emit()

    def _toggle_collect(self) -> None:
        self.collect = not self.collect

    def _toggle_overwrite(self) -> None:
        self.overwrite = not self.overwrite

    def _toggle_sharpen(self) -> None:
        self.sharpen = not self.sharpen

    def _remove_prompt(self) -> None:
        if not self._in_stroke:
            self.tools.remove_under()

    def _edit(self) -> None:
        place = self._pointed_at
        if place is not None:
            self.session.edit_at(*place)

    def _find_anew(self) -> None:
        place = self._pointed_at
        if place is not None:
            self.session.find_anew(*place)

    @property
    def _pointed_at(self) -> tuple[float, float] | None:
        """Place of the plane under the mouse."""
        last = self.mouse.last
        usable = self.can_point and not self._in_stroke
        return self.view.place(last) if usable and last is not None else None

    def _next_candidate(self) -> None:
        if not self._in_stroke:
            self.session.next_candidate()

    def _toggle_polarity(self) -> None:
        self.tools.removes = not self.tools.removes


def _take(controller: Controller, tool: Tool) -> None:
    controller.tools.tool = tool


_ACTIONS: dict[str, Callable[[Controller], None]] = {
    "toggle": Controller._toggle,
    "help": Controller.help,
    "panel": Controller._to_panel,
    "done": Controller.done,
    "drop": Controller.drop,
    "undo": Controller.undo,
    "redo": Controller.redo,
    "delete": Controller.delete,
    "next": Controller.next_object,
    "back": Controller.last_object,
    "review": Controller.review_and_next,
    "collect": Controller._toggle_collect,
    "overwrite": Controller._toggle_overwrite,
    "sharpen": Controller._toggle_sharpen,
    "point": partial(_take, tool=Tool.POINT),
    "box": partial(_take, tool=Tool.BOX),
    "scribble": partial(_take, tool=Tool.SCRIBBLE),
    "lasso": partial(_take, tool=Tool.LASSO),
    "polarity": Controller._toggle_polarity,
    "unprompt": Controller._remove_prompt,
    "candidate": Controller._next_candidate,
    "edit": Controller._edit,
    "find_anew": Controller._find_anew,
}


def _journal_place() -> JournalPlace:
    return JournalPlace(preferences()["journal"])


def _cache_size() -> float:
    kept = preferences()
    return kept["embedding_cache_size"] if kept["embedding_cache"] else 0.0


def _abandon(session: AnnotationSession) -> None:
    """Close a session whose viewer is gone, and with it who listened."""
    for name in ("status", "preview", "current", "objects", "history", "model"):
        getattr(session, f"{name}_changed").disconnect()
    session.touched.disconnect()
    session.category_changed.disconnect()
    session.notice.disconnect()
    session.failed.disconnect()
    session.close()
