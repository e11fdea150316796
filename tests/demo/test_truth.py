"""The demonstration points where a user would."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.demo.truth import Place, choose, deepest, iou, worst_error


def square(*corners: int) -> np.ndarray:
    mask = np.zeros((20, 30), dtype=bool)
    r0, c0, r1, c1 = corners
    mask[r0:r1, c0:c1] = True
    return mask


def test_iou() -> None:
    a, b = square(0, 0, 4, 4), square(0, 2, 4, 6)
    assert iou(a, b) == pytest.approx(8 / 24)
    assert iou(a, a) == 1
    assert iou(a, square(9, 9, 10, 10)) == 0
    assert iou(square(0, 0, 0, 0), square(0, 0, 0, 0)) == 1


def test_the_deepest_pixel_is_in_the_middle() -> None:
    assert deepest(square(2, 4, 9, 11)) == Place(5, 7)


def test_the_frame_of_the_image_is_an_edge_too() -> None:
    assert deepest(square(0, 0, 20, 30)).row in (9, 10)


def test_what_is_missing_gets_a_point_inside() -> None:
    truth = square(2, 2, 12, 20)
    place, inside = worst_error(truth & ~square(4, 8, 9, 13), truth)
    assert (place, inside) == (Place(6, 10), True)


def test_what_is_too_much_gets_a_point_outside() -> None:
    truth = square(2, 2, 12, 10)
    place, inside = worst_error(truth | square(3, 15, 8, 20), truth)
    assert (place, inside) == (Place(5, 17), False)


def test_a_perfect_object_is_confirmed() -> None:
    truth = square(2, 4, 9, 11)
    assert worst_error(truth, truth) == (Place(5, 7), True)


def test_large_whole_free_objects_are_chosen_from_all_over() -> None:
    truth = np.zeros((40, 60), dtype=np.uint16)
    truth[0:6, 32:40] = 1  # cut by the frame
    truth[5:7, 5:7] = 2  # a fragment
    truth[10:18, 10:18] = 3
    truth[10:18, 24:32] = 4
    truth[28:36, 30:38] = 5
    truth[28:36, 50:58] = 6
    truth[10:18, 40:48] = 7  # in touch with the next
    truth[10:18, 49:57] = 8
    assert [target.label for target in choose(truth, 2)] == [4, 6]
    assert [target.label for target in choose(truth, 9)] == [3, 4, 5, 6]
