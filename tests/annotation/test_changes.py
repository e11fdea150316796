"""Changes of pixels, however they are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.annotation import corrections
from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import ArrayLabels


@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    masked=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_a_box_and_a_list_of_places_tell_the_same(
    shape: list[int], seed: int, masked: bool
) -> None:
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(length)) for length in shape]
    stops = [
        int(rng.integers(low + 1, high + 1))
        for low, high in zip(starts, shape, strict=True)
    ]
    box = tuple(slice(low, high) for low, high in zip(starts, stops, strict=True))
    labels = rng.integers(0, 3, shape).astype(np.uint8)
    inside = rng.random([part.stop - part.start for part in box]) < 0.5
    mask = inside if masked else None
    places = tuple(
        axis + low
        for axis, low in zip(
            np.nonzero(inside if masked else np.ones_like(inside)), starts, strict=True
        )
    )
    before = labels[box][inside] if masked else labels[box]
    told = PixelChange.in_box(tuple(shape), box, mask, before, 2)
    listed = PixelChange.between(tuple(shape), places, labels[places], 2)
    np.testing.assert_array_equal(told.where, listed.where)
    assert told.where.dtype == listed.where.dtype
    np.testing.assert_array_equal(told.before, listed.before)
    np.testing.assert_array_equal(told.after, listed.after)

    store = ArrayLabels(tuple(shape))
    store.array()[...] = labels
    told.apply(store)
    assert (store.array()[places] == 2).all()
    told.revert(store)
    np.testing.assert_array_equal(store.array(), labels)


@given(
    known=st.dictionaries(st.integers(0, 300), st.integers(1, 5), max_size=40),
    places=st.lists(st.integers(0, 300), max_size=40),
    spread=st.sampled_from([0, 1000]),
    alike=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_what_is_known_of_places_is_found_with_and_without_a_table(
    known: dict[int, int], places: list[int], spread: int, alike: bool
) -> None:
    where = np.array(list(known), dtype=np.intp)
    values = np.array(list(known.values()), dtype=np.uint16)
    if alike:
        values = np.broadcast_to(np.uint16(7), where.shape)
        known = dict.fromkeys(known, 7)
    otherwise = np.arange(len(places), dtype=np.uint16)
    wanted = [known.get(place, n) for n, place in enumerate(places)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corrections, "_SPREAD", spread)
        found = corrections.looked_up(
            np.array(places, dtype=np.intp), where, values, otherwise
        )
    np.testing.assert_array_equal(found, wanted)
