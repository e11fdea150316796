"""Scribbles and lassos: the same line always says the same, and the right thing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.strokes import (
    MOST_POINTS,
    Lasso,
    Scribble,
    deepest,
    filled,
)

coordinates = st.floats(-1e4, 1e4, allow_nan=False)
corners = st.tuples(coordinates, coordinates)
SQUARE = ((10.0, 20.0), (10.0, 60.0), (50.0, 60.0), (50.0, 20.0))


def test_a_scribble_is_points_in_the_middle_of_equal_lengths() -> None:
    line = Scribble(((0, 0), (0, 80)), inside=False)
    assert line.points == tuple(Point(0, col, False) for col in range(5, 80, 10))


def test_a_bend_does_not_draw_the_points_together() -> None:
    bent = Scribble(((0, 0), (0, 40), (40, 40)))
    straight = Scribble(((0, 0), (0, 80)))
    along = [p.col + p.row for p in bent.points]
    assert along == pytest.approx([p.col for p in straight.points])


def test_corners_on_the_way_change_nothing() -> None:
    slow = Scribble(tuple((0.0, 80 * i / 300) for i in range(301)))
    for one, other in zip(slow.points, Scribble(((0, 0), (0, 80))).points, strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize("path", [((3, 4),), ((3, 4), (3, 4)), ((2, 4), (4, 4))])
def test_a_dot_is_one_point(path: tuple[tuple[float, float], ...]) -> None:
    assert Scribble(path).points == (Point(3, 4),)


@given(st.lists(corners, min_size=1, max_size=30), st.booleans())
def test_any_scribble_is_a_few_points_within_its_bounds(
    path: list[tuple[float, float]], inside: bool
) -> None:
    line = Scribble(tuple(path), inside)
    assert 1 <= len(line.points) <= MOST_POINTS
    low, high = np.min(path, axis=0) - 1e-6, np.max(path, axis=0) + 1e-6
    for point in line.points:
        assert point.inside is inside
        assert (low <= point[:2]).all()
        assert (point[:2] <= high).all()
    assert Scribble(tuple(path), inside) == line


def test_a_lasso_has_its_box_and_its_middle() -> None:
    lasso = Lasso(SQUARE)
    assert lasso.bounds == Box(10, 20, 50, 60)
    assert lasso.points[0] == pytest.approx(Point(30, 40), abs=1)


def test_the_middle_of_a_crescent_is_on_it() -> None:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    outer = [(50 + 40 * math.sin(a), 50 + 40 * math.cos(a)) for a in angles]
    inner = [(50 + 35 * math.sin(a), 60 + 30 * math.cos(a)) for a in angles]
    crescent = Lasso((*outer, outer[0], *reversed(inner), inner[-1]))
    (point,) = crescent.points
    assert math.hypot(point.row - 50, point.col - 50) < 40
    assert point.col < 30


@given(st.lists(corners, min_size=3, max_size=20))
def test_any_lasso_has_one_point_within_its_bounds(
    path: list[tuple[float, float]],
) -> None:
    lasso = Lasso(tuple(path), inside=False)
    (point,) = lasso.points
    row_min, col_min, row_max, col_max = lasso.bounds
    assert row_min - 1e-6 <= point.row <= row_max + 1e-6
    assert col_min - 1e-6 <= point.col <= col_max + 1e-6


def test_only_what_belongs_to_an_object_can_be_the_whole_of_it() -> None:
    assert not Lasso(SQUARE, inside=False, whole=True).whole


half_pixels = st.integers(0, 60).map(lambda n: n + 0.5)


@given(st.lists(st.tuples(half_pixels, half_pixels), min_size=3, max_size=12))
def test_what_a_line_goes_around_is_what_others_say(
    path: list[tuple[float, float]],
) -> None:
    grid = np.arange(62.0)
    mask = filled(tuple(path), grid, grid)
    # On the line itself the two may differ.
    off = [distance_to(path, row, col) > 1e-9 for row in grid for col in grid]
    theirs = polygon2mask((62, 62), path)
    np.testing.assert_array_equal(mask.ravel()[off], theirs.ravel()[off])


def distance_to(path: list[tuple[float, float]], row: float, col: float) -> float:
    corners = np.array(path)
    along = np.roll(corners, -1, axis=0) - corners
    square = np.maximum((along**2).sum(1), 1e-12)
    share = (((row, col) - corners) * along).sum(1) / square
    nearest = corners + np.clip(share, 0, 1)[:, None] * along
    return float(np.hypot(*(nearest - (row, col)).T).min())


def test_the_edge_of_an_array_is_an_edge() -> None:
    mask = np.ones((5, 9), bool)
    assert deepest(mask) == (2, 2)
    assert deepest(np.zeros((3, 3), bool)) is None


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        (Scribble, (), "at least 1"),
        (Lasso, ((0, 0), (1, 1)), "at least 3"),
        (Scribble, ((0, math.nan),), "finite"),
        (Lasso, (1, 2, 3), "pairs"),
    ],
)
def test_a_malformed_line_is_refused(kind: type, path: object, words: str) -> None:
    with pytest.raises(PromptError, match=words):
        kind(path)
