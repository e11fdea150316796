"""Gestures: hover, click and drag, told apart.

Everything is bound to the viewer, not to a layer, so that it works whichever
layer is active; and nothing is done while the mouse belongs to somebody else, a
brush, say. A left drag pans and a right drag zooms, as everywhere in napari, unless
there is something to draw or to move with the left one.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Protocol

from napari_sam2.annotation.objects import Pointing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from napari.components import ViewerModel

    from napari_sam2.viewer.drawing import Drag

__all__ = ["MouseGestures", "PointingTarget", "click_means", "hover_means", "press"]

_DRAG = 5.0
"""Pixels of the screen that a shaky hand may move within a click."""

_LEFT, _RIGHT = 1, 2
_SCROLL = {"Shift"}


class PointingTarget(Protocol):
    """What gestures act on."""

    @property
    def can_point(self) -> bool:
        """Whether the mouse is the tool's now."""

    def hover(self, position: Sequence[float], pointing: Pointing) -> None:
        """Take notice that the mouse is here, in world coordinates."""

    def click(self, position: Sequence[float], pointing: Pointing) -> None:
        """Act on a click, in world coordinates."""

    def begin(self, position: Sequence[float], pointing: Pointing) -> Drag | None:
        """Say what a left drag from here would do; None: it pans."""

    def scroll(self, turns: float) -> None:
        """Act on the wheel while Shift is held: so many clicks of it, up or down."""

    def leave(self) -> None:
        """Take notice that the mouse is nowhere of interest."""

    def released(self) -> None:
        """Take notice that a button was let go."""


def hover_means(modifiers: Collection[Any]) -> Pointing:
    """Say what a left click would do while some keys are held."""
    if "Shift" in modifiers:
        return Pointing.ADD
    return Pointing.REMOVE if "Alt" in modifiers else Pointing.NEW


def click_means(button: int, modifiers: Collection[Any]) -> Pointing | None:
    """Say what a click does; None if it is none of ours."""
    if button == _RIGHT:
        return Pointing.REMOVE
    # Ctrl+click is left to others.
    if button == _LEFT and "Control" not in modifiers and "Meta" not in modifiers:
        return hover_means(modifiers)
    return None


def press(
    event: Any,
    clicked: Callable[[Sequence[float], Pointing], None],
    begin: Callable[[Sequence[float], Pointing], Drag | None] | None = None,
) -> Generator[None, None, None]:
    """Follow the mouse from a press to its release, and tell a click from a drag.

    Advanced by ``next``, with ``event`` changed in place before each step: once
    for the press, once for every move, once for the release.

    Parameters
    ----------
    event : mouse event of napari
        With ``type``, ``pos`` (canvas), ``position`` (world), ``button`` and
        ``modifiers``.
    clicked : callable
        Called with the place of the press, since a hand that shakes while it
        clicks drags the image along.
    begin : callable, optional
        Called with the same at the press of the left button. Where it returns
        something to do by a drag, the image stays where it is.
    """
    start, place = tuple(event.pos), tuple(event.position)
    pointing = click_means(event.button, event.modifiers)
    drag = None
    if begin is not None and pointing is not None and event.button == _LEFT:
        drag = begin(place, pointing)
    dragged = False
    while True:
        dragged = dragged or _distance(start, event.pos) > _DRAG
        if drag is not None:
            # napari's camera leaves an event alone that is handled.
            event.handled = True
            if dragged:
                drag.move(tuple(event.position))
        if event.type not in ("mouse_press", "mouse_move"):
            break
        yield
    if drag is not None and dragged:
        drag.end()
    elif pointing is not None and not dragged and not (drag and drag.click()):
        clicked(place, pointing)


class MouseGestures:
    """The gestures of one viewer while the tool is on.

    Parameters
    ----------
    viewer : ViewerModel
        Where the mouse is.
    target : PointingTarget
        What to act on; not kept alive.
    """

    def __init__(self, viewer: ViewerModel, target: PointingTarget) -> None:
        self._viewer = weakref.ref(viewer)
        self._target = weakref.ref(target)
        self._zoom: list[tuple[int, Any]] = []
        self._alt_zoom: list[tuple[int, Any]] = []
        self._last: tuple[float, ...] | None = None
        self._meaning = Pointing.NEW
        self._clicked: tuple[float, ...] | None = None
        self._drag: _Cancellable | None = None
        self.seen: tuple[float, float] | None = None
        """Place on the canvas of the last event that came through."""
        self._on = False

    @property
    def last(self) -> tuple[float, ...] | None:
        """Place of the world where the mouse is; None if it is elsewhere."""
        return self._last

    def start(self) -> None:
        """Listen to the mouse."""
        viewer = self._viewer()
        if self._on or viewer is None:
            return
        self._on = True
        viewer.mouse_move_callbacks.append(self._on_move)
        # Before napari's own: an Alt + drag that draws does not zoom.
        self._alt_zoom = _taken_out(viewer.mouse_drag_callbacks, "drag_to_zoom")
        viewer.mouse_drag_callbacks.insert(0, self._on_press)
        viewer.mouse_drag_callbacks.append(self._on_alt_zoom)
        viewer.mouse_wheel_callbacks.append(self._on_wheel)
        # A double click is a second click; its zoom would throw the place away.
        callbacks = viewer.mouse_double_click_callbacks
        self._zoom = _taken_out(callbacks, "double_click_to_zoom")
        callbacks.append(self._on_double_click)

    def stop(self) -> None:
        """Leave the mouse as it was."""
        viewer = self._viewer()
        if not self._on or viewer is None:
            return
        self._on = False
        self._last = None
        for callbacks, ours in (
            (viewer.mouse_move_callbacks, self._on_move),
            (viewer.mouse_drag_callbacks, self._on_press),
            (viewer.mouse_drag_callbacks, self._on_alt_zoom),
            (viewer.mouse_wheel_callbacks, self._on_wheel),
            (viewer.mouse_double_click_callbacks, self._on_double_click),
        ):
            if ours in callbacks:
                callbacks.remove(ours)
        _put_back(viewer.mouse_double_click_callbacks, self._zoom)
        _put_back(viewer.mouse_drag_callbacks, self._alt_zoom)
        self._zoom, self._alt_zoom = [], []

    def point_again(self, pointing: Pointing) -> None:
        """Look anew at the place of the mouse: a key was pressed or let go."""
        target = self._target()
        self._meaning = pointing
        if self._drag is not None and self._drag.going_on:
            return
        if self._last is not None and target is not None and target.can_point:
            target.hover(self._last, pointing)

    def point_again_as_before(self) -> None:
        """Look anew at the place of the mouse: what it means has changed."""
        self.point_again(self._meaning)

    def point_on(self) -> None:
        """Look anew at the place of the mouse, if it has gone on since it clicked.

        Where it clicked, what it clicked on is what there is to see.
        """
        if self._last is not None and self._last != self._clicked:
            self.point_again(self._meaning)

    def cancel_drag(self) -> bool:
        """Forget what is being drawn; says whether anything was."""
        if self._drag is None or not self._drag.going_on:
            return False
        self._drag.cancel()
        return True

    def forget(self) -> None:
        """The mouse has left the canvas."""
        self._last = None

    def _on_move(self, _: ViewerModel, event: Any) -> None:
        self.seen = (float(event.pos[0]), float(event.pos[1]))
        target = self._target()
        if target is None:
            return
        if not target.can_point:
            self._last = None
            target.leave()
            return
        self._last = tuple(event.position)
        self._meaning = hover_means(event.modifiers)
        target.hover(self._last, self._meaning)

    def _on_press(self, _: ViewerModel, event: Any) -> Generator[None, None, None]:
        target = self._target()
        if target is None:
            return
        if target.can_point:
            yield from press(event, self._click, self._begin)
            if self._drag is not None and self._drag.moved:
                # What was drawn is what there is to see here.
                self._last = self._clicked = tuple(event.position)
            self._drag = None
        else:
            yield
            while event.type == "mouse_move":
                yield
        target.released()

    def _on_alt_zoom(
        self, viewer: ViewerModel, event: Any
    ) -> Generator[None, None, None]:
        if self._drag is None:
            for _, callback in self._alt_zoom:
                yield from callback(viewer, event)

    def _on_wheel(self, _: ViewerModel, event: Any) -> None:
        target = self._target()
        # Alone, with Control and with Alt, the wheel is napari's.
        if target is None or not target.can_point or set(event.modifiers) != _SCROLL:
            return
        # With Shift held, macOS turns the wheel's direction.
        across, up = event.delta
        target.scroll(float(up or across))

    def _on_double_click(self, viewer: ViewerModel, event: Any) -> None:
        target = self._target()
        if target is None:
            return
        if not target.can_point:
            for _, callback in self._zoom:
                callback(viewer, event)
            return
        pointing = click_means(event.button, event.modifiers)
        if pointing is not None:
            self._click(tuple(event.position), pointing)

    def _begin(self, position: Sequence[float], pointing: Pointing) -> Drag | None:
        target = self._target()
        drag = None if target is None else target.begin(position, pointing)
        self._drag = None if drag is None else _Cancellable(drag)
        return self._drag

    def _click(self, position: Sequence[float], pointing: Pointing) -> None:
        target = self._target()
        self._clicked = tuple(position)
        if target is not None:
            target.click(position, pointing)


class _Cancellable:
    """A drag that is over, for others, before the button is let go."""

    def __init__(self, drag: Drag) -> None:
        self._drag: Drag | None = drag
        self.moved = False

    def click(self) -> bool:
        return self._drag is not None and self._drag.click()

    def move(self, position: Sequence[float]) -> None:
        self.moved = True
        if self._drag is not None:
            self._drag.move(position)

    def end(self) -> None:
        if self._drag is not None:
            self._drag.end()

    @property
    def going_on(self) -> bool:
        return self.moved and self._drag is not None

    def cancel(self) -> None:
        if self._drag is not None:
            self._drag.cancel()
            self._drag = None


def _taken_out(callbacks: list[Any], name: str) -> list[tuple[int, Any]]:
    """Take callbacks of napari's out of a list, and return their places with them."""
    found = [
        (place, callback)
        for place, callback in enumerate(callbacks)
        if getattr(callback, "__name__", "") == name
    ]
    for _, callback in found:
        callbacks.remove(callback)
    return found


def _put_back(callbacks: list[Any], taken: list[tuple[int, Any]]) -> None:
    for place, callback in taken:
        if callback not in callbacks:
            callbacks.insert(place, callback)


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return float(abs(one[0] - other[0]) + abs(one[1] - other[1]))
