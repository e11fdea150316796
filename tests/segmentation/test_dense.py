"""Regions and mask prompts: the right places, at any resolution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.dense import CERTAINTY, mask_logits
from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.prompts import MaskPrompt, Prompts
from napari_sam2.segmentation.region import Region
from napari_sam2.segmentation.strokes import Lasso, Scribble
from napari_sam2.segmentation.view import View

VIEW = View.whole((64, 128), 256)
LEFT = Lasso(((-0.5, -0.5), (-0.5, 63.5), (63.5, 63.5), (63.5, -0.5)), whole=True)
masks = nps.arrays(bool, nps.array_shapes(min_dims=2, max_dims=2, max_side=12)).filter(
    np.any
)


@given(masks, st.integers(-9, 9), st.integers(-9, 9))
def test_a_region_holds_the_very_pixels(mask: np.ndarray, row: int, col: int) -> None:
    region = Region.of(mask, row, col)
    rows, cols = np.nonzero(mask)
    found_rows, found_cols = np.nonzero(region.crop)
    np.testing.assert_array_equal(found_rows + region.row, rows + row)
    np.testing.assert_array_equal(found_cols + region.col, cols + col)
    assert region == Region.of(mask, row, col)
    assert hash(region) == hash(Region.of(mask.copy(), row, col))
    point = region.points[0]
    assert mask[int(point.row) - row, int(point.col) - col]


@given(masks, st.integers(1, 40))
def test_a_region_covers_as_much_at_any_resolution(mask: np.ndarray, size: int) -> None:
    view = View.whole(mask.shape, 256)
    share = Region.of(mask).share_over(view, size)
    assert share.mean() == pytest.approx(mask.mean())
    assert share.min() >= 0
    assert share.max() <= 1 + 1e-9


def test_a_region_lies_where_it_is_in_a_view_of_a_part() -> None:
    view = View((64, 128), (16, 32, 48, 64), 256)
    mask = np.zeros((64, 128), bool)
    mask[20:30, 40:90] = True
    share = Region.of(mask).share_over(view, 32)
    np.testing.assert_array_equal(share > 0.5, mask[16:48, 32:64])


@pytest.mark.parametrize("runs", [(1, 2), (4, 0), (-1, 5), ()])
def test_a_malformed_region_is_refused(runs: tuple[int, ...]) -> None:
    with pytest.raises(PromptError):
        Region(0, 0, 2, 2, runs)


def test_an_empty_mask_is_no_region() -> None:
    with pytest.raises(PromptError, match="a pixel at least"):
        Region.of(np.zeros((3, 3), bool))


def test_a_lasso_is_a_mask() -> None:
    logits = mask_logits(Prompts(lassos=(LEFT,)), VIEW, 64)
    assert logits is not None
    assert (logits[:, :32] == CERTAINTY).all()
    assert (logits[:, 32:] == -CERTAINTY).all()


def test_a_lasso_is_drawn_into_the_mask_that_is_refined() -> None:
    before = MaskPrompt(np.full((64, 64), 3.0), VIEW)
    inside = LEFT.path
    prompts = Prompts().extended(lassos=(Lasso(inside, inside=False),), mask=before)
    logits = mask_logits(prompts, VIEW, 64)
    assert logits is not None
    assert (logits[:, :32] == -CERTAINTY).all()
    assert (logits[:, 32:] == 3).all()
    # The answer to that knows of it: what is said next is not drawn over.
    after = prompts.extended(points=(Point(5, 5),), mask=before)
    logits = mask_logits(after, VIEW, 64)
    assert logits is not None
    assert (logits == 3).all()


def test_a_region_can_be_extended_by_a_lasso() -> None:
    mask = np.zeros((64, 128), bool)
    mask[:, 64:] = True
    prompts = Prompts(region=Region.of(mask), lassos=(LEFT,))
    logits = mask_logits(prompts, VIEW, 64)
    assert logits is not None
    assert (logits == CERTAINTY).all()


def test_points_and_what_takes_away_are_no_mask() -> None:
    away = Lasso(LEFT.path, inside=False)
    assert mask_logits(Prompts((Point(1, 1),)), VIEW, 64) is None
    assert mask_logits(Prompts((Point(1, 99),), lassos=(away,)), VIEW, 64) is None


def test_the_model_gets_points_and_a_box_of_everything() -> None:
    line = Scribble(((60, 100), (60, 120)))
    away = Scribble(((2, 2), (2, 3)), inside=False)
    prompts = Prompts((Point(3, 4),), scribbles=(line, away), lassos=(LEFT,))
    assert prompts.places == (Point(3, 4), *line.points, *away.points, *LEFT.points)
    assert prompts.bounds == Box(-0.5, -0.5, 63.5, max(p.col for p in line.points))
    assert Prompts(scribbles=(line,)).bounds is None
    drawn = Box(0, 0, 9, 9)
    assert Prompts(box=drawn, lassos=(LEFT,)).bounds == drawn


def test_what_is_ambiguous() -> None:
    assert Prompts((Point(1, 1),)).ambiguous
    assert Prompts(scribbles=(Scribble(((1, 1),)),)).ambiguous
    assert not Prompts(scribbles=(Scribble(((1, 1), (1, 50))),)).ambiguous
    assert not Prompts(lassos=(LEFT,)).ambiguous


def test_only_a_mask_answers_to_lassos() -> None:
    with pytest.raises(PromptError, match="answer"):
        Prompts(lassos=(LEFT,), answered=1)
    with pytest.raises(PromptError, match="candidate"):
        Prompts((Point(1, 1),), choice=3)
