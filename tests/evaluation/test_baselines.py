from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_sam2.errors import ImageError, PromptError
from napari_sam2.evaluation.baselines import all_baselines
from napari_sam2.evaluation.baselines.base import Hints
from napari_sam2.evaluation.baselines.markers import (
    BACKGROUND,
    OBJECT,
    place_markers,
)
from napari_sam2.evaluation.baselines.patch import Patch, around_box, around_clicks
from napari_sam2.evaluation.cut import Cut, overlap

NAMES = list(all_baselines())


def disk(row, column, radius, shape=(120, 150)):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(rows - row, columns - column) <= radius


def picture(truth, noise=6.0):
    """A bright object on a dark ground, as a microscope would show it."""
    rng = np.random.default_rng(0)
    smooth = ndi.gaussian_filter(np.where(truth, 180.0, 60.0), 1.0)
    return np.clip(smooth + rng.normal(0, noise, truth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(params=NAMES)
def baseline(request):
    return all_baselines()[request.param]


def iou(mask, truth):
    return overlap(Cut.of(mask), Cut.of(truth))


@pytest.mark.parametrize("color", [False, True])
def test_a_plain_disk_is_found_by_click_and_by_box(baseline, color):
    truth = disk(60, 70, 15)
    image = picture(truth)
    baseline.set_image(np.stack([image, 255 - image, image], -1) if color else image)
    clicked = baseline.predict(points=[(60, 70)], labels=[1])
    assert iou(clicked.mask, truth) > 0.9
    boxed = baseline.predict(box=(45, 55, 75, 85))
    assert iou(boxed.mask, truth) > 0.85
    assert np.isnan(clicked.score)
    assert clicked.alternatives == ()


def test_a_correction_helps(baseline):
    near, beside = disk(60, 60, 14), disk(60, 88, 15)
    baseline.set_image(picture(near | beside))  # they touch
    first = baseline.predict(points=[(60, 60)], labels=[1])
    second = baseline.predict(
        points=[(60, 60), (60, 88)], labels=[1, 0], mask=first, box=(46, 46, 74, 74)
    )
    assert not second.mask[60, 88]
    assert second.mask[60, 60]
    assert iou(second.mask, near) > 0.7
    both = baseline.predict(points=[(60, 60), (60, 88)])
    assert iou(both.mask, near | beside) > 0.75


def test_the_same_prompts_give_the_same_mask(baseline):
    image = picture(disk(60, 70, 15), noise=30)
    masks = []
    for _ in range(2):
        baseline.set_image(image)
        masks.append(baseline.predict(points=[(62, 70), (20, 20)], labels=[1, 0]).mask)
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("value", [0, 255])
def test_an_image_of_nothing_is_survived(baseline, value):
    baseline.set_image(np.full((40, 50), value, np.uint8))
    assert baseline.predict(points=[(0, 0)]).mask.shape == (40, 50)
    assert baseline.predict(box=(0, 0, 39, 49)).mask.shape == (40, 50)
    assert baseline.predict(box=(5, 5, 5, 5)).mask.shape == (40, 50)


def test_prompts_at_the_edge_are_survived(baseline):
    baseline.set_image(picture(disk(0, 0, 20, (1, 90))))
    assert baseline.predict(points=[(0, 89)], labels=[1]).mask.shape == (1, 90)


@pytest.mark.parametrize("name", NAMES)
def test_a_large_image_takes_bounded_time(name):
    baseline = all_baselines()[name]
    truth = disk(1000, 1000, 400, (2000, 2000))
    baseline.set_image(picture(truth))
    begin = time.process_time()
    mask = baseline.predict(box=(600, 600, 1400, 1400)).mask
    assert time.process_time() - begin < 5
    assert iou(mask, truth) > 0.8


def test_what_is_missing_is_said(baseline):
    with pytest.raises(ImageError, match="set_image first"):
        baseline.predict(points=[(0, 0)])
    baseline.set_image(np.eye(40))
    with pytest.raises(PromptError, match="on the object, or a box"):
        baseline.predict(points=[(0, 0)], labels=[0])


def test_windows_are_within_the_image():
    assert around_clicks([(50, 10)], (200, 300)) == (0, 0, 101, 61)
    assert around_clicks([(50, 10), (90, 290)], (200, 300)) == (0, 0, 141, 300)
    assert around_box((10, 10, 49, 29), (200, 300)) == (0, 5, 60, 35)


def test_a_patch_folds_and_unfolds():
    image = np.repeat(disk(60, 70, 30)[..., None], 3, 2).astype(np.float32)
    patch = Patch.of(image, (20, 30, 110, 120), 45)
    assert patch.pixels.shape == (45, 45, 3)
    assert patch.place(20, 30) == (0, 0)
    assert patch.place(109, 119) == (44, 44)
    assert patch.place(60, 70) == (20, 20)
    assert iou(patch.unfold(patch.pixels[..., 0]), disk(60, 70, 30)) > 0.95


def test_markers_say_what_is_known():
    patch = Patch((0, 10, 20, 40), np.zeros((20, 30, 1), np.float32), (20, 50))
    clicked = place_markers(patch, Hints(((10, 15),), ((10, 20),), None))
    assert (clicked == OBJECT).sum() == (clicked[5:15, 18:23] == BACKGROUND).sum() == 9
    assert (clicked[:, [0, -1]] == BACKGROUND).all()
    assert not clicked[0, 1:-1].any()  # there the image ends
    boxed = place_markers(patch, Hints(((10, 15),), (), (4, 5, 17, 26)))
    assert (boxed[:4] == BACKGROUND).all()
    assert (boxed == OBJECT).sum() >= 9
    denied = place_markers(patch, Hints(((5, 6),), ((10, 15),), (4, 5, 17, 26)))
    assert denied[10, 15] == BACKGROUND
    assert denied[5, 6] == OBJECT
