"""Thresholds and candidates: of the preview, and of the object at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.refinement import Refinement
from tests.annotation.conftest import A, B
from tests.annotation.fakes import MASK_SIZE, FakeSegmenter

if TYPE_CHECKING:
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.segmentation.prompts import Prompts


class Hills(FakeSegmenter):
    """Answers with three cones around the first place: the higher, the larger."""

    def predict_prompts(
        self, image: Any, prompts: Prompts, *, multimask: bool | None = None
    ) -> Prediction:
        self.decodes.append(prompts)
        rows, cols = np.indices((MASK_SIZE, MASK_SIZE))
        row, col = image.view.cells(prompts.places[:1], MASK_SIZE)[0]
        away = np.hypot(rows - row, cols - col)
        found = tuple(
            Prediction(score, (height - away).astype(np.float32), image.view, rank=rank)
            for rank, (score, height) in enumerate(((0.5, 3), (0.9, 6), (0.7, 9)))
        )
        if not prompts.ambiguous and prompts.choice is None:
            return found[1]
        chosen = found[1 if prompts.choice is None else prompts.choice]
        return Prediction(
            chosen.score,
            chosen.logits,
            image.view,
            alternatives=found,
            rank=chosen.rank,
        )


@pytest.fixture
def segmenter() -> Hills:
    return Hills("starter")


def area(session: AnnotationSession, label: int = 1) -> int:
    return int((session.labels == label).sum())


def test_the_threshold_of_the_preview_is_that_of_the_next_objects(
    session: AnnotationSession, segmenter: Hills
) -> None:
    session.hover(*A)
    session.wait()
    before, asked = session.preview, len(segmenter.decodes)
    session.nudge_threshold(-2.0)
    after = session.preview
    # Nothing is decoded, and what is seen is what is kept.
    assert before is not None
    assert after is not None
    assert after.prediction.area > before.prediction.area
    session.click(*A)
    session.wait()
    assert len(segmenter.decodes) == asked
    assert area(session) == after.prediction.area
    session.click(*B)
    assert area(session, 2) == pytest.approx(area(session), rel=0.1)
    assert session.objects[2].prediction.refinement == Refinement(-2.0)


def test_the_threshold_of_the_current_object_is_one_item_of_the_history(
    session: AnnotationSession, segmenter: Hills
) -> None:
    session.click(*A)
    session.wait()
    before, asked = session.labels.copy(), len(segmenter.decodes)
    sizes = [area(session)]
    for _ in range(3):
        session.nudge_threshold(-1.0)
        sizes.append(area(session))
    assert sizes == sorted(set(sizes))
    assert len(segmenter.decodes) == asked
    assert session.refinement == Refinement(-3.0)
    after = session.labels.copy()
    session.undo()
    np.testing.assert_array_equal(session.labels, before)
    assert session.refinement == Refinement()
    session.redo()
    np.testing.assert_array_equal(session.labels, after)
    # The next object is cut as before.
    session.click(*B)
    session.wait()
    assert session.refinement == Refinement()


def test_a_correction_is_cut_as_the_object_was(session: AnnotationSession) -> None:
    session.click(*A)
    session.refine(threshold=-2.0, fill_holes=True)
    session.add(*B)
    session.wait()
    assert session.refinement == Refinement(-2.0, fill_holes=True)
    titles = [session.undo(), session.undo()]
    assert titles == [None, None]
    session.wait()
    assert session.refinement == Refinement()


def test_a_mask_is_not_refined_away(session: AnnotationSession) -> None:
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.click(*A)
    session.refine(threshold=7.0)
    session.wait()
    assert len(notices) == 1
    assert area(session) > 0
    assert session.refinement == Refinement()


def test_a_draft_is_refined_as_well(session: AnnotationSession) -> None:
    session.collect = True
    session.click(*A)
    session.wait()
    session.nudge_threshold(-2.0)
    assert session.preview is not None
    size = session.preview.prediction.area
    session.done()
    assert area(session) == size
    session.undo()
    session.undo()
    assert session.refinement == Refinement()


def test_the_threshold_has_ends(session: AnnotationSession) -> None:
    session.nudge_threshold(-100)
    assert session.refinement == Refinement(-8.0)
    with pytest.raises(PromptError):
        session.refine(smoothing=-1)


def test_a_sharper_mask_is_cut_as_the_object_is_by_then(
    session: AnnotationSession, segmenter: Hills
) -> None:
    session.sharpen = True
    segmenter.hold_look.clear()
    session.click(*A)
    session.process()
    while not session.objects:
        session._inference.wait_for_answer(1)
        session.process()
    session.nudge_threshold(-1.0)
    segmenter.hold_look.set()
    session.wait()
    found = session.objects[1].prediction
    assert (found.score, found.threshold) == (0.95, -1.0)


def test_candidates_of_the_preview_are_cycled_and_kept(
    session: AnnotationSession,
) -> None:
    session.hover(*A)
    session.wait()
    sizes = []
    for _ in range(4):
        session.next_candidate()
        session.wait()
        assert session.preview is not None
        sizes.append(session.preview.prediction.area)
    largest, smallest, middle, again = sizes
    assert smallest < middle < largest == again
    session.click(*A)
    assert area(session) == largest
    assert session.objects[1].prompts.choice == 2
    # It holds for the next ones, until it is let go of.
    session.click(*B)
    assert session.labels.max() == 2
    assert session.objects[2].prompts.choice == 2
    assert session.candidate == "largest"
    session.any_candidate()
    assert session.candidate == ""
    session.done()
    session.hover(40, 30)
    session.wait()
    assert session.preview is not None
    assert session.preview.prompts.choice is None


def test_candidates_of_the_object_that_was_just_kept(
    session: AnnotationSession,
) -> None:
    session.click(*A)
    middle = area(session)
    session.next_candidate()
    largest = area(session)
    session.next_candidate()
    assert area(session) < middle < largest
    session.undo()
    assert area(session) == largest
    session.undo()
    assert area(session) == middle
    assert list(session.objects) == [1]


def test_what_is_clear_has_one_candidate(session: AnnotationSession) -> None:
    notices: list[str] = []
    session.notice.connect(notices.append)
    session.next_candidate()
    assert notices == []
    session.click(*A)
    session.add(*B)
    session.wait()
    session.next_candidate()
    session.wait()
    # Asked for, a correction has candidates as well.
    assert session.objects[1].prompts.choice is not None
    assert session.objects[1].prompts.mask is not None
