"""Arrays come back from text as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sam2.annotation.packing import (
    pack_array,
    pack_mask,
    pack_runs,
    pack_values,
    unpack_array,
    unpack_mask,
    unpack_runs,
    unpack_values,
)

_PLACES = hnp.arrays(
    st.sampled_from([np.uint32, np.uint64]),
    st.integers(0, 50),
    elements=st.one_of(st.integers(0, 12), st.integers(2**32 - 4, 2**32 - 1)),
)


@given(_PLACES)
def test_places_come_back_in_their_order(places: np.ndarray[Any, Any]) -> None:
    found = unpack_runs(pack_runs(places))
    np.testing.assert_array_equal(found, places)
    assert found.dtype == places.dtype


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.uint64]),
        st.integers(0, 40),
        elements=st.integers(0, 3),
    )
)
def test_ids_come_back(ids: np.ndarray[Any, Any]) -> None:
    found = unpack_values(pack_values(ids))
    np.testing.assert_array_equal(found, ids)
    assert found.dtype == ids.dtype


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0)))
def test_masks_come_back(mask: np.ndarray[Any, Any]) -> None:
    found = unpack_mask(pack_mask(mask))
    np.testing.assert_array_equal(found, mask)
    assert found.dtype == bool


@given(hnp.arrays(np.float32, hnp.array_shapes(), elements={"allow_nan": False}))
def test_arrays_come_back(array: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(unpack_array(pack_array(array)), array)


def test_an_object_of_a_million_pixels_is_a_few_kilobytes() -> None:
    rows, cols = np.indices((1400, 1400))
    disc = np.hypot(rows - 700, cols - 700) < 564
    where = np.flatnonzero(disc).astype(np.uint32)
    assert len(str(pack_runs(where))) < 10_000
    assert len(str(pack_mask(disc))) < 10_000
