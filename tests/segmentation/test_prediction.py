"""A mask cut out of the logits is the mask of the whole plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import from_numpy
from torch.nn.functional import interpolate

from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.segmentation.view import View


def interpolated(logits: np.ndarray, view: View) -> np.ndarray:
    """Interpolate over the whole view as the official predictor does."""
    values: np.ndarray = interpolate(
        from_numpy(logits)[None, None],
        (view.height, view.width),
        mode="bilinear",
        align_corners=False,
    )[0, 0].numpy()
    return values


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    size = draw(st.integers(1, 12))
    # Mostly outside, so that the box around the mask is smaller than the view.
    logits = draw(
        hnp.arrays(
            np.float32,
            (size, size),
            elements=st.floats(-32, 32, width=16),
            fill=st.just(-1.0),
        )
    )
    rows, cols = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    r0, c0 = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    r1, c1 = draw(st.integers(r0 + 1, rows)), draw(st.integers(c0 + 1, cols))
    view = View((rows, cols), (r0, c0, r1, c1), 4 * size)
    threshold = draw(st.sampled_from([0.0, -5.5, 8.25]))
    return Prediction(0.5, logits, view, Refinement(threshold))


@given(predictions())
def test_equals_interpolating_everything(prediction: Prediction) -> None:
    view = prediction.view
    values = interpolated(prediction.logits, view)
    r0, c0, r1, c1 = view.window
    mask = prediction.mask
    assert mask.shape == view.plane_shape
    # Rounding may decide otherwise only where a value is the threshold.
    clear = np.abs(values - prediction.threshold) > 1e-4
    seen = mask[r0:r1, c0:c1]
    np.testing.assert_array_equal(seen[clear], (values > prediction.threshold)[clear])
    outside = mask.copy()
    outside[r0:r1, c0:c1] = False
    assert not outside.any()


@given(predictions())
def test_the_box_is_tight(prediction: Prediction) -> None:
    mask, crop = prediction.mask, prediction.crop
    r0, c0, r1, c1 = prediction.bbox
    assert crop.dtype == bool
    assert crop.shape == (r1 - r0, c1 - c0)
    assert prediction.area == mask.sum() == crop.sum()
    np.testing.assert_array_equal(mask[r0:r1, c0:c1], crop)
    if prediction.area:
        assert crop[0].any()
        assert crop[-1].any()
        assert crop[:, 0].any()
        assert crop[:, -1].any()
    else:
        assert prediction.bbox == (0, 0, 0, 0)


@pytest.mark.parametrize("shape", [(1000, 700), (301, 2000), (48, 48), (20, 100)])
def test_equals_interpolating_everything_at_real_sizes(shape: tuple[int, int]) -> None:
    rows, cols = np.mgrid[:192, :192]
    logits = (70 - np.hypot(rows - 60, cols - 130)).astype(np.float32)
    view = View.whole(shape, 768)
    prediction = Prediction(0.9, logits, view)
    values = interpolated(logits, view)
    clear = np.abs(values) > 1e-3
    np.testing.assert_array_equal(prediction.mask[clear], (values > 0)[clear])
    # The disc reaches the right edge, and no other.
    assert prediction.bbox[3] == shape[1]
    assert prediction.bbox[1] > 0


def test_an_empty_mask_is_nowhere() -> None:
    logits = np.full((16, 16), -3, dtype=np.float32)
    prediction = Prediction(0.1, logits, View.whole((50, 40), 64))
    assert prediction.bbox == (0, 0, 0, 0)
    assert prediction.crop.shape == (0, 0)
    assert prediction.area == 0
    assert not prediction.mask.any()


def test_a_spot_too_small_to_hit_a_pixel_is_nowhere() -> None:
    logits = np.full((16, 16), -3, dtype=np.float32)
    logits[5, 5] = 0.1
    prediction = Prediction(0.1, logits, View.whole((3, 3), 64))
    assert prediction.area == 0
    assert prediction.bbox == (0, 0, 0, 0)


def test_a_full_mask_is_everywhere() -> None:
    logits = np.full((16, 16), 3, dtype=np.float32)
    prediction = Prediction(0.1, logits, View((50, 40), (10, 5, 30, 40), 64))
    assert prediction.bbox == (10, 5, 30, 40)
    assert prediction.crop.all()


def test_a_small_object_makes_no_array_of_the_size_of_the_plane() -> None:
    logits = np.full((192, 192), -9, dtype=np.float32)
    logits[100, 100] = 9
    # A mask of this plane would take 10 TB.
    side = 3_200_000
    view = View((side, side), (1000, 2000, 1000 + 4096, 2000 + 4096), 768)
    assert 0 < Prediction(0.9, logits, view).area < 64 * 64


def test_a_mask_with_a_clear_outline_is_stable() -> None:
    view = View.whole((64, 64), 64)
    logits = np.full((16, 16), -9, np.float32)
    assert Prediction(0.5, logits, view).stability == 0
    logits[4:8, 4:8] = 9
    assert Prediction(0.5, logits, view).stability == 1
    logits[4:8, 8:12] = 1
    assert Prediction(0.5, logits, view).stability == 0.5
