"""A viewer without a window for most tests, a real one with a hand for some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from napari.components import ViewerModel

from napari_sam2.viewer.controller import Controller, controller_for
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.preferences import preferences
from tests.viewer.fakes import FakeSegmenter, discs
from tests.viewer.hand import Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from pytestqt.qtbot import QtBot

A, B, C = (60, 60), (60, 180), (140, 120)


@pytest.fixture(autouse=True)
def _nothing_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Forget the keys and the preferences that a test has changed, and its session."""
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "napari-sam2"))
    yield
    KEYMAP.reset()
    preferences().reset()


@pytest.fixture
def image() -> np.ndarray[Any, Any]:
    return discs([A, B, C], (200, 240), 25)


@pytest.fixture
def segmenter() -> Iterator[FakeSegmenter]:
    segmenter = FakeSegmenter()
    yield segmenter
    segmenter.hold_encode.set()


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def control(
    segmenter: FakeSegmenter,
) -> Iterator[Callable[[Any], Controller]]:
    """Make controllers that are closed in the end."""
    made = []

    def make(viewer: Any) -> Controller:
        controller = controller_for(viewer, segmenter_factory=lambda *_: segmenter)
        made.append(controller)
        return controller

    yield make
    segmenter.hold_encode.set()
    for controller in made:
        controller.close()


@pytest.fixture
def controller(
    viewer: ViewerModel,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> Controller:
    """A tool that is ready on an image of three discs."""
    viewer.add_image(image, name="cells")
    controller = control(viewer)
    controller.session.wait()
    return controller


@pytest.fixture
def hand(
    make_napari_viewer: Callable[..., Any],
    qtbot: QtBot,
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Controller],
) -> Iterator[Hand]:
    """A hand with a mouse and a keyboard, in a window with the tool ready."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    layer = viewer.add_image(image, name="cells")
    hand = Hand(viewer, layer, control(viewer), qtbot)
    hand.wait_ready()
    yield hand
    hand.controller.close()
