"""Going to objects: sliders, center, zoom, and the outline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.viewer.conftest import A, B, C
from tests.viewer.fakes import discs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_sam2.viewer.controller import Controller


def test_going_to_an_object_centers_it(
    viewer: ViewerModel, image: np.ndarray, control: Callable[[Any], Controller]
) -> None:
    viewer.add_image(image, scale=(2, 3), translate=(5, 7), rotate=30)
    controller = control(viewer)
    controller.session.click(*B)
    controller.session.wait()
    controller.tour.go_to(1)
    place = controller.view.place(viewer.scene.camera.center[-2:])
    assert place == pytest.approx(B, abs=0.6)
    assert controller.tour.highlighted == (1,)


def test_going_to_an_object_moves_the_sliders_to_where_it_is(
    viewer: ViewerModel, control: Callable[[Any], Controller]
) -> None:
    stack = np.zeros((4, 3, 50, 60), np.uint8)
    viewer.add_image(stack, scale=(2, 0.5, 1, 1))
    labels = viewer.add_labels(np.zeros(stack.shape, np.uint16), scale=(2, 0.5, 1, 1))
    labels.data[3, 1, 10:20, 10:20] = 5
    labels.data[1, 0, 30:40, 10:20] = 6
    labels.data[1, 2, 30:40, 10:20] = 6
    controller = control(viewer)
    controller.session.wait()
    controller.tour.go_to(5)
    assert tuple(viewer.dims.current_step[:2]) == (3, 1)
    # Not to the plane in the middle, where there is nothing of it.
    controller.tour.go_to(6)
    assert viewer.dims.current_step[0] == 1
    assert viewer.dims.current_step[1] in (0, 2)
    at = viewer.dims.current_step
    controller.tour.go_to(6)
    assert viewer.dims.current_step == at


def test_a_speck_is_enlarged_and_a_giant_seen_from_farther_away(
    viewer: ViewerModel, control: Callable[[Any], Controller]
) -> None:
    image = np.zeros((2000, 2000), np.uint8)
    viewer.add_image(image)
    labels = viewer.add_labels(np.zeros(image.shape, np.uint16))
    labels.data[5:7, 5:7] = 1
    labels.data[100:1900, 100:1900] = 2
    labels.data[1950:1980, 1950:1980] = 3
    controller = control(viewer)
    controller.session.wait()
    viewer.scene.camera.zoom = 1
    controller.tour.go_to(1)
    assert viewer.scene.camera.zoom == pytest.approx(32)
    viewer.scene.camera.zoom = 1
    controller.tour.go_to(2)
    assert 0.2 < viewer.scene.camera.zoom < 0.5
    viewer.scene.camera.zoom = 1
    controller.tour.go_to(3)
    assert viewer.scene.camera.zoom == 1


def test_next_goes_to_the_nearest_that_is_not_reviewed(controller: Controller) -> None:
    session, tour = controller.session, controller.tour
    for place in (A, B, C):
        session.click(*place)
    session.review([2])
    session.done()
    session.wait()
    tour.go_to(2)
    assert [tour.next() for _ in range(2)] == [3, 1]
    # Those that were passed by come back.
    assert tour.next() == 3
    assert session.current is session.objects[3]
    assert tour.back() == 1
    session.review([1, 3])
    session.wait()
    assert tour.next() is None


def test_next_is_never_the_one_that_a_click_has_just_made(
    controller: Controller,
) -> None:
    session, tour = controller.session, controller.tour
    for place in (A, B, C):
        session.click(*place)
    session.wait()
    assert tour.at_hand == 3
    assert {tour.next(), tour.next()} == {1, 2}
    tour.back()
    assert tour.back() == 3


def test_a_key_reviews_and_goes_on(controller: Controller) -> None:
    session = controller.session
    for place in (A, B, C):
        session.click(*place)
    session.wait()
    for _ in range(3):
        controller.actions["review"]()
    session.wait()
    assert all(row.reviewed for row in session.rows)


def test_what_was_painted_is_at_hand_once_one_goes_there(
    viewer: ViewerModel, control: Callable[[Any], Controller]
) -> None:
    image = discs([A, B, C], (200, 240), 25)
    viewer.add_image(image)
    labels = viewer.add_labels((image > 0).astype(np.uint16))
    controller = control(viewer)
    controller.session.wait()
    assert controller.tour.at_hand is None
    controller.actions["next"]()
    assert controller.tour.at_hand == 1
    controller.actions["delete"]()
    controller.session.wait()
    assert not labels.data.any()
    assert controller.tour.at_hand is None
    controller.actions["undo"]()
    controller.session.wait()
    controller.actions["next"]()
    controller.actions["done"]()
    assert controller.tour.at_hand is None
    assert controller.tour.highlighted == ()


def test_the_outline_follows_the_object(controller: Controller) -> None:
    session, tour = controller.session, controller.tour
    session.click(*A)
    session.wait()
    tour.highlight([1])
    overlay = tour._highlight
    before = len(overlay.edges)
    session.add(*B)
    session.wait()
    assert len(overlay.edges) > 1.5 * before
    session.delete([1])
    session.wait()
    assert overlay.edges is None
    session.undo()
    session.wait()
    assert overlay.edges is not None
