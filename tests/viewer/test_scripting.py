"""The scripted session is the one that the widget drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import napari_sam2
from napari_sam2.errors import ImageError, PromptError, UnknownModelError
from napari_sam2.viewer.controller import existing_controller
from napari_sam2.viewer.scripting import annotate
from tests.viewer.conftest import A, B, C

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel

    from tests.viewer.fakes import FakeSegmenter


@pytest.fixture
def script(segmenter: FakeSegmenter) -> Iterator[Callable[..., Any]]:
    viewers = []

    def run(viewer: Any, *args: Any, **kwargs: Any) -> Any:
        viewers.append(viewer)
        return annotate(viewer, *args, segmenter_factory=lambda *_: segmenter, **kwargs)

    yield run
    for viewer in viewers:
        controller = existing_controller(viewer)
        if controller is not None:
            controller.close()


def test_it_is_exported_at_the_top() -> None:
    assert napari_sam2.annotate is annotate


def test_click_add_done_labels(
    viewer: ViewerModel, image: np.ndarray[Any, Any], script: Callable[..., Any]
) -> None:
    session = script(viewer, image=image)
    session.click(*A)
    session.add(*B)
    session.done()
    labels = session.labels
    assert labels[A] == labels[B] == 1
    assert labels[C] == 0
    assert labels is viewer.layers["image · labels"].data


def test_an_image_by_layer_name_or_array(
    viewer: ViewerModel, image: np.ndarray[Any, Any], script: Callable[..., Any]
) -> None:
    first = viewer.add_image(image, name="first")
    viewer.add_image(image[::-1], name="second")
    assert script(viewer).plane.name == "second"
    assert script(viewer, image="first").plane.name == "first"
    assert script(viewer, image=first).plane.name == "first"
    assert script(viewer, image=image[:100]).plane.name == "image"
    assert len(viewer.layers) == 3


def test_the_same_viewer_has_the_same_session(
    viewer: ViewerModel, image: np.ndarray[Any, Any], script: Callable[..., Any]
) -> None:
    viewer.add_image(image, name="cells")
    session = script(viewer)
    session.active = False
    assert script(viewer, model="starter") is session
    assert session.active


def test_what_cannot_be_is_said(
    viewer: ViewerModel, image: np.ndarray[Any, Any], script: Callable[..., Any]
) -> None:
    with pytest.raises(ImageError, match="no image “cells”"):
        script(viewer, image="cells")
    with pytest.raises(ImageError, match="empty"):
        script(viewer, image=np.zeros((0, 4)))
    with pytest.raises(UnknownModelError):
        script(viewer, image=image, model="no such model")
    session = script(viewer, image=image)
    session.click(1000, 1000)
    with pytest.raises(PromptError, match="outside"):
        session.wait()


def test_a_viewer_with_a_window_gets_the_widget(
    make_napari_viewer: Callable[..., Any],
    image: np.ndarray[Any, Any],
    script: Callable[..., Any],
) -> None:
    viewer = make_napari_viewer()
    session = script(viewer, image=image)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    assert widget.session is session
    session.click(*A)
    session.wait()
    assert widget.object.text().startswith("Object 1")
