"""What is drawn under the mouse, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.annotation.objects import Pointing
from napari_sam2.viewer import preview_layer, preview_overlay
from napari_sam2.viewer.preview import NAME, display_for
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_sam2.viewer.controller import Controller
    from tests.viewer.fakes import FakeSegmenter


@pytest.fixture(params=["overlay", "layer"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "layer":
        monkeypatch.setattr(preview_overlay, "is_supported", lambda _: False)
    return str(request.param)


@pytest.fixture
def ready(
    kind: str,
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> Controller:
    stack = np.stack([image, image])
    viewer.add_image(stack, name="stack", scale=(3, 0.5, 0.5))
    viewer.dims.set_current_step(0, 1)
    controller = control(viewer)
    controller.session.wait()
    return controller


def hover(controller: Controller, place: tuple[int, int], how: Any = None) -> None:
    viewer = controller.viewer
    assert viewer is not None
    world = viewer.layers["stack"].data_to_world((1, *place))
    controller.pointer.hover(world, how or Pointing.NEW)
    controller.session.wait()


def test_the_better_display_is_taken_where_napari_has_it(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    display = display_for(viewer)
    assert isinstance(display, preview_overlay.OverlayPreview)
    assert list(viewer.layers) == []
    display.close()
    assert set(viewer.scene.overlays) == {"axes"}
    monkeypatch.setattr(preview_overlay, "_registered", lambda: False)
    assert isinstance(display_for(viewer), preview_layer.LayerPreview)


def test_it_changes_nothing_of_the_viewer(
    viewer: ViewerModel, ready: Controller, kind: str
) -> None:
    points = viewer.add_points(np.zeros((1, 3)), name="points")
    points.mode = "pan_zoom"

    def everything() -> tuple[Any, ...]:
        return (
            viewer.layers.selection.active,
            set(viewer.layers.selection),
            viewer.dims.current_step,
            viewer.dims.nsteps[0],
            viewer.dims.range[0],
            np.round(viewer.layers.extent.world, 6).tolist(),
            viewer.scene.camera.zoom,
        )

    before = everything()
    hover(ready, A)
    hover(ready, B)
    assert ready.preview.display.shown is not None
    assert everything() == before
    ready.pointer.leave()
    assert ready.preview.display.shown is None
    assert everything() == before


def test_it_is_in_no_chooser_and_goes_when_the_tool_goes(
    viewer: ViewerModel, ready: Controller
) -> None:
    hover(ready, A)
    assert [one.name for one in ready.choices.images] == ["stack"]
    ready.close()
    assert [one.name for one in viewer.layers] == ["stack"]
    assert set(viewer.scene.overlays) == {"axes"}


def test_what_a_click_would_do_can_be_seen(ready: Controller) -> None:
    hover(ready, A)
    ready.pointer.click(ready.choices.image.data_to_world((1, *A)), Pointing.NEW)  # type: ignore[union-attr]
    ready.session.wait()
    for how in Pointing:
        hover(ready, B, how)
        shown = ready.preview.display.shown
        assert shown is not None
        assert shown.pointing is how


def test_a_doubtful_mask_is_fainter(
    ready: Controller, segmenter: FakeSegmenter
) -> None:
    confidence = []
    for score, place in ((0.95, A), (0.6, B), (0.1, A)):
        segmenter.score = score
        hover(ready, place)
        shown = ready.preview.display.shown
        assert shown is not None
        confidence.append(shown.confidence)
    assert confidence[0] == 1
    assert confidence[0] > confidence[1] > confidence[2] == 0


def test_one_that_the_user_deletes_comes_back(
    viewer: ViewerModel, ready: Controller, kind: str
) -> None:
    hover(ready, A)
    if kind == "layer":
        viewer.layers.remove(NAME)
    else:
        viewer.scene.overlays.pop("sam_2_preview")
    hover(ready, B)
    assert ready.preview.display.shown is not None
    if kind == "layer":
        assert viewer.layers[NAME].visible
    ready.close()
    assert [one.name for one in viewer.layers] == ["stack"]


def test_between_masks_the_layer_is_hidden_not_removed(
    viewer: ViewerModel, ready: Controller, kind: str
) -> None:
    hover(ready, A)
    if kind == "overlay":
        overlay = viewer.scene.overlays["sam_2_preview"]
        assert overlay.visible
        ready.session.leave()
        assert not overlay.visible
        return
    layer = viewer.layers[NAME]
    ready.session.leave()
    assert viewer.layers[NAME] is layer
    assert not layer.visible
    hover(ready, B)
    assert viewer.layers[NAME] is layer
    assert layer.visible
