"""A viewer that drives a session, without a window."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.key_bindings import coerce_keybinding

from napari_sam2.annotation.objects import Pointing
from napari_sam2.annotation.status import Phase
from napari_sam2.errors import ImageError
from napari_sam2.viewer.controller import controller_for
from tests.viewer.conftest import A, B, C
from tests.viewer.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.viewer.controller import Controller


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user was shown as an error."""
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    return shown


def iou(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float((one & other).sum() / (one | other).sum())


def phase(controller: Controller) -> Phase:
    return controller.session.status.phase


def wait_for_encoding(controller: Controller, segmenter: FakeSegmenter) -> None:
    """Process answers until an encode runs."""
    for _ in range(100):
        if segmenter.encoding.wait(0.05):
            return
        controller.session.process()
    raise TimeoutError


# ------------------------------------------------------------------- the loop


def test_a_click_makes_the_labels_and_leaves_the_selection_alone(
    viewer: ViewerModel, controller: Controller
) -> None:
    image = viewer.layers["cells"]
    assert list(viewer.layers) == [image]
    controller.pointer.click(image.data_to_world(A), Pointing.NEW)
    controller.session.wait()
    labels = viewer.layers["cells · labels"]
    assert labels.data.dtype == np.uint16
    assert iou(labels.data == 1, image.data == 100) > 0.97
    assert viewer.layers.selection.active is image
    assert controller.choices.labels is labels


def test_keep_brush_undo_undo_leaves_every_byte_as_it_was(
    viewer: ViewerModel, controller: Controller
) -> None:
    data = np.zeros((200, 240), np.uint16)
    data[10:20, 200:230] = 40
    labels = viewer.add_labels(data)
    assert controller.choices.labels is labels
    before = labels.data.tobytes()
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    kept = labels.data.tobytes()
    labels.brush_size = 15
    with labels.block_history():
        labels.paint((60, 70), 7)
        labels.paint((15, 210), 7)
    assert labels.data.tobytes() != kept
    controller.commands.undo()
    assert labels.data.tobytes() == kept
    controller.commands.undo()
    assert labels.data.tobytes() == before
    controller.commands.redo()
    controller.commands.redo()
    assert {7, 40, 41} <= set(np.unique(labels.data))


def test_a_stroke_on_labels_that_are_not_chosen_is_in_their_history(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    first = controller.choices.labels
    assert first is not None
    second = controller.workspace.new_labels()
    first.paint((20, 20), 9)
    viewer.layers.selection.active = second
    controller.choices.labels = first
    assert controller.session.can_undo
    controller.session.undo()
    assert set(np.unique(first.data)) == {0, 1}
    controller.session.undo()
    assert not first.data.any()


def test_undo_is_that_of_the_labels_that_are_selected_also_with_the_tool_off(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.pointer.click(A, Pointing.NEW)
    controller.pointer.click(B, Pointing.NEW)
    controller.session.wait()
    labels = controller.choices.labels
    assert labels is not None
    viewer.layers.selection.active = labels
    controller.modes.active = False
    labels.keymap[coerce_keybinding("Control-Z")](labels)
    # It is not napari's, which would leave an object without pixels.
    assert set(controller.session.objects) == {1}
    assert set(np.unique(labels.data)) == {0, 1}
    controller.modes.active = True
    controller.commands.redo()
    assert set(controller.session.objects) == {1, 2}


def test_naparis_own_undo_harms_nothing(
    viewer: ViewerModel, controller: Controller
) -> None:
    for place in (A, B):
        controller.pointer.click(place, Pointing.NEW)
    controller.session.wait()
    labels = controller.choices.labels
    assert labels is not None
    labels.undo()
    assert set(np.unique(labels.data)) == {0, 1}
    controller.commands.undo()
    controller.commands.undo()
    assert not labels.data.any()
    controller.pointer.click(C, Pointing.NEW)
    controller.session.wait()
    assert np.count_nonzero(labels.data)


def test_answers_wait_for_the_end_of_a_stroke(
    viewer: ViewerModel, controller: Controller
) -> None:
    labels = controller.workspace.new_labels()
    assert labels is not None
    with labels.block_history():
        labels.paint((100, 100), 5)
        controller.pointer.click(A, Pointing.NEW)
        controller.session._inference.wait_for_answer(5)
        controller._process()
        controller.commands.undo()
        assert set(np.unique(labels.data)) == {0, 5}
    controller.session.wait()
    assert len(controller.session.objects) == 1
    labels.undo()
    labels.undo()
    assert not labels.data.any()


def test_the_preview_has_the_color_that_the_object_gets(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.pointer.hover(B, Pointing.NEW)
    controller.session.wait()
    promised = controller.preview.display.shown
    assert promised is not None
    controller.pointer.click(B, Pointing.NEW)
    controller.session.wait()
    labels = controller.choices.labels
    assert labels is not None
    assert promised.color == pytest.approx(labels.get_color(1)[:3])
    labels.show_selected_label = True
    assert controller.workspace.color_of(9)[3] == 1


def test_a_click_outside_of_the_image_means_nothing(
    viewer: ViewerModel, controller: Controller, shown: list[str]
) -> None:
    for place in [(-3, 20), (20, 240), (500, 500)]:
        controller.pointer.click(place, Pointing.NEW)
        controller.pointer.hover(place, Pointing.NEW)
    controller.session.wait()
    assert controller.session.objects == {}
    assert controller.preview.display.shown is None
    assert shown == []


# --------------------------------------------------------------- layer choices


def test_selecting_another_image_works_on_it_and_coming_back_on_the_old_labels(
    viewer: ViewerModel, controller: Controller, image: np.ndarray[Any, Any]
) -> None:
    first = viewer.layers["cells"]
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    second = viewer.add_image(image[::-1].copy(), name="others")
    assert controller.choices.image is second
    assert controller.choices.labels is None
    controller.session.wait()
    controller.pointer.click((200 - 1 - A[0], A[1]), Pointing.NEW)
    controller.session.wait()
    assert controller.choices.labels is viewer.layers["others · labels"]
    viewer.layers.selection.active = first
    assert controller.choices.labels is viewer.layers["cells · labels"]
    assert list(controller.session.objects) == [1]
    assert controller.session.can_undo
    controller.commands.undo()
    assert not viewer.layers["cells · labels"].data.any()
    assert viewer.layers["others · labels"].data.any()


def test_the_answer_to_a_click_on_an_image_that_was_left_makes_its_labels(
    viewer: ViewerModel,
    controller: Controller,
    image: np.ndarray[Any, Any],
    segmenter: FakeSegmenter,
) -> None:
    segmenter.seconds = 0.05
    cells = viewer.layers["cells"]
    others = viewer.add_image(image[::-1].copy(), name="others")
    controller.session.wait()
    viewer.layers.selection.active = cells
    controller.session.wait()
    controller.pointer.click(A, Pointing.NEW)
    viewer.layers.selection.active = others
    controller.session.wait()
    assert iou(viewer.layers["cells · labels"].data == 1, image == 100) > 0.97
    assert viewer.layers.selection.active is others
    assert controller.choices.labels is None
    controller.pointer.click((200 - 1 - A[0], A[1]), Pointing.NEW)
    controller.session.wait()
    assert iou(viewer.layers["others · labels"].data == 1, image[::-1] == 100) > 0.97
    viewer.layers.selection.active = cells
    assert controller.choices.labels is viewer.layers["cells · labels"]


def test_labels_that_are_there_already_are_taken(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> None:
    viewer.add_image(image)
    viewer.add_labels(np.zeros((3, 3), np.uint8), name="of something else")
    mine = viewer.add_labels(np.full(image.shape, 3, np.uint8), name="mine")
    controller = control(viewer)
    assert controller.choices.labels is mine
    assert [one.name for one in controller.choices.fitting_labels] == ["mine"]


def test_labels_that_get_other_pixels_get_another_history(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    labels = controller.choices.labels
    assert labels is not None
    other = np.zeros_like(labels.data)
    other[-9:, -9:] = 30
    labels.data = other
    assert not controller.session.can_undo
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    assert set(np.unique(labels.data)) == {0, 30, 31}


def test_labels_that_grow_keep_their_history(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> None:
    data = np.zeros(image.shape, np.uint8)
    data[-9:, -9:] = 254
    viewer.add_image(image, name="cells")
    labels = viewer.add_labels(data.copy())
    controller = control(viewer)
    for place in (A, B, C):
        controller.pointer.click(place, Pointing.NEW)
    controller.session.wait()
    assert labels.data.dtype == np.uint16
    assert set(np.unique(labels.data)) == {0, 254, 255, 256, 257}
    for _ in range(3):
        controller.commands.undo()
    np.testing.assert_array_equal(labels.data, data)


def test_selecting_labels_works_on_them(
    viewer: ViewerModel, controller: Controller
) -> None:
    first, second = controller.workspace.new_labels(), controller.workspace.new_labels()
    assert first is not None
    assert controller.choices.labels is second
    viewer.layers.selection.active = first
    assert controller.choices.labels is first
    assert controller.session.store is not None


@pytest.mark.parametrize("name", ["image", "labels"])
def test_a_layer_that_is_deleted(
    viewer: ViewerModel, controller: Controller, name: str, shown: list[str]
) -> None:
    controller.pointer.click(A, Pointing.NEW)
    controller.pointer.hover(B, Pointing.NEW)
    controller.session.wait()
    gone = getattr(controller.choices, name)
    viewer.layers.remove(gone)
    controller.pointer.hover(B, Pointing.NEW)
    controller.pointer.click(B, Pointing.NEW)
    controller.session.wait()
    if name == "image":
        assert phase(controller) is Phase.NO_IMAGE
        assert controller.preview.display.shown is None
    else:
        assert [one.name for one in viewer.layers] == ["cells", "cells · labels"]
        np.testing.assert_array_equal(np.unique(viewer.layers[1].data), [0, 1])
    assert shown == []


def test_an_image_deleted_while_it_is_encoded(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    segmenter: FakeSegmenter,
    control: Callable[[Any], Controller],
    shown: list[str],
) -> None:
    segmenter.hold_encode.clear()
    viewer.add_image(image, name="first")
    controller = control(viewer)
    wait_for_encoding(controller, segmenter)
    viewer.layers.remove("first")
    controller.session.wait()
    assert phase(controller) is Phase.NO_IMAGE
    # Nobody let it go on: it was stopped.
    assert segmenter.cancelled == 1
    segmenter.hold_encode.set()
    viewer.add_image(image, name="second")
    controller.session.wait()
    assert phase(controller) is Phase.READY
    assert shown == []


def test_an_image_renamed_while_it_is_encoded(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    segmenter: FakeSegmenter,
    control: Callable[[Any], Controller],
) -> None:
    segmenter.hold_encode.clear()
    layer = viewer.add_image(image, name="first")
    controller = control(viewer)
    controller.pointer.click(A, Pointing.NEW)
    layer.name = "renamed"
    segmenter.hold_encode.set()
    controller.session.wait()
    assert [one.name for one in viewer.layers] == ["renamed", "renamed · labels"]


def test_an_image_whose_pixels_are_replaced_while_it_is_encoded(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    segmenter: FakeSegmenter,
    control: Callable[[Any], Controller],
) -> None:
    layer = viewer.add_image(image, name="cells")
    controller = control(viewer)
    controller.session.wait()
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    segmenter.hold_encode.clear()
    layer.data = image[:100].copy()
    # Labels of the old shape fit no longer.
    assert controller.choices.labels is None
    layer.data = np.ascontiguousarray(image[::-1])
    segmenter.hold_encode.set()
    controller.session.wait()
    assert controller.choices.labels is viewer.layers["cells · labels"]
    controller.pointer.hover((200 - 1 - C[0], C[1]), Pointing.NEW)
    controller.session.wait()
    preview = controller.session.preview
    assert preview is not None
    assert preview.prediction.mask[200 - 1 - C[0], C[1]]


# --------------------------------------------------------------------- stacks


@pytest.fixture
def stack() -> np.ndarray[Any, Any]:
    planes = [discs([A, B, C][: n + 1], (200, 240), 25) for n in range(3)]
    return np.stack(planes)


def test_of_a_stack_the_plane_in_view_is_encoded_and_written(
    viewer: ViewerModel,
    stack: np.ndarray[Any, Any],
    segmenter: FakeSegmenter,
    control: Callable[[Any], Controller],
) -> None:
    viewer.add_image(stack, name="stack")
    viewer.dims.set_current_step(0, 0)
    controller = control(viewer)
    controller.session.wait()
    viewer.dims.set_current_step(0, 2)
    controller.session.wait()
    assert [plane.shape for plane in segmenter.encodes] == [(200, 240)] * 2
    controller.pointer.click((2, *C), Pointing.NEW)
    controller.session.wait()
    labels = viewer.layers["stack · labels"]
    assert labels.data.shape == stack.shape
    assert not labels.data[:2].any()
    assert iou(labels.data[2] == 1, stack[2] == 160) > 0.97


def test_moving_the_slider_drops_the_preview(
    viewer: ViewerModel,
    stack: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> None:
    viewer.add_image(stack)
    viewer.dims.set_current_step(0, 0)
    controller = control(viewer)
    controller.session.wait()
    controller.pointer.hover((0, *A), Pointing.NEW)
    controller.session.wait()
    assert controller.preview.display.shown is not None
    viewer.dims.set_current_step(0, 1)
    assert controller.preview.display.shown is None


def test_a_slider_outside_of_the_image_is_said(
    viewer: ViewerModel,
    stack: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> None:
    viewer.add_image(np.zeros((9, 8, 8)), name="long")
    viewer.add_image(stack, name="short")
    viewer.dims.set_current_step(0, 6)
    controller = control(viewer)
    controller.session.wait()
    assert phase(controller) is Phase.UNAVAILABLE
    assert "outside of “short”" in controller.session.status.text
    viewer.dims.set_current_step(0, 1)
    controller.session.wait()
    assert phase(controller) is Phase.READY


def test_in_3d_display_the_tool_says_that_it_works_in_2d(
    viewer: ViewerModel,
    stack: np.ndarray[Any, Any],
    segmenter: FakeSegmenter,
    control: Callable[[Any], Controller],
) -> None:
    viewer.add_image(stack)
    viewer.dims.ndisplay = 3
    controller = control(viewer)
    controller.session.wait()
    assert phase(controller) is Phase.UNAVAILABLE
    assert "2-D" in controller.session.status.text
    assert not controller.pointer.can_point
    assert segmenter.encodes == []
    viewer.dims.ndisplay = 2
    controller.session.wait()
    assert phase(controller) is Phase.READY
    assert len(segmenter.encodes) == 1
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    controller.session.wait()
    assert len(segmenter.encodes) == 1


def test_an_rgb_layer_open_at_launch(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> None:
    viewer.add_image(np.stack([image] * 3, axis=-1), rgb=True, name="stained")
    controller = control(viewer)
    controller.session.wait()
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    assert viewer.layers["stained · labels"].data.shape == image.shape


# -------------------------------------------------------------- who has the mouse


@pytest.mark.parametrize("mode", ["paint", "erase", "fill", "pick", "polygon"])
def test_the_brush_has_the_mouse_to_itself(
    viewer: ViewerModel, controller: Controller, mode: str
) -> None:
    labels = controller.workspace.new_labels()
    assert labels is not None
    controller.pointer.hover(A, Pointing.NEW)
    controller.session.wait()
    assert controller.preview.display.shown is not None
    viewer.layers.selection.active = labels
    assert controller.pointer.can_point
    labels.mode = mode
    assert not controller.pointer.can_point
    assert controller.preview.display.shown is None
    labels.mode = "pan_zoom"
    assert controller.pointer.can_point


def test_so_have_layers_that_are_being_drawn(
    viewer: ViewerModel, controller: Controller
) -> None:
    points, shapes = viewer.add_points(), viewer.add_shapes()
    assert viewer.layers.selection.active is shapes
    assert controller.pointer.can_point
    shapes.mode = "add_rectangle"
    assert not controller.pointer.can_point
    viewer.layers.selection.active = points
    assert controller.pointer.can_point
    points.mode = "add"
    assert not controller.pointer.can_point


def test_the_preview_goes_when_the_image_is_moved(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.pointer.hover(A, Pointing.NEW)
    controller.session.wait()
    viewer.layers["cells"].scale = (3, 3)
    assert controller.preview.display.shown is None
    controller.pointer.click((3 * B[0], 3 * B[1]), Pointing.NEW)
    controller.session.wait()
    written = viewer.layers["cells · labels"].data == 1
    assert iou(written, viewer.layers["cells"].data == 130) > 0.97


# -------------------------------------------------------------------- bad images


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((1, 1)), np.full((50, 50), 7.0)],
    ids=["one pixel", "constant"],
)
def test_a_poor_image_is_no_problem(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
    pixels: np.ndarray[Any, Any],
    shown: list[str],
) -> None:
    viewer.add_image(pixels, contrast_limits=(0, 1), name="poor")
    controller = control(viewer)
    controller.session.wait()
    controller.pointer.hover((0, 0), Pointing.NEW)
    controller.pointer.click((0, 0), Pointing.NEW)
    controller.session.wait()
    assert phase(controller) is Phase.READY
    assert shown == []


def test_an_image_without_a_number_in_it_is_said_to_be_so(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
    shown: list[str],
) -> None:
    viewer.add_image(np.full((50, 50), np.nan), contrast_limits=(0, 1), name="poor")
    controller = control(viewer)
    with pytest.raises(ImageError, match="no finite value"):
        controller.session.wait()
    assert phase(controller) is Phase.FAILED
    assert len(shown) == 1
    viewer.add_image(image)
    controller.session.wait()
    assert phase(controller) is Phase.READY


def test_an_image_that_cannot_be_read_gives_one_message_and_a_tool_that_works(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
    shown: list[str],
) -> None:
    gone = threading.Event()

    def block(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if gone.is_set():
            raise OSError("the disk is gone")
        return pixels

    lazy = da.zeros((50, 50)).map_blocks(block, dtype=float)
    viewer.add_image(lazy, contrast_limits=(0, 1), name="poor", cache=False)
    gone.set()
    controller = control(viewer)
    with pytest.raises(ImageError, match="“poor” could not be read"):
        controller.session.wait()
    assert len(shown) == 1
    assert phase(controller) is Phase.FAILED
    controller.pointer.hover((0, 0), Pointing.NEW)
    viewer.add_image(image, name="cells")
    controller.session.wait()
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    assert viewer.layers["cells · labels"].data.any()
    assert len(shown) == 1


def test_a_model_changed_in_mid_object_keeps_the_labels(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.modes.collect = True
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    controller.session.set_model("sam2.1-tiny")
    controller.session.wait()
    controller.pointer.click(B, Pointing.ADD)
    controller.commands.done()
    controller.session.wait()
    labels = viewer.layers["cells · labels"].data
    assert labels[A]
    assert labels[B]


# ---------------------------------------------------------------------- the end


def test_one_controller_for_a_viewer(
    viewer: ViewerModel, control: Callable[[Any], Controller]
) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    controller = control(viewer)
    assert controller_for(PublicOnlyProxy(viewer)) is controller
    assert control(ViewerModel()) is not controller
    controller.close()
    controller.close()
    assert control(viewer) is not controller


def test_two_viewers_do_not_know_of_each_other(
    image: np.ndarray[Any, Any], control: Callable[[Any], Controller]
) -> None:
    viewers = [ViewerModel(), ViewerModel()]
    controllers = []
    for viewer in viewers:
        viewer.add_image(image, name="cells")
        controllers.append(control(viewer))
    for controller in controllers:
        controller.session.wait()
    controllers[0].pointer.click(A, Pointing.NEW)
    controllers[0].session.wait()
    assert [len(viewer.layers) for viewer in viewers] == [2, 1]
    controllers[0].modes.active = False
    assert controllers[1].modes.active


def test_closed_it_leaves_nothing_but_the_labels(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> None:
    layer = viewer.add_image(image, name="cells")

    def everything() -> tuple[Any, ...]:
        return (
            dict(viewer.keymap),
            dict(layer.keymap),
            list(viewer.mouse_move_callbacks),
            list(viewer.mouse_drag_callbacks),
            list(viewer.mouse_double_click_callbacks),
            set(viewer.scene.overlays),
            [
                len(emitter.callbacks)
                for source in (
                    viewer.layers.events,
                    viewer.layers.selection.events,
                    layer.events,
                )
                for emitter in source.emitters.values()
            ],
        )

    before = everything()
    controller = control(viewer)
    controller.session.wait()
    controller.pointer.hover(A, Pointing.NEW)
    controller.session.wait()
    assert everything() != before
    controller.close()
    assert everything() == before
    assert list(viewer.layers) == [layer]


def test_a_draft_is_kept_when_the_tool_is_closed(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.modes.collect = True
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    controller.close()
    assert viewer.layers["cells · labels"].data[A]


def test_after_its_end_nothing_keeps_it_alive(
    viewer: ViewerModel, segmenter: FakeSegmenter, image: np.ndarray[Any, Any]
) -> None:
    viewer.add_image(image, name="cells")
    controller = controller_for(viewer, segmenter_factory=lambda *_: segmenter)
    controller.session.wait()
    controller.pointer.hover(A, Pointing.NEW)
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    alive = [weakref.ref(controller), weakref.ref(controller.session)]
    controller.close()
    del controller
    gc.collect()
    assert [one() for one in alive] == [None, None]


def test_a_viewer_that_nobody_closed_takes_its_session_with_it(
    segmenter: FakeSegmenter, image: np.ndarray[Any, Any]
) -> None:
    viewer = ViewerModel()
    viewer.add_image(image, name="cells")
    controller = controller_for(viewer, segmenter_factory=lambda *_: segmenter)
    controller.session.wait()
    controller.pointer.hover(A, Pointing.NEW)
    controller.pointer.click(A, Pointing.NEW)
    controller.session.wait()
    alive = [weakref.ref(viewer), weakref.ref(controller)]
    del viewer, controller
    gc.collect()
    assert [one() for one in alive] == [None, None]
