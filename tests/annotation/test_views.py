"""Of a large plane only what is looked at is read and encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.status import Phase
from napari_sam2.segmentation.dense import mask_logits
from napari_sam2.segmentation.points import Point
from napari_sam2.segmentation.view import View
from tests.annotation.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from collections.abc import Iterator

# A nucleus in each corner, and one that no screen shows whole.
SHAPE = (3000, 4000)
NEAR, FAR = (300, 300), (2700, 3700)
LEFT, RIGHT = (0, 0, 600, 600), (2300, 3300, 2900, 3900)
ALL = (0, 0, *SHAPE)


@pytest.fixture
def image() -> np.ndarray[Any, Any]:
    image = np.zeros(SHAPE, np.uint8)
    for place, value in ((NEAR, 120), (FAR, 200)):
        rows, cols = slice(place[0] - 40, place[0] + 40), slice(place[1] - 40, None)
        image[rows, cols][:, :80] = discs([(40, 40)], (80, 80), 40) // 100 * value
    return image


@pytest.fixture(autouse=True)
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 1e9)


@pytest.fixture
def session(
    image: np.ndarray[Any, Any], segmenter: FakeSegmenter
) -> Iterator[AnnotationSession]:
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    session.set_labels(ArrayLabels(SHAPE))
    session.set_plane(Plane.of_array(image, name="slide"), LEFT)
    session.wait()
    yield session
    segmenter.hold_encode.set()
    session.close()


def area(session: AnnotationSession, label: int = 1) -> int:
    return int(np.count_nonzero(session.labels == label))


def test_what_is_looked_at_is_encoded_and_as_sharp_as_it_is_seen(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    (view,) = segmenter.views
    assert view.window == (0, 0, 768, 768)
    session.look_at((2500, 3500, 2700, 3700))
    session.wait()
    assert segmenter.views[-1].height == segmenter.engine.image_size
    session.look_at(ALL)
    session.wait()
    assert segmenter.views[-1] == View.whole(SHAPE, segmenter.engine.image_size)
    # The whole is read at a resolution of use to the model.
    assert max(segmenter.encodes[-1].shape) < 1200


def test_small_pans_and_zooms_encode_nothing(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    for step in range(10):
        session.look_at((step, 2 * step, 600 - step, 600 + step))
        session.wait()
    assert len(segmenter.views) == 1


def test_while_a_new_view_is_on_its_way_the_old_one_answers(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.hover(*NEAR)
    session.wait()
    shown = session.preview
    assert shown is not None
    segmenter.hold_encode.clear()
    session.look_at((200, 200, 500, 500))
    assert segmenter.encoding.wait(10)
    session.process()
    assert session.preview is shown
    assert session.status.phase is Phase.READY
    session.hover(NEAR[0] - 20, NEAR[1])
    while session.preview is shown:
        session._inference.wait_for_answer(10)
        session.process()
    session.click(NEAR[0], NEAR[1] - 20)
    while not session.objects:
        session._inference.wait_for_answer(10)
        session.process()
    assert segmenter.encoding.is_set()
    session.hover(*NEAR)
    # The next view takes over by itself where the mouse is.
    segmenter.hold_encode.set()
    session.wait()
    assert session.preview is not None
    assert session.preview.prediction.view == segmenter.views[-1]
    assert session.preview.prediction.view != shown.prediction.view


def test_a_place_beside_the_old_view_waits_for_the_new_one(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.look_at(RIGHT)
    session.hover(*FAR)
    session.click(*FAR)
    assert segmenter.encoding.wait(10)
    session.process()
    assert session.preview is None
    assert segmenter.decodes == []
    segmenter.hold_encode.set()
    session.wait()
    assert 4500 < area(session) < 5600
    assert session.current is not None
    assert session.current.prediction.view.contains(*FAR)


def test_after_zooming_in_a_long_way_a_click_waits_for_what_is_seen_then(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    session.look_at(ALL)
    session.wait()
    segmenter.hold_encode.clear()
    session.look_at((250, 250, 350, 350))
    session.click(*NEAR)
    assert segmenter.encoding.wait(10)
    session.process()
    assert segmenter.decodes == []
    segmenter.hold_encode.set()
    session.wait()
    assert session.objects[1].prediction.view.height == segmenter.engine.image_size


def test_a_click_is_carried_out_although_the_user_has_gone_on(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.look_at(RIGHT)
    session.click(*FAR)
    session.click(*NEAR)
    session.look_at(LEFT)
    segmenter.hold_encode.set()
    assert area(session) > 4500
    assert area(session, 2) > 4500
    assert session.labels[FAR] == 1


def test_a_script_clicks_where_nobody_looks(session: AnnotationSession) -> None:
    session.click(*FAR)
    session.click(*NEAR)
    assert session.labels[FAR] == 1
    assert session.labels[NEAR] == 2


def test_going_back_stops_what_was_on_its_way(
    session: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.hold_encode.clear()
    session.look_at(RIGHT)
    assert segmenter.encoding.wait(10)
    session.look_at(LEFT)
    session.wait()
    assert segmenter.cancelled == 1
    session.click(*NEAR)
    assert area(session) > 4500


def test_another_plane_is_looked_at_in_the_same_place(
    session: AnnotationSession, segmenter: FakeSegmenter, image: np.ndarray[Any, Any]
) -> None:
    session.set_plane(Plane.of_array(image[::-1], name="other"), RIGHT)
    session.wait()
    assert segmenter.views[-1].contains(RIGHT[0], RIGHT[1])
    assert segmenter.views[-1].contains(RIGHT[2] - 1, RIGHT[3] - 1)
    assert len(segmenter.views) == 2


def test_when_idle_the_neighbours_are_encoded_and_make_way_at_once(
    session: AnnotationSession,
    segmenter: FakeSegmenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session.look_at((1000, 1000, 1600, 1600))
    session.wait()
    asked = len(segmenter.views)
    segmenter.hold_encode.clear()
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 0.0)
    session.hover(1200, 1200)
    session.wait()
    assert segmenter.encoding.wait(10)
    assert not session.busy
    session.hover(1300, 1300)
    session.wait()
    assert session.preview is not None
    # What was stopped is taken up again.
    assert segmenter.stopped.wait(10)
    assert segmenter.encoding.wait(10)
    segmenter.hold_encode.set()
    near = segmenter.views[asked:]
    assert near[0] == near[1]
    assert all(view.image_size == segmenter.engine.image_size for view in near)


# ------------------------------------------------------------- objects across views

# A band across all of the plane, which no view shows.
BAND = (slice(1000, 1060), slice(None))
AT = (1030, 300)
FARTHER = (1030, 1500)
HERE, THERE = (800, 0, 1400, 600), (800, 1100, 1400, 1900)


@pytest.fixture
def band(segmenter: FakeSegmenter) -> Iterator[AnnotationSession]:
    image = np.zeros(SHAPE, np.uint8)
    image[BAND] = 150
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    session.set_labels(ArrayLabels(SHAPE))
    session.set_plane(Plane.of_array(image, name="slide"), HERE)
    session.wait()
    yield session
    session.close()


def columns(session: AnnotationSession) -> tuple[int, int]:
    """First and last column of the object."""
    cols = np.flatnonzero((session.labels == 1).any(axis=0))
    return int(cols[0]), int(cols[-1])


@pytest.mark.parametrize("collect", [False, True])
def test_an_object_that_crosses_views_stays_one_object(
    band: AnnotationSession, collect: bool
) -> None:
    band.collect = collect
    band.click(*AT)
    band.wait()
    band.look_at(THERE)
    band.wait()
    assert band.current is not None
    seen = band.current.prediction.view.window
    band.add(*FARTHER)
    band.wait()
    band.done()
    band.wait()
    labels = band.labels
    assert set(np.unique(labels)) == {0, 1}
    assert labels[AT] == labels[FARTHER] == 1
    assert columns(band)[0] == 0
    assert columns(band)[1] > 1800
    # What the first view has found outside of the second is all there.
    rows = np.flatnonzero(labels[:, 10])
    assert abs(len(rows) - 60) <= 4
    assert (labels[1020:1040, : seen[3] - 20] == 1).all()


def test_correcting_in_another_view_takes_nothing_away_elsewhere(
    band: AnnotationSession,
) -> None:
    band.click(*AT)
    band.wait()
    before = band.labels.copy()
    band.look_at(THERE)
    band.wait()
    band.add(*FARTHER)
    band.wait()
    band.remove(1030, 1450)
    band.wait()
    # All of it is gone where it was looked at, and nothing elsewhere.
    view = band.objects[1].prediction.view
    assert not band.labels[:, view.window[1] : view.window[3]].any()
    np.testing.assert_array_equal(
        band.labels[:, : view.window[1]], before[:, : view.window[1]]
    )
    for _ in range(2):
        band.undo()
    np.testing.assert_array_equal(band.labels, before)
    band.redo()
    assert band.labels[FARTHER] == 1
    assert band.labels[AT] == 1


def test_a_correction_from_farther_away_is_told_of_all_that_there_is(
    band: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    band.click(*AT)
    band.wait()
    band.look_at(THERE)
    band.wait()
    band.add(*FARTHER)
    band.wait()
    assert band.objects[1].beyond
    band.look_at((500, 0, 2500, 2000))
    band.wait()
    band.add(*FARTHER)
    band.wait()
    asked = segmenter.decodes[-1]
    view = segmenter.views[-1]
    logits = mask_logits(asked, view, segmenter.engine.mask_size)
    assert logits is not None
    known = view.cells([Point(*AT), Point(*FARTHER), Point(2000, 300)], len(logits))
    there = [bool((logits[row : row + 2, col] > 0).any()) for row, col in known]
    assert there == [True, True, False]
    # Everything is in one view again.
    assert band.objects[1].beyond == ()


def test_an_object_is_sharper_where_it_is_looked_at_and_whole_elsewhere(
    band: AnnotationSession, segmenter: FakeSegmenter
) -> None:
    segmenter.zoom = True
    band.click(*AT)
    band.wait()
    band.look_at(THERE)
    band.wait()
    band.add(*FARTHER)
    band.wait()
    assert band.objects[1].prediction.score == pytest.approx(0.95)
    assert band.labels[AT] == band.labels[FARTHER] == 1
    assert columns(band)[0] == 0
