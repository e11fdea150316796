"""What is drawn with a box, a scribble and a lasso, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.annotation.marks import Mark, Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.errors import PromptError
from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.prompts import Prompts
from napari_sam2.segmentation.revision import Kind, moved, without
from tests.annotation.conftest import A, B, C

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from tests.annotation.fakes import FakeSegmenter

AROUND_A = ((8.0, 8.0), (24.0, 24.0))
AROUND_AB = ((8.0, 6.0), (24.0, 54.0))
SHAPE = (64, 64)
coordinates = st.floats(-200, 200, allow_nan=False)
paths = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=9).map(tuple)


def test_a_box_is_one_object_of_what_is_in_it(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray
) -> None:
    session.draw(Tool.BOX, AROUND_AB)
    np.testing.assert_array_equal(
        session.labels == 1, (image > 0) & (np.indices(SHAPE)[0] <= 24)
    )
    assert segmenter.decodes[-1] == Prompts(box=Box(8, 6, 24, 54))


@pytest.mark.parametrize("ends", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_box_may_be_drawn_from_any_corner(ends: tuple[int, int]) -> None:
    rows, cols = (8.0, 24.0), (6.0, 54.0)
    path = (rows[ends[0]], cols[ends[1]]), (rows[1 - ends[0]], cols[1 - ends[1]])
    assert Mark(Tool.BOX, path).box == Box(8, 6, 24, 54)


def test_while_a_box_is_drawn_the_mask_follows(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    for col in (20, 30, 54):
        session.sketch(Tool.BOX, (AROUND_AB[0], (24, col)))
    session.wait()
    assert session.preview is not None
    assert session.preview.prompts.box == Box(8, 6, 24, 54)
    asked = len(segmenter.decodes)
    session.draw(Tool.BOX, AROUND_AB)
    session.wait()
    # What was previewed is what is kept.
    assert len(segmenter.decodes) == asked
    assert len(session.objects) == 1


def test_a_box_corrects_the_current_object(session: AnnotationSession) -> None:
    session.click(*C)
    session.draw(Tool.BOX, AROUND_A, Pointing.ADD)
    session.wait()
    (found,) = session.objects.values()
    assert found.prompts.box == Box(8, 8, 24, 24)
    assert found.prompts.mask is not None
    session.draw(Tool.BOX, AROUND_AB, Pointing.ADD)
    session.wait()
    assert session.objects[1].prompts.box == Box(8, 6, 24, 54)
    session.undo()
    assert session.objects[1].prompts.box == Box(8, 8, 24, 24)


def test_a_box_that_takes_away_is_a_line_around_what_is_not_the_object(
    session: AnnotationSession,
) -> None:
    session.draw(Tool.BOX, AROUND_AB)
    session.draw(Tool.BOX, AROUND_A, Pointing.REMOVE)
    assert session.labels[A] == 0
    assert session.labels[B] == 1
    prompts = session.objects[1].prompts
    assert prompts.box == Box(8, 6, 24, 54)
    (lasso,) = prompts.lassos
    assert not lasso.inside
    assert lasso.bounds == Box(8, 8, 24, 24)
    assert prompts.answered == 0


def test_a_scribble_joins_what_it_runs_over(session: AnnotationSession) -> None:
    session.draw(Tool.SCRIBBLE, (A, B))
    assert session.labels[A] == session.labels[B] == 1
    session.draw(Tool.SCRIBBLE, ((15, 15), (18, 18)), Pointing.REMOVE)
    assert session.labels[A] == 0
    assert [s.inside for s in session.objects[1].prompts.scribbles] == [True, False]


def test_a_lasso_goes_around_the_whole_of_a_new_object(
    session: AnnotationSession,
) -> None:
    around = ((8, 8), (8, 24), (24, 24), (24, 8))
    session.draw(Tool.LASSO, around)
    assert session.labels[A] == 1
    assert session.objects[1].prompts.lassos[0].whole
    session.draw(Tool.LASSO, ((8, 36), (8, 52), (24, 52), (24, 36)), Pointing.ADD)
    assert session.labels[A] == session.labels[B] == 1
    prompts = session.objects[1].prompts
    assert not prompts.lassos[1].whole
    assert prompts.bounds == Box(8, 8, 24, 52)


def test_all_of_them_are_about_one_draft(session: AnnotationSession) -> None:
    session.collect = True
    session.click(*A)
    session.draw(Tool.BOX, ((8, 36), (24, 52)))
    session.draw(Tool.SCRIBBLE, ((43, 29), (45, 31)))
    session.done()
    assert {session.labels[place] for place in (A, B, C)} == {1}
    prompts = session.objects[1].prompts
    assert (prompts.points, len(prompts.scribbles)) == ((Point(*A),), 1)
    assert prompts.box is not None


def test_nothing_is_taken_away_from_nothing(session: AnnotationSession) -> None:
    session.draw(Tool.LASSO, ((8, 8), (8, 24), (24, 24)), Pointing.REMOVE)
    assert not session.labels.any()


def test_what_lies_beside_the_image_does_not_count(
    session: AnnotationSession,
) -> None:
    session.draw(Tool.BOX, ((-40, -40), (-10, -10)))
    session.draw(Tool.SCRIBBLE, ((-40, -40), (-10, -10)))
    session.wait()
    assert session.objects == {}
    session.draw(Tool.BOX, ((-40, -40), (24, 24)))
    assert session.labels[A] == 1
    assert session.objects[1].prompts.box == Box(0, 0, 24, 24)


@given(st.sampled_from(Tool), paths, st.booleans())
def test_any_line_is_a_mark_on_the_plane_or_none(
    tool: Tool, path: tuple[tuple[float, float], ...], inside: bool
) -> None:
    mark = Mark.drawn(tool, path, SHAPE)
    if mark is None:
        return
    assert Mark.drawn(tool, path, SHAPE) == mark
    for row, col in mark.path:
        assert -0.5 <= row <= 63.5
        assert -0.5 <= col <= 63.5
    for before in (None, Prompts((Point(3, 3),))):
        assert mark.said_of(before, inside=inside)


def test_a_lasso_around_nothing_is_a_place() -> None:
    mark = Mark.drawn(Tool.LASSO, ((5, 5), (5, 6), (5, 5)), SHAPE)
    assert mark == Mark.at(5, 5)


def test_a_point_that_is_moved_is_asked_about_anew(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.click(*A)
    session.add(*B)
    session.wait()
    before = session.objects[1].prompts
    there = moved(before, Kind.POINT, 1, (C[0] - B[0], C[1] - B[1]), SHAPE)
    session.revise(there, preview=True)
    session.wait()
    assert session.preview is not None
    assert session.preview.prompts == there
    assert session.labels[B] == 1
    session.revise(there)
    assert [session.labels[place] for place in (A, B, C)] == [1, 0, 1]
    # All is said at once: no answer to what was there before.
    assert segmenter.decodes[-1] == Prompts((Point(*A), Point(*C)))
    session.undo()
    assert [session.labels[place] for place in (A, B, C)] == [1, 1, 0]
    assert session.current is not None
    assert session.current.prompts == before


def test_a_prompt_can_be_taken_back_but_for_the_last(
    session: AnnotationSession,
) -> None:
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.click(*A)
    session.remove(*B)
    session.wait()
    session.revise(without(session.objects[1].prompts, Kind.POINT, 1))
    session.wait()
    assert session.objects[1].prompts == Prompts((Point(*A),))
    session.revise(without(session.objects[1].prompts, Kind.POINT, 0))
    assert len(notices) == 1
    assert session.labels[A] == 1


def test_without_an_object_there_is_nothing_to_revise(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.revise(Prompts((Point(*A),)))
    session.wait()
    assert segmenter.decodes == []


def test_tools_have_names(session: AnnotationSession) -> None:
    session.draw("box", [(8, 8), (24, 24)])
    assert session.labels[A] == 1
    with pytest.raises(PromptError, match="“pencil”, only “point”"):
        session.draw("pencil", AROUND_A)
