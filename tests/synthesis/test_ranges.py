"""Scenes are sound for any seed, and reach as far as real images do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.measure import regionprops

from napari_sam2.synthesis import KINDS, generate

SEEDS = range(20)


@cache
def scenes(kind):
    return [generate(kind, (256, 256), seed) for seed in SEEDS[:15]]


def contrasts(scene):
    """How much brighter each object is than what is beside it, relative to that."""
    image = scene.image.astype(float)
    image = image - (100 if scene.image.dtype == np.uint16 else 0)  # the camera's
    ground = scene.labels == 0
    found = []
    for thing in regionprops(scene.labels):
        inside = scene.labels == thing.label
        near = ndi.binary_dilation(inside, iterations=6)
        beside = near & ground & ~ndi.binary_dilation(inside, iterations=2)
        if beside.sum() > 20:
            around = image[beside].mean()
            found.append((image[inside].mean() - around) / max(around, 1))
    return np.array(found)


@pytest.mark.parametrize("side", [128, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_sound_for_any_seed(kind, side):
    made = (
        scenes(kind)
        if side == 256
        else [generate(kind, (side, side), seed) for seed in SEEDS]
    )
    # Random layouts may leave a small field without a single object.
    assert sum(scene.labels.max() == 0 for scene in made) <= (0 if side == 256 else 3)
    for scene in made:
        assert scene.image.shape[:2] == scene.labels.shape == (side, side)
        for number, where in enumerate(ndi.find_objects(scene.labels), start=1):
            thing = scene.labels[where] == number
            assert thing.sum() >= 10
            assert ndi.label(thing, np.ones((3, 3)))[1] == 1


def wall_width(scene):
    """Width of the walls at half of their height above the interiors, in pixels."""
    image = ndi.gaussian_filter(scene.image.astype(float), 0.7)
    edge = ndi.grey_erosion(scene.labels, 3) != ndi.grey_dilation(scene.labels, 3)
    distance = ndi.distance_transform_edt(~edge)[scene.labels > 0]
    image = image[scene.labels > 0]
    rings = [image[distance.astype(int) == d] for d in range(20)]
    profile = np.array([np.median(ring) for ring in rings if ring.size])
    half = (profile[0] + profile.min()) / 2
    return 2 * int(np.argmax(profile < half))


def test_walls_are_thin_and_thick():
    widths = [wall_width(scene) for scene in scenes("membranes")]
    assert min(widths) <= 4
    assert max(widths) >= 8


def test_nuclei_of_a_scene_are_alike_or_ten_times_dimmer():
    spreads = []
    for scene in scenes("nuclei"):
        ground = np.percentile(scene.image[scene.labels == 0], 10)
        glow = ndi.mean(scene.image, scene.labels, np.arange(1, scene.labels.max() + 1))
        dim, bright = np.percentile(glow - ground, [3, 97])
        spreads.append(bright / dim)
    assert min(spreads) < 3
    assert max(spreads) > 10


def test_even_the_dimmest_nuclei_shine():
    for scene in scenes("nuclei")[:8]:
        assert np.mean(contrasts(scene) > 0) > 0.8


def test_cracks_are_dark_and_mostly_thin():
    darker, halves = [], []
    for scene in scenes("cracks"):
        darker += list(contrasts(scene) < 0)
        depth = ndi.distance_transform_edt(scene.labels > 0)
        halves.append(np.percentile(depth[scene.labels > 0], 90))
    assert np.mean(darker) > 0.85
    assert min(halves) <= 1
    assert max(halves) >= 2


def test_defects_are_marked_and_faint():
    strengths = np.abs(np.concatenate([contrasts(s) for s in scenes("defects")]))
    assert np.percentile(strengths, 20) < 0.18
    assert np.percentile(strengths, 80) > 0.25


def test_cells_in_phase_contrast_are_slender_and_round():
    things = [t for s in scenes("phase") for t in regionprops(s.labels) if t.area > 60]
    assert sum(t.eccentricity > 0.98 and t.solidity < 0.8 for t in things) > 10
    assert sum(t.eccentricity < 0.6 and t.solidity > 0.9 for t in things) > 10


@pytest.mark.parametrize("kind", ["membranes", "neurites"])
def test_cells_are_of_very_unequal_size(kind):
    ratios = []
    for scene in scenes(kind):
        areas = np.bincount(scene.labels.ravel())[1:]
        ratios.append(areas.max() / np.median(areas))
    assert max(ratios) > 6
