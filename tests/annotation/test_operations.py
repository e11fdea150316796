"""Deleting, merging, splitting and naming objects, exactly and undoably."""

from __future__ import annotations

import tracemalloc
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.corrections import indices_of
from napari_sam2.annotation.extents import survey
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.ledger import Ledger
from napari_sam2.annotation.objects import Notes
from napari_sam2.annotation.operations import (
    Classify,
    Delete,
    Merge,
    Relabel,
    Review,
    Split,
)
from napari_sam2.annotation.overlap import OVERWRITE
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.errors import LabelsError
from napari_sam2.segmentation.prompts import Point, Prompts
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex
from tests.annotation.test_ledger import SHAPE, carry_out, found, overlaps, rectangles

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.operations import Operation


def labels_with(*rectangles: AnnotatedObject) -> ArrayLabels:
    """Return labels that hold rectangles, from before the tool came."""
    store = ArrayLabels(SHAPE)
    for label, rectangle in enumerate(rectangles, start=1):
        store.write(indices_of(rectangle, store), label)
    return store


def ledger_of(*rectangles: AnnotatedObject, **kwargs: Any) -> Ledger:
    """Return a ledger in which rectangles were kept."""
    ledger = Ledger(ArrayLabels(SHAPE))
    ledger.take_survey(survey(ledger.store))
    for rectangle in rectangles:
        assert ledger.keep(rectangle, current=None, **kwargs) is not None
    return ledger


def count(ledger: Ledger, label: int) -> int:
    return int(np.count_nonzero(ledger.store.array() == label))


def state(ledger: Ledger) -> tuple[Any, ...]:
    return (
        ledger.store.array().tolist(),
        dict(ledger.objects),
        dict(ledger.inventory.notes),
        {
            label: ledger.inventory.extents[label].area
            for label in ledger.inventory.extents.labels
        },
    )


def check(ledger: Ledger) -> None:
    """What is known of the objects is what is in the labels."""
    ids, counts = np.unique(ledger.store.array(), return_counts=True)
    there = {int(i): int(n) for i, n in zip(ids, counts, strict=True) if i}
    assert {
        i: ledger.inventory.extents[i].area for i in ledger.inventory.extents.labels
    } == there
    for label in there:
        axes = np.nonzero(ledger.store.array() == label)
        extent = ledger.inventory.extents[label]
        for axis, start, stop in zip(axes, extent.start, extent.stop, strict=True):
            assert start <= axis.min()
            assert axis.max() < stop
    assert all(kept.label == label for label, kept in ledger.objects.items())
    assert all(notes != Notes() for notes in ledger.inventory.notes.values())


picks = st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), rectangles, overlaps),
        st.tuples(st.just("correct"), rectangles, overlaps),
        st.tuples(st.just("paint"), rectangles, st.integers(0, 9)),
        st.tuples(st.just("delete"), st.lists(picks, max_size=3)),
        st.tuples(st.just("merge"), st.lists(picks, max_size=3), picks),
        st.tuples(st.just("split"), picks),
        st.tuples(st.just("relabel"), picks, st.integers(0, 300)),
        st.tuples(st.just("classify"), picks, st.sampled_from([None, "a", "b"])),
        st.tuples(st.just("review"), picks, st.booleans()),
        st.tuples(st.just("undo")),
        st.tuples(st.just("redo")),
    ),
    max_size=20,
)


def operation(step: tuple, labels: list[int]) -> Operation | None:
    """Turn the places of a step into ids that there are."""
    kind, *rest = step

    def pick(number: int) -> int:
        return labels[number % len(labels)]

    if kind == "delete":
        return Delete(tuple(map(pick, rest[0])))
    if kind == "merge":
        return Merge(tuple(map(pick, rest[0])), pick(rest[1]))
    if kind == "split":
        return Split(pick(rest[0]))
    if kind == "relabel":
        return Relabel(pick(rest[0]), rest[1])
    if kind == "classify":
        return Classify((pick(rest[0]),), rest[1])
    if kind == "review":
        return Review((pick(rest[0]),), rest[1])
    return None


@settings(max_examples=300, deadline=None)
@given(st.lists(rectangles, max_size=3), steps, st.booleans())
def test_whatever_is_done_can_be_undone_and_done_again(
    there: list[AnnotatedObject], some_steps: list[tuple], known: bool
) -> None:
    ledger = Ledger(labels_with(*there))
    if known:
        ledger.take_survey(survey(ledger.store))
    for step in some_steps:
        labels = sorted({*ledger.inventory.extents.labels, *ledger.objects})
        asked = operation(step, labels) if labels else None
        if asked is None:
            carry_out(ledger, step)
        else:
            before = state(ledger)
            try:
                edit = ledger.operate(asked)
            except LabelsError:
                edit = None
            if edit is None and known:
                assert state(ledger) == before
        if ledger.inventory.extents.known:
            check(ledger)
    if not known:
        ledger.take_survey(survey(ledger.store))
    states = [state(ledger)]
    while ledger.undo() is not None:
        check(ledger)
        states.append(state(ledger))
    expected = labels_with(*there)
    np.testing.assert_array_equal(ledger.store.array(), expected.array())
    assert not ledger.objects
    assert not ledger.inventory.notes
    for expected_state in reversed(states[:-1]):
        ledger.redo()
        assert state(ledger) == expected_state


def test_what_an_object_had_covered_comes_back_when_it_is_deleted() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)), found(0, (2, 6), (2, 6)))
    ledger.keep(found(0, (1, 5), (1, 5)), overlap=OVERWRITE, current=None)
    ledger.operate(Delete((3,)))
    assert count(ledger, 1) == 16
    assert count(ledger, 2) == 12


def test_an_object_that_is_gone_does_not_come_back_from_under_another() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)))
    ledger.keep(found(0, (2, 6), (2, 6)), overlap=OVERWRITE, current=None)
    ledger.operate(Delete((1,)))
    ledger.operate(Delete((2,)))
    assert not ledger.store.array().any()
    ledger.undo()
    ledger.correct(ledger.objects[2], found(0, (6, 8), (6, 8)))
    assert count(ledger, 1) == 0


def test_deleting_leaves_what_others_have_painted_since() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)))
    store = ledger.store
    places = tuple(np.array([[0, 0], [0, 1], [0, 0]]))
    change = PixelChange.between(store.shape, places, store.read(places), 9)
    change.apply(store)
    ledger.record_edit([change], None)
    ledger.operate(Delete((1,)))
    assert sorted(np.unique(store.array())) == [0, 9]
    ledger.undo()
    assert count(ledger, 1) == 14
    assert count(ledger, 9) == 2


def test_merged_objects_are_one_to_a_later_correction() -> None:
    one, two = found(0, (0, 4), (0, 4)), found(0, (6, 9), (6, 9))
    two = replace(two, plane=one.plane, prompts=Prompts((Point(7, 7),)))
    ledger = ledger_of(one, two)
    ledger.operate(Merge((1, 2), into=2))
    merged = ledger.objects[2]
    assert set(ledger.objects) == {2}
    assert count(ledger, 2) == 16 + 9
    assert merged.prediction.area == 16 + 9
    assert merged.prompts.points == (Point(7, 7), Point(0, 0))
    ledger.correct(merged, replace(one, label=2))
    assert count(ledger, 2) == 16
    ledger.undo()
    ledger.undo()
    assert (count(ledger, 1), count(ledger, 2)) == (16, 9)


def test_pixels_from_another_plane_stay_when_the_merged_object_is_corrected() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)), found(1, (6, 9), (6, 9)))
    ledger.operate(Merge((1, 2), into=1))
    ledger.correct(ledger.objects[1], found(0, (0, 2), (0, 2)))
    assert count(ledger, 1) == 4 + 9


def test_a_split_object_keeps_its_id_and_prompts_where_it_is_largest() -> None:
    ledger = Ledger(ArrayLabels(SHAPE))
    both = found(0, (0, 4), (0, 4))
    logits = both.prediction.logits.copy()
    logits[7:9, 7:9] = 8
    points = (Point(1, 1), Point(8, 8), Point(5, 5, inside=False))
    both = replace(
        both,
        prediction=replace(both.prediction, logits=logits),
        prompts=Prompts(points),
    )
    ledger.keep(both, current=None)
    ledger.operate(Classify((1,), "nucleus"))
    edit = ledger.operate(Split(1))
    assert edit is not None
    assert (count(ledger, 1), count(ledger, 2)) == (16, 4)
    assert ledger.objects[1].prompts.points == (points[0], points[2])
    assert ledger.objects[1].prediction.area == 16
    assert ledger.inventory.notes_on(2) == Notes("nucleus")
    assert 2 not in ledger.objects
    assert ledger.inventory.next_label == 3
    ledger.undo()
    assert count(ledger, 1) == 20
    assert ledger.inventory.next_label == 2
    ledger.operate(Split(1))
    assert ledger.operate(Split(1)) is None


def test_parts_that_touch_by_a_corner_are_one() -> None:
    ledger = Ledger(labels_with(found(0, (0, 2), (0, 2))))
    ledger.store.write(tuple(np.array([[0], [2], [2]])), 1)
    assert ledger.operate(Split(1)) is None


def test_an_object_can_get_another_id_unless_it_is_taken() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)), found(0, (6, 9), (6, 9)))
    ledger.operate(Classify((1,), "cell"))
    ledger.operate(Relabel(1, 300))
    assert set(ledger.objects) == {2, 300}
    assert ledger.inventory.notes_on(300).category == "cell"
    assert ledger.inventory.notes_on(1) == Notes()
    # Its pixels are known to be its own: a correction goes on from there.
    ledger.correct(ledger.objects[300], found(0, (0, 2), (0, 2)))
    assert count(ledger, 300) == 4
    with pytest.raises(LabelsError, match="There is an object 2 already"):
        ledger.operate(Relabel(300, 2))
    with pytest.raises(LabelsError, match="ids are whole numbers"):
        ledger.operate(Relabel(300, 0))


def test_what_was_there_before_the_tool_has_a_class_and_can_be_merged() -> None:
    ledger = Ledger(labels_with(found(0, (0, 4), (0, 4)), found(0, (6, 9), (6, 9))))
    ledger.operate(Classify((2,), "cell"))
    ledger.operate(Review((1, 2)))
    ledger.operate(Merge((1, 2), into=1))
    assert ledger.inventory.notes_on(1) == Notes("cell", reviewed=False)
    assert count(ledger, 1) == 25
    ledger.undo()
    assert ledger.inventory.notes_on(1) == Notes(None, reviewed=True)
    assert ledger.inventory.notes_on(2) == Notes("cell", reviewed=True)


@pytest.mark.parametrize(
    "asked",
    [Delete((5,)), Merge((1, 5), 1), Split(5), Relabel(5, 6), Classify((5,), "a")],
)
def test_objects_that_are_not_there_are_said_to_be_missing(asked: Operation) -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)))
    with pytest.raises(LabelsError, match="There is no object 5"):
        ledger.operate(asked)


def test_merging_takes_two() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)))
    with pytest.raises(LabelsError, match="two objects or more"):
        ledger.operate(Merge((1,), 1))
    with pytest.raises(LabelsError, match="No object is selected"):
        ledger.operate(Delete(()))


def test_an_operation_is_plain_data() -> None:
    ledger = ledger_of(found(0, (0, 4), (0, 4)), found(0, (6, 9), (6, 9)))
    edit = ledger.operate(Merge((1, 2), into=2))
    assert edit is not None
    assert edit.operation is not None
    assert asdict(edit.operation) == {"labels": (1, 2), "into": 2}


def test_what_lies_far_apart_in_a_huge_image_costs_what_there_is_of_it(
    tmp_path: Path,
) -> None:
    side = 100_000
    store = SparseLabels((side, side), tmp_path / "labels.zarr")
    for label, corner in ((1, 0), (2, side - 600)):
        rows, cols = np.mgrid[corner : corner + 600, corner : corner + 600]
        store.write((rows.ravel(), cols.ravel()), label)
    ledger = Ledger(store)
    ledger.take_survey(survey(store))
    plane = Plane("slide", (side, side), PlaneIndex(), ArraySource([], PlaneIndex()))
    tracemalloc.start()
    assert ledger.operate(Merge((1, 2), 1)) is not None
    assert ledger.inventory.places(1).size == 2 * 600**2
    with pytest.raises(LabelsError, match="100,000 x 100,000 pixels: split it first"):
        ledger.region(1, plane)
    assert ledger.operate(Split(1)) is not None
    assert {n: ledger.inventory.extents[n].start for n in (1, 3)} == {
        1: (0, 0),
        3: (side - 600, side - 600),
    }
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()
    ledger.undo()
    assert ledger.operate(Delete((1,))) is not None
    assert not ledger.inventory.extents.labels
    store.close()


@given(st.integers(0, 2**30), st.sampled_from([(9, 11), (3, 6, 7)]))
def test_parts_are_told_apart_wherever_they_lie(
    seed: int, shape: tuple[int, ...]
) -> None:
    inside = np.random.default_rng(seed).random(shape) < 0.2
    inside[(0,) * len(shape)] = True
    store = ArrayLabels(shape)
    store.write(np.nonzero(inside), 1)
    ledger = Ledger(store)
    ledger.take_survey(survey(store))
    expected, count = ndimage.label(inside, np.ones((3,) * len(shape)))
    assert (ledger.operate(Split(1)) is None) == (count == 1)
    pairs = set(zip(expected[inside], store.array()[inside], strict=True))
    assert len(pairs) == count == len({after for _, after in pairs})
