from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_sam2.synthesis import KINDS, generate

SHAPE = (160, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_an_image_with_labels_of_its_shape(kind):
    scene = generate(kind, SHAPE, seed=3)
    assert scene.image.shape[:2] == scene.labels.shape == SHAPE
    assert scene.image.dtype in (np.uint8, np.uint16)
    assert scene.image.std() > 1
    assert scene.labels.dtype == np.uint16
    assert scene.name == f"{kind} 3"


@pytest.mark.parametrize("kind", KINDS)
def test_labels_count_up_without_gaps(kind):
    counts = [generate(kind, SHAPE, seed).labels for seed in range(4)]
    for labels in counts:
        numbers = np.unique(np.append(labels, 0))
        np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    assert max(labels.max() for labels in counts) >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_depends_on_kind_shape_and_seed_alone(kind):
    first = generate(kind, SHAPE, seed=5)
    np.random.seed(0)
    again = generate(kind, SHAPE, seed=5)
    other = generate(kind, SHAPE, seed=6)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("seed", range(3))
def test_nuclei_shine_where_their_labels_are(seed):
    scene = generate("nuclei", (256, 256), seed)
    nuclei = scene.labels > 0
    beside = ndi.binary_dilation(nuclei, iterations=8) & ~ndi.binary_dilation(
        nuclei, iterations=3
    )
    assert np.median(scene.image[nuclei]) > 1.5 * np.median(scene.image[beside]) - 100


@pytest.mark.parametrize("seed", range(3))
def test_nuclei_are_whole(seed):
    labels = generate("nuclei", (256, 256), seed).labels
    for number in range(1, labels.max() + 1):
        assert ndi.label(labels == number)[1] == 1


def test_some_nuclei_touch():
    labels = generate("nuclei", (512, 512), seed=1).labels.astype(int)
    left, right = labels[:, :-1], labels[:, 1:]
    touching = (left > 0) & (right > 0) & (left != right)
    assert touching.any()


def test_kinds_with_the_same_seed_do_not_share_their_layout():
    particles = generate("particles", SHAPE, seed=0).labels > 0
    precipitates = generate("precipitates", SHAPE, seed=0).labels > 0
    assert not np.array_equal(particles, precipitates)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="nuclei, cells"):
        generate("unicorns")


def test_a_scene_has_room_for_objects():
    with pytest.raises(ValueError, match="64 x 64"):
        generate("nuclei", (63, 100))


def test_importing_synthesis_loads_nothing_heavy():
    code = (
        "import sys, napari_sam2.synthesis;"
        "print({'torch', 'scipy', 'skimage', 'qtpy'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "set()"
