"""Geometry there and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.segmentation.prompts import Box, Point
from napari_sam2.segmentation.view import PlaneIndex, View

sides = st.integers(1, 5000)


@st.composite
def views(draw: st.DrawFn) -> View:
    rows, cols = draw(sides), draw(sides)
    r0, c0 = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    r1, c1 = draw(st.integers(r0 + 1, rows)), draw(st.integers(c0 + 1, cols))
    size, transposed = draw(st.integers(16, 1024)), draw(st.booleans())
    return View((rows, cols), (r0, c0, r1, c1), size, transposed)


@st.composite
def views_and_points(draw: st.DrawFn) -> tuple[View, Point]:
    view = draw(views())
    r0, c0, r1, c1 = view.window
    row = draw(st.floats(r0 - 0.5, r1 - 0.5, exclude_max=True))
    col = draw(st.floats(c0 - 0.5, c1 - 0.5, exclude_max=True))
    return view, Point(row, col)


@given(views_and_points())
def test_points_come_back_where_they_were(given_: tuple[View, Point]) -> None:
    view, point = given_
    there = view.points_to_model([point])
    assert there.dtype == np.float32
    back = view.points_to_plane(there)
    # Single precision in the model's pixels, seen in those of the plane.
    atol = 1e-6 * max(view.height, view.width)
    np.testing.assert_allclose(back, [point[:2]], rtol=0, atol=atol + 1e-9)


@given(views_and_points())
def test_what_the_view_contains_lies_within_the_square(
    given_: tuple[View, Point],
) -> None:
    view, point = given_
    assert view.contains(point.row, point.col)
    x_y = view.points_to_model([point])
    assert (x_y >= -0.5 - 1e-4).all()
    assert (x_y <= view.image_size - 0.5 + 1e-4).all()


@given(views())
def test_edges_map_to_edges(view: View) -> None:
    r0, c0, r1, c1 = view.window
    box = Box(r0 - 0.5, c0 - 0.5, r1 - 0.5, c1 - 0.5)
    edge = view.image_size - 0.5
    np.testing.assert_allclose(
        view.box_to_model(box), [-0.5, -0.5, edge, edge], atol=1e-3
    )


@given(views())
def test_nothing_beyond_the_edges_is_contained(view: View) -> None:
    r0, c0, r1, c1 = view.window
    for row, col in (
        (r0 - 0.501, c0),
        (r0, c0 - 0.501),
        (r1 - 0.5, c0),
        (r0, c1 - 0.5),
    ):
        assert not view.contains(row, col)


def test_a_view_of_the_models_size_changes_nothing_but_the_order() -> None:
    view = View.whole((256, 256), 256)
    np.testing.assert_array_equal(
        view.points_to_model([Point(3, 200.25)]), [[200.25, 3]]
    )
    np.testing.assert_array_equal(
        view.box_to_model(Box(1, 2, 3, 4)), np.array([2, 1, 4, 3])
    )


def test_no_points_are_an_empty_array() -> None:
    assert View.whole((9, 9), 64).points_to_model([]).shape == (0, 2)


@given(views(), st.integers(4, 256))
def test_logits_lie_over_the_plane_as_the_square_does(view: View, size: int) -> None:
    scale, translate = view.logits_scale_translate(size)
    # The centre of a pixel of the logits, in the model's pixels.
    stride = view.image_size / size
    for i in (0, size - 1):
        centre = (i + 0.5) * stride - 0.5
        place = view.points_to_plane(np.array([[centre, centre]]))[0]
        np.testing.assert_allclose(
            [i * s + t for s, t in zip(scale, translate, strict=True)],
            place,
            atol=1e-6 * max(view.plane_shape),
        )


@given(views_and_points())
def test_a_transposed_view_swaps_the_models_axes_and_nothing_else(
    given_: tuple[View, Point],
) -> None:
    view, point = given_
    other = replace(view, transposed=not view.transposed)
    np.testing.assert_array_equal(
        other.points_to_model([point]), view.points_to_model([point])[:, ::-1]
    )
    np.testing.assert_array_equal(other.cells([point], 32), view.cells([point], 32))
    assert other.logits_scale_translate(32) == view.logits_scale_translate(32)


@pytest.fixture
def stack() -> np.ndarray:
    return np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("index", "taken"),
    [
        (PlaneIndex((1, 2, 0, 0), 2, 3), lambda a: a[1, 2]),
        (PlaneIndex((1, 2, 0, 0), 3, 2), lambda a: a[1, 2].T),
        (PlaneIndex((0, 0, 3, 4), 0, 1), lambda a: a[:, :, 3, 4]),
        (PlaneIndex((0, 1, 0, 4), 2, 0), lambda a: a[:, 1, :, 4].T),
    ],
    ids=["last axes", "transposed", "first axes", "apart and transposed"],
)
def test_a_plane_is_taken_and_written_at_the_same_places(
    stack: np.ndarray, index: PlaneIndex, taken
) -> None:  # type: ignore[no-untyped-def]
    plane = index.take(stack)
    np.testing.assert_array_equal(plane, taken(stack))
    rows, cols = (a.ravel() for a in np.indices(plane.shape))
    np.testing.assert_array_equal(stack[index.indices(rows, cols)], plane.ravel())


def test_channels_stay_last_when_a_plane_is_transposed() -> None:
    rgb = np.zeros((7, 4, 5, 3))
    assert PlaneIndex((2, 0, 0), 2, 1).take(rgb).shape == (5, 4, 3)
