"""A window that is opened again has what the last one had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_sam2.annotation.recovery import recover
from napari_sam2.annotation.sessions import SUFFIX, sessions_folder
from napari_sam2.viewer.preferences import preferences
from tests.viewer.conftest import A, B, C

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.viewer.controller import Controller
    from tests.viewer.hand import Hand

Control = Any


@pytest.fixture
def opened(
    image: np.ndarray[Any, Any], control: Callable[[Any], Controller]
) -> Callable[..., Controller]:
    """Open a window without a screen on the image."""
    alive = []

    def open_one(**options: Any) -> Controller:
        viewer = ViewerModel()
        alive.append(viewer)
        viewer.add_image(image, **{"name": "cells", **options})
        controller = control(viewer)
        controller.session.wait()
        return controller

    return open_one


def _keep(controller: Controller, *places: tuple[int, int]) -> None:
    for place in places:
        controller.session.click(*place)
    controller.session.wait()


def _labels(controller: Controller) -> np.ndarray[Any, Any]:
    labels = controller.choices.labels
    assert labels is not None
    return np.array(labels.data)


def _journals() -> list[Path]:
    return sorted(sessions_folder().glob(f"*{SUFFIX}"))


def test_a_session_is_offered_and_restored(opened: Callable[..., Controller]) -> None:
    first = opened()
    _keep(first, A, B)
    first.session.undo()
    before = _labels(first)
    first.close()

    again = opened()
    [offer] = again.session.offers.all
    assert offer.text() == "Today's object"
    notices: list[str] = []
    again.session.notice.connect(notices.append)
    again.session.restore(offer.path)
    again.session.wait()
    np.testing.assert_array_equal(_labels(again), before)
    assert notices == ["1 object restored."]
    assert again.session.offers.all == []
    assert again.session.can_redo
    again.session.redo()
    assert set(again.session.objects) == {1, 2}


def test_nothing_is_offered_once_something_was_done(
    opened: Callable[..., Controller],
) -> None:
    first = opened()
    _keep(first, A)
    first.close()
    again = opened()
    _keep(again, B)
    assert again.session.offers.all == []
    # New labels are a place for it again.
    again.workspace.new_labels()
    assert len(again.session.offers.all) == 1


def test_another_image_of_that_name_is_offered_nothing(
    opened: Callable[..., Controller],
    control: Callable[[Any], Controller],
    image: np.ndarray[Any, Any],
) -> None:
    first = opened()
    _keep(first, A)
    first.close()
    viewer = ViewerModel()
    viewer.add_image(image[::-1].copy(), name="cells")
    other = control(viewer)
    other.session.wait()
    assert other.session.offers.all == []


def test_what_is_done_to_layers_loses_and_shifts_nothing(
    opened: Callable[..., Controller],
) -> None:
    first = opened(scale=(0.5, 2.0), translate=(30, 40))
    viewer, labels = first.viewer, None
    assert viewer is not None
    _keep(first, A)
    labels = first.choices.labels
    image = first.choices.image
    assert labels is not None
    assert image is not None
    viewer.layers.reverse()
    labels.name, image.name = "mine", "theirs"
    labels.visible = False
    first.session.set_model("sam2.1-tiny")
    first.session.wait()
    _keep(first, B)
    before = _labels(first)
    assert set(np.unique(before)) == {0, 1, 2}
    [path] = _journals()
    first.close()

    again = opened(scale=(0.5, 2.0), translate=(30, 40))
    [offer] = again.session.offers.all
    assert offer.path == path
    again.session.restore(path)
    again.session.wait()
    np.testing.assert_array_equal(_labels(again), before)


def test_two_viewers_do_not_know_of_each_other(
    opened: Callable[..., Controller],
) -> None:
    one, other = opened(), opened()
    _keep(one, A)
    _keep(other, B, C)
    one.session.undo()
    assert not _labels(one).any()
    assert set(np.unique(_labels(other))) == {0, 1, 2}
    counts = sorted(len(recover(path).objects) for path in _journals())
    assert counts == [0, 2]


def test_a_stack_comes_back_on_all_its_planes(
    control: Callable[[Any], Controller], image: np.ndarray[Any, Any]
) -> None:
    stack = np.stack([image, image[::-1], image])
    alive = []

    def opened() -> Controller:
        viewer = ViewerModel()
        alive.append(viewer)
        viewer.add_image(stack, name="stack")
        controller = control(viewer)
        controller.session.wait()
        return controller

    first = opened()
    assert first.viewer is not None
    for plane in (0, 2):
        first.viewer.dims.set_point(0, plane)
        first.session.wait()
        _keep(first, A)
    before = _labels(first)
    assert before[0].any()
    assert not before[1].any()
    first.close()

    again = opened()
    again.session.restore(again.session.offers.all[0].path)
    again.session.wait()
    np.testing.assert_array_equal(_labels(again), before)
    assert again.viewer is not None
    again.viewer.dims.set_point(0, 2)
    again.session.wait()
    again.session.edit(2)
    again.session.add(*C)
    again.session.wait()
    assert _labels(again)[2][A] == _labels(again)[2][C] == 2


def test_a_journal_can_lie_beside_the_image(
    tmp_path: Path,
    control: Callable[[Any], Controller],
    image: np.ndarray[Any, Any],
) -> None:
    import tifffile

    preferences()["journal"] = "image"
    path = tmp_path / "data" / "cells.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, image)
    alive = []

    def opened() -> Controller:
        viewer = ViewerModel()
        alive.append(viewer)
        viewer.open(path, plugin="napari")
        controller = control(viewer)
        controller.session.wait()
        return controller

    first = opened()
    _keep(first, A)
    first.close()
    assert len(list(path.parent.glob(f"cells-*{SUFFIX}"))) == 1
    assert _journals() == []
    assert len(opened().session.offers.all) == 1


def test_the_widget_offers_it_in_one_line(
    opened: Callable[..., Controller], hand: Hand
) -> None:
    from napari_sam2.viewer.widget import SegmentationWidget

    widget = SegmentationWidget(hand.viewer)
    hand.viewer.window.add_dock_widget(widget)
    assert not widget.restore.isVisible()
    first = opened()
    _keep(first, A, B)
    before = _labels(first)
    first.close()

    # The image is opened again.
    layer = hand.viewer.layers["cells"]
    hand.viewer.layers.clear()
    hand.layer = hand.viewer.add_image(np.array(layer.data), name="cells")
    hand.wait(lambda: widget.restore.isVisible())
    assert widget.restore.text.text() == "Today's 2 objects"
    widget.restore.restore.click()
    hand.wait(lambda: len(hand.session.objects) == 2)
    np.testing.assert_array_equal(_labels(hand.controller), before)
    assert not widget.restore.isVisible()
