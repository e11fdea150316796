"""The hand of the demonstration does what a user's would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_sam2.demo.robot import Robot, TooSlow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import napari
    from napari.layers import Labels


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., napari.Viewer]) -> napari.Viewer:
    return make_napari_viewer(show=True)


@pytest.fixture
def layer(viewer: napari.Viewer) -> Labels:
    return viewer.add_labels(
        np.zeros((300, 400), np.uint8), scale=(2, 0.5), translate=(100, -50)
    )


@pytest.fixture
def robot(viewer: napari.Viewer, layer: Labels) -> Iterator[Robot]:
    robot = Robot(viewer, layer)
    viewer.reset_view()
    robot.wait(lambda: layer.loaded, "The layer is drawn")
    yield robot
    # pytest keeps it for longer than napari lets anybody keep a window.
    vars(robot).clear()


@pytest.fixture
def events(viewer: napari.Viewer, layer: Labels) -> list[tuple[Any, ...]]:
    """What napari tells of the mouse: what, where on the layer, button, keys."""
    seen: list[tuple[Any, ...]] = []

    def note(event: Any) -> None:
        place = tuple(np.round(layer.world_to_data(event.position)).astype(int))
        modifiers = {str(modifier.name) for modifier in event.modifiers}
        seen.append((event.type, place, event.button, modifiers))

    def on_move(_: object, event: Any) -> None:
        note(event)

    def on_press(_: object, event: Any) -> Iterator[None]:
        note(event)
        yield
        note(event)

    viewer.mouse_move_callbacks.append(on_move)
    viewer.mouse_drag_callbacks.append(on_press)
    return seen


def test_it_points_at_pixels_of_a_layer_that_is_stretched(
    robot: Robot, events: list[tuple[Any, ...]]
) -> None:
    robot.move(120, 300)
    robot.wait(lambda: events, "The move arrives")
    kind, place, _, _ = events[-1]
    assert kind == "mouse_move"
    np.testing.assert_allclose(place, (120, 300), atol=2)


@pytest.mark.parametrize(
    ("options", "button", "modifiers"),
    [
        ({}, 1, set()),
        ({"shift": True}, 1, {"Shift"}),
        ({"right": True}, 2, set()),
    ],
)
def test_a_click_is_press_and_release(
    robot: Robot,
    events: list[tuple[Any, ...]],
    options: dict[str, bool],
    button: int,
    modifiers: set[str],
) -> None:
    robot.click(120, 300, **options)
    robot.wait(lambda: events and events[-1][0] == "mouse_release", "The click arrives")
    press, release = events[-2:]
    assert (press[0], press[2], press[3]) == ("mouse_press", button, modifiers)
    np.testing.assert_allclose(press[1], (120, 300), atol=2)
    assert release[:2] == ("mouse_release", press[1])


def test_a_key_reaches_the_layer(robot: Robot, layer: Labels) -> None:
    layer.data_setitem((np.array([1]), np.array([2])), 3)
    robot.press(Qt.Key.Key_Z, control=True)
    robot.wait(lambda: not np.any(layer.data), "Ctrl+Z takes it back")
    robot.press(Qt.Key.Key_Z, control=True, shift=True)
    robot.wait(lambda: np.any(layer.data), "Ctrl+Shift+Z redoes it")


def test_what_does_not_happen_is_told(robot: Robot) -> None:
    with pytest.raises(TooSlow, match="The moon falls: not within"):
        robot.wait(lambda: False, "The moon falls", seconds=0.05)


def test_the_time_runs_from_the_gesture(robot: Robot) -> None:
    done: list[int] = []
    assert robot.timed(lambda: done.append(1), lambda: done, "It is done") >= 0
    assert done == [1]
