"""Whatever is kept, corrected and painted: undo and redo lead back and forth."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.corrections import indices_of
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.ledger import Ledger
from napari_sam2.annotation.objects import AnnotatedObject
from napari_sam2.annotation.overlap import OVERWRITE, PROTECT, Overlap, OverlapRule
from napari_sam2.annotation.planes import Plane
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import Point, Prompts
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex, View

SHAPE = (3, 12, 10)


def found(z: int, rows: tuple[int, int], cols: tuple[int, int]) -> AnnotatedObject:
    """Make an object that is a rectangle of one plane of the stack."""
    logits = np.full(SHAPE[1:], -8, np.float32)  # one logit for each pixel
    logits[rows[0] : rows[1], cols[0] : cols[1]] = 8
    view = View.whole(SHAPE[1:], 64)
    index = PlaneIndex((z, 0, 0), 1, 2)
    plane = Plane("stack", SHAPE, index, ArraySource([np.zeros(SHAPE)], index))
    prediction = Prediction(0.9, logits, view)
    return AnnotatedObject(0, Prompts((Point(0, 0),)), prediction, plane, "fake")


spans = st.tuples(st.integers(0, 8), st.integers(1, 4)).map(lambda s: (s[0], sum(s)))
rectangles = st.builds(found, st.integers(0, 2), spans, spans)
overlaps = st.one_of(
    st.sampled_from([PROTECT, OVERWRITE]),
    st.integers(0, 4).map(lambda label: Overlap(OverlapRule.INSIDE, label)),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), rectangles, overlaps),
        st.tuples(st.just("correct"), rectangles, overlaps),
        st.tuples(st.just("paint"), rectangles, st.integers(0, 70000)),
        st.tuples(st.just("undo")),
        st.tuples(st.just("redo")),
    ),
    max_size=25,
)


def carry_out(ledger: Ledger, step: tuple) -> None:
    kind, *rest = step
    if kind == "keep":
        ledger.keep(rest[0], overlap=rest[1], current=None)
    elif kind == "correct" and ledger.objects:
        old = ledger.objects[max(ledger.objects)]
        ledger.correct(old, rest[0], overlap=rest[1])
    elif kind == "paint":
        indices = indices_of(rest[0], ledger.store)
        store = ledger.store
        change = PixelChange.between(store.shape, indices, store.read(indices), rest[1])
        change.apply(store)
        ledger.record_edit([change], None)
    elif kind == "undo":
        ledger.undo()
    elif kind == "redo":
        ledger.redo()


@given(steps)
def test_undoing_everything_and_redoing_it_gives_the_same_labels(
    some_steps: list[tuple],
) -> None:
    ledger = Ledger(ArrayLabels(SHAPE))
    for step in some_steps:
        carry_out(ledger, step)
    end = ledger.store.array().copy()
    objects = dict(ledger.objects)
    undone = 0
    while ledger.undo() is not None:
        undone += 1
    assert not ledger.store.array().any()
    assert not ledger.objects
    for _ in range(undone):
        ledger.redo()
    np.testing.assert_array_equal(ledger.store.array(), end)
    assert ledger.objects == objects


@given(st.lists(rectangles, min_size=1, max_size=8))
def test_protected_objects_keep_every_pixel(some: list[AnnotatedObject]) -> None:
    ledger = Ledger(ArrayLabels(SHAPE))
    for candidate in some:
        before = ledger.store.array().copy()
        ledger.keep(candidate, overlap=PROTECT, current=None)
        taken = before > 0
        np.testing.assert_array_equal(ledger.store.array()[taken], before[taken])


@given(rectangles, rectangles, st.sampled_from([PROTECT, OVERWRITE]))
def test_a_corrected_object_is_what_the_better_mask_says(
    first: AnnotatedObject, second: AnnotatedObject, overlap: Overlap
) -> None:
    alone = Ledger(ArrayLabels(SHAPE))
    alone.keep(second, overlap=overlap, current=None)
    ledger = Ledger(ArrayLabels(SHAPE))
    kept = ledger.keep(first, overlap=overlap, current=None)
    ledger.correct(kept, second, overlap=overlap)
    np.testing.assert_array_equal(ledger.store.array(), alone.store.array())


def test_ids_that_no_float_holds_are_given_back_whole() -> None:
    ledger = Ledger(ArrayLabels(SHAPE, np.uint64))
    largest = 2**60 + 1
    ledger.store.write(tuple(np.array([[0], [2], [2]])), largest)
    kept = ledger.keep(found(0, (1, 4), (1, 4)), overlap=OVERWRITE, current=None)
    ledger.correct(kept, found(0, (5, 8), (5, 8)), overlap=OVERWRITE)
    assert int(ledger.store.array()[0, 2, 2]) == largest
    assert int(ledger.store.array()[0, 5, 5]) == largest + 1


def test_a_history_of_four_hundred_cells_stays_small() -> None:
    store = ArrayLabels((400, 1000, 10))
    indices = np.unravel_index(np.arange(1000), store.shape)
    change = PixelChange.between(store.shape, indices, 0, 3)
    # One id before, one after, four bytes for each place.
    assert change.where.nbytes + change.before.nbytes + change.after.nbytes < 4100
