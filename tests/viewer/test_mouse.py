"""Clicks, drags and double clicks, told apart without a window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from napari.utils.interactions import (
    mouse_double_click_callbacks,
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
    mouse_wheel_callbacks,
)

from napari_sam2.annotation.objects import Pointing
from napari_sam2.viewer.mouse import MouseGestures, click_means, hover_means, press

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Target:
    """Writes down what reaches it."""

    def __init__(self) -> None:
        self.can_point = True
        self.told: list[Any] = []
        self.drag: Any = None

    def hover(self, position: Any, pointing: Pointing) -> None:
        self.told.append(("hover", tuple(position), pointing))

    def click(self, position: Any, pointing: Pointing) -> None:
        self.told.append(("click", tuple(position), pointing))

    def begin(self, position: Any, pointing: Pointing) -> Any:
        self.told.append(("begin", tuple(position), pointing))
        return self.drag

    def scroll(self, turns: float) -> None:
        self.told.append(("scroll", turns))

    def leave(self) -> None:
        self.told.append("leave")

    def released(self) -> None:
        self.told.append("released")


def event(kind: str, pos: tuple[float, float] = (50, 50), **more: Any) -> Any:
    fields = {"button": 1, "modifiers": (), "is_dragging": False, **more}
    position = (pos[1] / 10, pos[0] / 10)
    return SimpleNamespace(type=kind, pos=pos, position=position, **fields)


@pytest.mark.parametrize(
    ("button", "modifiers", "meaning"),
    [
        (1, (), Pointing.NEW),
        (1, ("Shift",), Pointing.ADD),
        (1, ("Alt",), Pointing.REMOVE),
        (2, (), Pointing.REMOVE),
        (2, ("Shift",), Pointing.REMOVE),
        (1, ("Control",), None),
        (3, (), None),
    ],
)
def test_what_a_click_means(
    button: int, modifiers: tuple[str, ...], meaning: Pointing | None
) -> None:
    assert click_means(button, modifiers) is meaning


def test_the_preview_shows_what_a_click_would_do() -> None:
    for modifiers in ((), ("Shift",), ("Alt",)):
        assert hover_means(modifiers) is click_means(1, modifiers)


@pytest.mark.parametrize(
    ("path", "clicks"),
    [
        ([], True),
        ([(52, 51)], True),  # a shaky hand
        ([(52, 51), (50, 50)], True),
        ([(70, 50)], False),
        ([(70, 50), (50, 50)], False),  # out and back is a drag still
    ],
)
def test_a_click_is_told_from_a_drag(
    path: list[tuple[float, float]], clicks: bool
) -> None:
    clicked: list[Any] = []
    moving = event("mouse_press")
    following = press(moving, lambda *told: clicked.append(told))
    next(following)
    for place in path:
        moving.type, moving.pos = "mouse_move", place
        next(following)
    moving.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(following)
    assert clicked == ([((5.0, 5.0), Pointing.NEW)] if clicks else [])


class Drag:
    """Writes down what is drawn."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.takes_clicks = False

    def click(self) -> bool:
        return self.takes_clicks

    def move(self, position: Any) -> None:
        self.told.append(tuple(position))

    def end(self) -> None:
        self.told.append("end")

    def cancel(self) -> None:
        self.told.append("cancel")


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def gestures(viewer: ViewerModel, target: Target) -> MouseGestures:
    gestures = MouseGestures(viewer, target)
    gestures.start()
    return gestures


def send(viewer: ViewerModel, happening: Any) -> None:
    """Hand an event to napari's own machinery."""
    from napari.utils._proxies import ReadOnlyWrapper

    wrapped = ReadOnlyWrapper(happening, exceptions=("handled",))
    {
        "mouse_press": mouse_press_callbacks,
        "mouse_move": mouse_move_callbacks,
        "mouse_release": mouse_release_callbacks,
        "mouse_double_click": mouse_double_click_callbacks,
    }[happening.type](viewer, wrapped)


def test_a_double_click_is_a_second_click_and_does_not_zoom(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    zoom = viewer.scene.camera.zoom
    for kind in ("mouse_press", "mouse_release", "mouse_double_click", "mouse_release"):
        send(viewer, event(kind))
    clicks = [told for told in target.told if told[0] == "click"]
    assert clicks == [("click", (5.0, 5.0), Pointing.NEW)] * 2
    assert viewer.scene.camera.zoom == zoom


def test_while_somebody_else_has_the_mouse_nothing_is_pointed_at(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    target.can_point = False
    zoom = viewer.scene.camera.zoom
    for kind in ("mouse_move", "mouse_press", "mouse_release"):
        send(viewer, event(kind))
    assert target.told == ["leave", "released"]
    send(viewer, event("mouse_double_click"))
    assert viewer.scene.camera.zoom == 2 * zoom


def test_a_key_looks_anew_at_the_place_of_the_mouse(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    gestures.point_again(Pointing.ADD)
    assert target.told == []
    send(viewer, event("mouse_move"))
    gestures.point_again(Pointing.ADD)
    assert target.told[-1] == ("hover", (5.0, 5.0), Pointing.ADD)
    gestures.forget()
    gestures.point_again(Pointing.NEW)
    assert target.told[-1] == ("hover", (5.0, 5.0), Pointing.ADD)


def test_the_mouse_is_left_as_it_was(viewer: ViewerModel, target: Target) -> None:
    def callbacks() -> list[list[Any]]:
        return [
            list(viewer.mouse_move_callbacks),
            list(viewer.mouse_drag_callbacks),
            list(viewer.mouse_double_click_callbacks),
        ]

    viewer.mouse_double_click_callbacks.append(print)
    before = callbacks()
    gestures = MouseGestures(viewer, target)
    for _ in range(2):
        gestures.start()
        gestures.start()
        assert callbacks() != before
        gestures.stop()
        gestures.stop()
        assert callbacks() == before


def drag(viewer: ViewerModel, *path: tuple[float, float]) -> list[bool]:
    """Press, move and release, and say which events were kept from the camera."""
    kinds = ["mouse_press", *["mouse_move"] * (len(path) - 1), "mouse_release"]
    handled = []
    for kind, pos in zip(kinds, (*path, path[-1]), strict=True):
        happening = event(kind, pos, is_dragging=True, handled=False)
        send(viewer, happening)
        handled.append(happening.handled)
    return handled


def test_what_can_be_drawn_does_not_pan(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    target.drag = Drag()
    assert all(drag(viewer, (50, 50), (52, 50), (70, 50)))
    # A hand that shakes does not draw, and the place of the release counts.
    assert target.drag.told == [(5.0, 7.0), (5.0, 7.0), "end"]
    assert [told[0] for told in target.told[:-1]] == ["begin"]


def test_a_press_without_a_drag_is_a_click_with_any_tool(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    target.drag = Drag()
    drag(viewer, (50, 50), (52, 50))
    assert target.drag.told == []
    click = ("click", (5.0, 5.0), Pointing.NEW)
    assert target.told.count(click) == 1
    # Unless it is about what lies there.
    target.drag.takes_clicks = True
    drag(viewer, (50, 50), (52, 50))
    assert target.told.count(click) == 1


def test_what_is_cancelled_is_not_drawn_and_no_click(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    target.drag = Drag()
    assert not gestures.cancel_drag()
    send(viewer, event("mouse_press", handled=False))
    send(viewer, event("mouse_move", (80, 50), is_dragging=True, handled=False))
    assert gestures.cancel_drag()
    assert not gestures.cancel_drag()
    send(viewer, event("mouse_release", (90, 50), handled=False))
    assert target.drag.told == [(5.0, 8.0), "cancel"]
    assert "click" not in [told[0] for told in target.told]


def test_without_anything_to_draw_the_camera_has_the_drag(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    assert not any(drag(viewer, (50, 50), (90, 50)))


def test_the_right_button_draws_nothing(
    viewer: ViewerModel, target: Target, gestures: MouseGestures
) -> None:
    send(viewer, event("mouse_press", button=2, handled=False))
    assert target.told == []


@pytest.mark.parametrize(
    ("modifiers", "delta", "told"),
    [
        (("Shift",), (0, 1), [("scroll", 1.0)]),
        # macOS turns the wheel's direction while Shift is held.
        (("Shift",), (-2, 0), [("scroll", -2.0)]),
        ((), (0, 1), []),
        (("Control",), (0, 1), []),
        (("Shift", "Alt"), (0, 1), []),
    ],
)
def test_the_wheel_is_the_tools_with_shift_alone(
    viewer: ViewerModel,
    target: Target,
    gestures: MouseGestures,
    modifiers: tuple[str, ...],
    delta: tuple[float, float],
    told: list[Any],
) -> None:
    wheel = SimpleNamespace(inverted=lambda: False)
    turning = event("mouse_wheel", modifiers=modifiers, delta=delta, native=wheel)
    mouse_wheel_callbacks(viewer, turning)
    assert target.told == told
