"""Prompts are values: compared by content, never changed."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.prompts import Box, MaskPrompt, Point, Prompts

coordinates = st.floats(-1e6, 1e6, allow_nan=False)
points = st.builds(Point, coordinates, coordinates, st.booleans())


@given(st.lists(points, max_size=4))
def test_equal_content_is_equal_however_it_was_given(places: list[Point]) -> None:
    one = Prompts(tuple(places))
    two = Prompts(
        tuple(Point(np.float64(p.row), np.float64(p.col), p.inside) for p in places)
    )
    assert one == two
    assert hash(one) == hash(two)


def test_numbers_of_any_kind_become_plain_ones() -> None:
    prompts = Prompts([Point(np.int64(3), np.float32(4.5))], Box(*np.arange(4)))  # type: ignore[arg-type]
    assert prompts.points == (Point(3.0, 4.5, True),)
    assert type(prompts.points[0].row) is float
    assert prompts.box == Box(0.0, 1.0, 2.0, 3.0)
    hash(prompts)


def test_prompts_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Prompts().points = ()  # type: ignore[misc]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_coordinates_must_be_finite(bad: float) -> None:
    with pytest.raises(PromptError, match="finite"):
        Prompts((Point(bad, 0),))
    with pytest.raises(PromptError, match="finite"):
        Prompts(box=Box(0, 0, 1, bad))


@pytest.mark.parametrize("box", [Box(5, 0, 4, 9), Box(0, 5, 9, 4)])
def test_a_box_must_not_be_turned_around(box: Box) -> None:
    with pytest.raises(PromptError, match="turned around"):
        Prompts(box=box)


def test_a_box_may_be_one_pixel() -> None:
    assert Prompts(box=Box(3, 3, 3, 3))


def test_only_a_single_point_is_ambiguous() -> None:
    mask = MaskPrompt(np.zeros((8, 8), np.float32))
    here, there = Point(1, 2), Point(3, 4, inside=False)
    assert Prompts((here,)).ambiguous
    assert not Prompts((here, there)).ambiguous
    assert not Prompts((here,), Box(0, 0, 9, 9)).ambiguous
    assert not Prompts((here,), mask=mask).ambiguous
    assert not Prompts().ambiguous


def test_prompts_are_true_if_there_is_one() -> None:
    assert not Prompts()
    assert Prompts((Point(0, 0),))
    assert Prompts(box=Box(0, 0, 0, 0))
    assert Prompts(mask=MaskPrompt(np.zeros((8, 8), np.float32)))


def test_a_point_more_leaves_the_old_prompts_as_they_were() -> None:
    old = Prompts((Point(1, 2),), Box(0, 0, 9, 9))
    mask = MaskPrompt(np.zeros((8, 8), np.float32))
    new = old.with_point(Point(3, 4, inside=False), mask)
    assert old == Prompts((Point(1, 2),), Box(0, 0, 9, 9))
    assert new.points == (Point(1, 2), Point(3, 4, False))
    assert new.box == old.box
    assert new.mask == mask
    assert new.with_point(Point(5, 6)).mask is None


def test_a_mask_prompt_is_a_copy_that_nobody_can_change() -> None:
    logits = np.zeros((8, 8), np.float32)
    mask = MaskPrompt(logits)
    logits[2, 2] = 7
    assert mask.logits[2, 2] == 0
    with pytest.raises(ValueError, match="read-only"):
        mask.logits[0, 0] = 1


def test_mask_prompts_are_compared_by_content() -> None:
    logits = np.arange(64.0).reshape(8, 8)
    one, two = MaskPrompt(logits), MaskPrompt(logits.astype(np.float32))
    assert one == two
    assert hash(one) == hash(two)
    assert one != MaskPrompt(logits.T)
    assert one != "a mask"


@pytest.mark.parametrize("shape", [(8,), (8, 9), (1, 8, 8)])
def test_a_mask_prompt_is_square(shape: tuple[int, ...]) -> None:
    with pytest.raises(PromptError, match="square"):
        MaskPrompt(np.zeros(shape, np.float32))


def test_a_mask_prompt_is_finite() -> None:
    with pytest.raises(PromptError, match="finite"):
        MaskPrompt(np.full((8, 8), np.nan, np.float32))
