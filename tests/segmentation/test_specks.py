"""Masks without islands that nobody meant."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from napari_sam2.segmentation.prompts import Point
from napari_sam2.segmentation.specks import without_specks
from napari_sam2.segmentation.view import View

NOWHERE = np.zeros((0, 2), np.intp)


def islands() -> np.ndarray:
    logits = np.full((32, 32), -3, np.float32)
    logits[2:10, 2:10] = 4  # 64 pixels
    logits[20:22, 20:22] = 5  # 4 pixels
    logits[20:26, 2:8] = 2  # 36 pixels
    return logits


def test_a_speck_goes_and_a_large_piece_stays() -> None:
    cleaned = without_specks(islands(), np.array([[5, 5]]))
    assert cleaned[5, 5] == 4
    assert cleaned[20, 20] == -5
    assert cleaned[22, 4] == 2


def test_what_was_clicked_stays_and_says_what_is_small() -> None:
    cleaned = without_specks(islands(), np.array([[20, 20]]))
    assert (cleaned > 0).sum() == 64 + 36 + 4


def test_without_clicks_the_largest_is_the_object() -> None:
    cleaned = without_specks(islands(), NOWHERE)
    assert (cleaned > 0).sum() == 64 + 36


def test_a_click_on_nothing_is_no_island() -> None:
    cleaned = without_specks(islands(), np.array([[30, 30]]))
    assert (cleaned > 0).sum() == 64 + 36


def test_a_single_island_is_not_copied() -> None:
    logits = np.full((8, 8), -1, np.float32)
    logits[2, 2] = 1
    assert without_specks(logits, NOWHERE) is logits


@given(
    logits=hnp.arrays(np.float32, (12, 12), elements=st.floats(-5, 5, width=32)),
    row=st.integers(0, 11),
    col=st.integers(0, 11),
)
def test_nothing_is_added_and_no_island_is_cut(
    logits: np.ndarray, row: int, col: int
) -> None:
    before = logits.copy()
    cleaned = without_specks(logits, np.array([[row, col]]))
    np.testing.assert_array_equal(logits, before)
    assert not ((cleaned > 0) & ~(logits > 0)).any()
    assert (cleaned[row, col] > 0) == (logits[row, col] > 0)
    parts, count = ndi.label(logits > 0)
    for part in range(1, count + 1):
        left = cleaned[parts == part] > 0
        assert left.all() or not left.any()


def test_places_fall_on_the_cells_that_lie_over_them() -> None:
    view = View((100, 200), (10, 20, 90, 180), 64)
    cells = view.cells([Point(10, 20), Point(89, 179), Point(50, 100)], 16)
    np.testing.assert_array_equal(cells, [[0, 0], [15, 15], [8, 8]])
    np.testing.assert_array_equal(view.cells([Point(0, 0)], 16), [[0, 0]])
