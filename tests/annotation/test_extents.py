"""Where objects lie is found once, and known from then on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.extents import Extents, survey
from napari_sam2.annotation.labels import ArrayLabels, blocks_of
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.errors import Cancelled

arrays = nps.arrays(
    np.uint32,
    nps.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=7),
    elements=st.sampled_from([0, 1, 2, 7, 2**31 + 5]),
)


class Blocks(ArrayLabels):
    """Looked through in small blocks."""

    def blocks(self):
        return blocks_of(self.shape, 10)


def stored(array: np.ndarray) -> Blocks:
    store = Blocks(array.shape, array.dtype)
    store.array()[...] = array
    return store


@given(arrays)
def test_a_survey_finds_every_object_exactly(array: np.ndarray) -> None:
    found = survey(stored(array))
    assert set(found) == set(np.unique(array).tolist()) - {0}
    for label, extent in found.items():
        axes = np.nonzero(array == label)
        assert extent.area == axes[0].size
        assert extent.start == tuple(axis.min() for axis in axes)
        assert extent.stop == tuple(axis.max() + 1 for axis in axes)


@given(nps.array_shapes(max_dims=4, min_side=0), st.integers(1, 50))
def test_blocks_cover_every_pixel_once(shape: tuple[int, ...], pixels: int) -> None:
    seen = np.zeros(shape, int)
    for block in blocks_of(shape, pixels):
        assert seen[block].size <= pixels
        seen[block] += 1
    assert (seen == 1).all()


@given(arrays, st.data())
def test_what_changes_during_a_survey_is_counted_again(
    array: np.ndarray, data: st.DataObject
) -> None:
    if array.size == 0:
        return
    store, extents = stored(array), Extents()

    def change() -> None:
        flat = data.draw(
            st.lists(st.integers(0, array.size - 1), min_size=1, unique=True)
        )
        indices = np.unravel_index(np.array(flat), array.shape)
        label = data.draw(st.sampled_from([0, 1, 2, 3, 2**31 + 5]))
        done = PixelChange.between(array.shape, indices, store.read(indices), label)
        extents.note(done.apply(store))

    extents.begin()
    change()
    found = survey(store)
    change()
    extents.take(found, store)
    change()
    ids, counts = np.unique(store.array(), return_counts=True)
    there = {int(i): int(n) for i, n in zip(ids, counts, strict=True) if i}
    assert {label: extents[label].area for label in extents.labels} == there


def test_a_survey_can_be_stopped() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        survey(ArrayLabels((5, 5)), token)
