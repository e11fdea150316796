"""Intensities of any kind become bytes that the model can see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sam2.errors import ImageError
from napari_sam2.segmentation.intensity import PERCENTILES, to_rgb

INTEGERS = [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32]
FLOATS = [np.float16, np.float32, np.float64]


def ramp(dtype: Any, low: float, high: float) -> np.ndarray:
    """Rise from low to high over the columns, 50 rows alike."""
    return np.tile(np.linspace(low, high, 400).astype(dtype), (50, 1))


@pytest.mark.parametrize("dtype", [*INTEGERS, np.int64, *FLOATS])
def test_gray_is_stretched_between_its_percentiles(dtype: Any) -> None:
    rgb = to_rgb(ramp(dtype, 10, 100))
    assert rgb.dtype == np.uint8
    assert rgb.shape == (50, 400, 3)
    np.testing.assert_array_equal(rgb[..., 0], rgb[..., 2])
    row = rgb[0, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()
    expected = (np.linspace(10, 100, 400).astype(dtype) - 10.0) / 90 * 255
    np.testing.assert_allclose(row, expected, atol=1.5)


@pytest.mark.parametrize("dtype", [*INTEGERS, np.int64, *FLOATS])
def test_limits_become_black_and_white(dtype: Any) -> None:
    row = to_rgb(ramp(dtype, 0, 100), (25, 75))[0, :, 0].astype(int)
    values = np.linspace(0, 100, 400).astype(dtype).astype(float)
    expected = (values.clip(25, 75) - 25) / 50 * 255
    np.testing.assert_allclose(row, expected, atol=0.51)


@pytest.mark.parametrize("dtype", [*INTEGERS, np.int64, *FLOATS])
def test_gamma_bends_what_lies_between_the_limits(dtype: Any) -> None:
    row = to_rgb(ramp(dtype, 0, 100), (25, 75), 0.5)[0, :, 0].astype(int)
    values = np.linspace(0, 100, 400).astype(dtype).astype(float)
    expected = np.sqrt((values.clip(25, 75) - 25) / 50) * 255
    np.testing.assert_allclose(row, expected, atol=0.51)


@pytest.mark.parametrize("gamma", [0.0, -1.0, np.nan, np.inf])
def test_a_gamma_that_bends_nothing_is_refused(gamma: float) -> None:
    with pytest.raises(ImageError, match="Gamma"):
        to_rgb(ramp(np.uint8, 0, 100), (25, 75), gamma)


def test_a_few_outliers_do_not_darken_the_rest() -> None:
    image = ramp(np.uint16, 100, 200)
    image[0, :3] = 65535
    assert to_rgb(image)[1, -1, 0] == 255


def test_percentiles_of_a_large_plane_are_those_of_a_part() -> None:
    image = np.random.default_rng(0).normal(500, 20, (3000, 2000)).astype(np.float32)
    low, high = np.percentile(image, PERCENTILES)
    exact = to_rgb(image, (float(low), float(high)))[..., 0].astype(int)
    assert np.abs(to_rgb(image)[..., 0].astype(int) - exact).max() <= 6


def test_booleans_are_black_and_white() -> None:
    image = np.eye(5, dtype=bool)
    np.testing.assert_array_equal(to_rgb(image)[..., 1], 255 * np.eye(5))
    np.testing.assert_array_equal(to_rgb(np.ones((4, 4), bool)), 255)


def test_rgb_bytes_pass_unchanged_and_uncopied() -> None:
    image = np.random.default_rng(0).integers(3, 200, (9, 8, 3), np.uint8)
    assert np.shares_memory(to_rgb(image), image)
    np.testing.assert_array_equal(to_rgb(image), image)


def test_alpha_is_dropped() -> None:
    image = np.random.default_rng(0).integers(3, 200, (9, 8, 4), np.uint8)
    np.testing.assert_array_equal(to_rgb(image), image[..., :3])


def test_limits_apply_to_rgb_bytes_too() -> None:
    image = np.full((2, 2, 3), [10, 60, 110], np.uint8)
    assert to_rgb(image, (10, 110))[0, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("dtype", FLOATS)
def test_rgb_floats_within_0_and_1_are_scaled(dtype: Any) -> None:
    image = np.full((4, 4, 3), [0.25, 0.5, 0.75], dtype)
    assert to_rgb(image)[0, 0].tolist() == [64, 128, 191]


def test_other_rgb_is_stretched_for_all_channels_alike() -> None:
    image = np.zeros((50, 40, 3), np.uint16)
    image[25:] = [1000, 2000, 4000]
    assert to_rgb(image)[-1, 0].tolist() == [64, 128, 255]


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_is_not_finite_lies_beyond_the_limits(dtype: Any) -> None:
    image = ramp(dtype, 0, 1)
    image[0, :3] = [np.nan, np.inf, -np.inf]
    rgb = to_rgb(image)
    assert rgb[0, :3, 0].tolist() == [0, 255, 0]
    np.testing.assert_array_equal(rgb[1:], to_rgb(image[1:]))


def test_one_finite_value_in_a_large_plane_is_enough() -> None:
    image = np.full((2001, 2003), np.nan)
    image[1777, 1234] = 5
    assert to_rgb(image).max() == 0


@pytest.mark.parametrize("dtype", [bool, *INTEGERS, np.int64, *FLOATS])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 5), (3, 4, 3)])
def test_constant_images_work(dtype: Any, shape: tuple[int, ...]) -> None:
    for value in (0, 1, 100):
        rgb = to_rgb(np.full(shape, value, dtype))
        assert rgb.shape == (*shape[:2], 3)
        assert len(np.unique(rgb)) == 1


def test_few_pixels_that_differ_are_seen() -> None:
    image = np.zeros((1000, 1000), np.uint16)
    image[500, 500:505] = 40
    rgb = to_rgb(image)
    assert rgb[500, 502, 0] == 255
    assert rgb[0, 0, 0] == 0


@pytest.mark.parametrize(
    "extremes",
    [(-1.7e308, 1.7e308), (0, 5e-324), (1e300, 1.0000001e300), (-2.5, -2.5)],
)
def test_extreme_floats_neither_overflow_nor_divide_by_zero(
    extremes: tuple[float, float],
) -> None:
    rgb = to_rgb(np.array([extremes, extremes]))
    assert rgb[0, 0, 0] == 0
    assert rgb[0, 1, 0] == (255 if extremes[0] < extremes[1] else 0)


def test_percentiles_between_extreme_floats_do_not_overflow() -> None:
    image = np.array([[1e308, -1e308, np.nan]])
    assert to_rgb(image)[..., 0].tolist() == [[255, 0, 0]]


@pytest.mark.parametrize("limits", [(-1e300, 1e300), (0, 1e-300)])
def test_limits_may_be_finer_and_wider_than_the_image(
    limits: tuple[float, float],
) -> None:
    image = np.array([[-1, 0, 1]], np.float32)
    row = to_rgb(image, limits)[0, :, 0].tolist()
    assert row in ([128, 128, 128], [0, 0, 255])


def test_extreme_integers_are_mapped() -> None:
    image = np.array([[np.iinfo(np.int64).min, 0, np.iinfo(np.int64).max]])
    assert to_rgb(image)[0, :, 0].tolist() == [0, 128, 255]


@given(
    hnp.arrays(
        st.sampled_from(["?", "u1", "i2", "u4", "i8", "f2", "f4", "f8"]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    )
)
def test_any_plane_is_mapped_or_has_no_finite_value(image: np.ndarray) -> None:
    if not np.isfinite(image).any():
        with pytest.raises(ImageError, match="no finite value"):
            to_rgb(image)
        return
    rgb = to_rgb(image)
    assert rgb.shape == (*image.shape, 3)
    finite = np.isfinite(image)
    order = np.argsort(image[finite], kind="stable")
    assert (np.diff(rgb[..., 0][finite][order].astype(int)) >= 0).all()


def test_the_image_is_left_alone() -> None:
    for dtype in (np.uint8, np.float32, np.float64, bool):
        image = ramp(dtype, 0, 100)
        image.flags.writeable = False
        before = image.copy()
        to_rgb(image)
        np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 0)), "empty"),
        (np.zeros((0, 5, 3), np.uint8), "empty"),
        (np.zeros(5), "One plane"),
        (np.float64(3), "One plane"),
        (np.zeros((5, 4, 2)), "One plane"),
        (np.zeros((6, 5, 4, 3)), "One plane"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[None, 1]]), "object"),
        (np.zeros((2, 2), "datetime64[s]"), "datetime64"),
        (np.full((3, 3), np.nan), "no finite value"),
        (np.full((3, 3), np.inf), "no finite value"),
    ],
)
def test_what_cannot_be_segmented_is_said(image: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        to_rgb(image)


@pytest.mark.parametrize("limits", [(2, 1), (0, np.nan), (-np.inf, 3)])
def test_limits_must_be_in_order(limits: tuple[float, float]) -> None:
    with pytest.raises(ImageError, match="low and high"):
        to_rgb(np.zeros((3, 3)), limits)
