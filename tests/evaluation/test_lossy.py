"""Images may be JPEG files; their labels never are."""

from __future__ import annotations

import numpy as np
from PIL import Image

from napari_sam2.evaluation.folder import find_pairs, read_plane
from napari_sam2.synthesis import generate


def test_a_jpeg_image_is_found_with_its_exact_labels(tmp_path):
    scene = generate("nuclei", (64, 64), seed=0)
    pixels = np.clip(scene.image / scene.image.max() * 255, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a_image.jpg", quality=95)
    Image.fromarray(scene.labels.astype(np.uint16)).save(tmp_path / "a_labels.png")
    (pair,) = find_pairs(tmp_path)
    plane = read_plane(pair)
    np.testing.assert_array_equal(plane.labels, scene.labels)
    assert abs(plane.image.astype(int) - pixels).mean() < 5
