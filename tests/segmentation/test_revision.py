"""Prompts that are moved or taken away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.prompts import MaskPrompt, Prompts
from napari_sam2.segmentation.region import Region
from napari_sam2.segmentation.revision import Kind, moved, without
from napari_sam2.segmentation.strokes import Lasso, Scribble

SHAPE = (100, 120)
ALL = Prompts(
    (Point(10, 10), Point(20, 20, inside=False)),
    Box(5, 6, 50, 60),
    MaskPrompt(np.zeros((8, 8))),
    (Scribble(((1, 1), (1, 9))),),
    (Lasso(((1, 1), (1, 9), (9, 9)), whole=True),),
    Region.of(np.ones((4, 6), bool), 40, 50),
    answered=1,
    choice=2,
)
steps = st.tuples(st.floats(-200, 200), st.floats(-200, 200))


@pytest.mark.parametrize(
    ("kind", "index", "expected"),
    [
        (Kind.POINT, 1, {"points": (Point(10, 10), Point(23, 24, inside=False))}),
        (Kind.BOX, 0, {"box": Box(8, 10, 53, 64)}),
        (Kind.CORNER, 0, {"box": Box(8, 10, 50, 60)}),
        (Kind.CORNER, 1, {"box": Box(8, 6, 50, 64)}),
        (Kind.CORNER, 2, {"box": Box(5, 6, 53, 64)}),
        (Kind.CORNER, 3, {"box": Box(5, 10, 53, 60)}),
        (Kind.SCRIBBLE, 0, {"scribbles": (Scribble(((4, 5), (4, 13))),)}),
        (
            Kind.LASSO,
            0,
            {"lassos": (Lasso(((4, 5), (4, 13), (12, 13)), whole=True),)},
        ),
        (Kind.REGION, 0, {"region": Region.of(np.ones((4, 6), bool), 43, 54)}),
    ],
)
def test_what_is_moved_and_what_stays(
    kind: Kind, index: int, expected: dict[str, object]
) -> None:
    now = moved(ALL, kind, index, (3, 4), SHAPE)
    # The answer to what was there before is forgotten.
    assert (now.mask, now.answered, now.choice) == (None, 0, None)
    for name in ("points", "box", "scribbles", "lassos", "region"):
        assert getattr(now, name) == expected.get(name, getattr(ALL, name))


@given(st.sampled_from([Kind.POINT, Kind.BOX, Kind.CORNER]), st.integers(0, 1), steps)
def test_nothing_is_moved_off_the_plane(
    kind: Kind, index: int, by: tuple[float, float]
) -> None:
    now = moved(ALL, kind, index, by, SHAPE)
    assert now.box is not None
    for row, col in (now.points[index][:2], now.box[:2], now.box[2:]):
        assert 0 <= row <= 99
        assert 0 <= col <= 119


@given(steps)
def test_a_region_stays_whole_on_the_plane(by: tuple[float, float]) -> None:
    region = moved(ALL, Kind.REGION, 0, by, SHAPE).region
    assert region is not None
    row_min, col_min, row_max, col_max = region.bounds
    assert 0 <= row_min <= row_max <= 99
    assert 0 <= col_min <= col_max <= 119
    assert region.runs == ALL.region.runs


def test_a_corner_may_be_drawn_over_the_other_side() -> None:
    now = moved(ALL, Kind.CORNER, 0, (60, 0), SHAPE)
    assert now.box == Box(50, 6, 65, 60)


@pytest.mark.parametrize(
    ("kind", "name", "left"),
    [
        (Kind.POINT, "points", (Point(20, 20, inside=False),)),
        (Kind.SCRIBBLE, "scribbles", ()),
        (Kind.LASSO, "lassos", ()),
        (Kind.BOX, "box", None),
        (Kind.CORNER, "box", None),
        (Kind.REGION, "region", None),
    ],
)
def test_what_is_taken_away(kind: Kind, name: str, left: object) -> None:
    now = without(ALL, kind, 0)
    assert getattr(now, name) == left
    assert (now.mask, now.answered, now.choice) == (None, 0, None)
    others = {"points", "scribbles", "lassos", "box", "region"} - {name}
    assert all(getattr(now, other) == getattr(ALL, other) for other in others)
