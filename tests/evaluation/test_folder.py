from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imsave

from napari_sam2.errors import ImageError
from napari_sam2.evaluation.folder import find_pairs, read_plane
from tests.evaluation.scenes import squares, write


def test_pairs_are_found_without_a_manifest(tmp_path):
    imsave(tmp_path / "b_image.png", np.zeros((8, 8), np.uint8), check_contrast=False)
    imsave(tmp_path / "b_labels.png", np.ones((8, 8), np.uint16), check_contrast=False)
    write(tmp_path / "set", "a", np.zeros((8, 8)), np.ones((8, 8), np.uint16))
    pairs = find_pairs(tmp_path)
    assert {pair.dataset for pair in pairs} == {tmp_path.name, "set"}
    assert all(pair.doubt is None and not pair.is_sparse for pair in pairs)


def test_a_folder_without_pairs_is_an_error(tmp_path):
    with pytest.raises(ImageError, match="no pairs"):
        find_pairs(tmp_path)


def test_of_a_stack_the_plane_with_most_objects_is_read(tmp_path):
    # The last plane has as many different labels as the second, with background.
    filled = np.where(squares((1, 1)) == 1, 1, 2).astype(np.uint16)
    labels = np.stack([filled, squares((1, 1), (20, 20), (40, 40)), squares()])
    image = np.arange(3)[:, None, None] * np.ones((1, 60, 80))
    write(tmp_path, "stack", image, labels)
    plane = read_plane(find_pairs(tmp_path)[0])
    assert plane.image.max() == plane.image.min() == 1
    assert plane.labels.max() == 3
    assert (plane.index, plane.planes) == (1, 3)


def test_an_rgb_image_is_one_plane(tmp_path):
    rgb = np.zeros((60, 80, 3), np.uint8)
    imsave(tmp_path / "a_image.png", rgb, check_contrast=False)
    imsave(tmp_path / "a_labels.png", squares((1, 1)), check_contrast=False)
    plane = read_plane(find_pairs(tmp_path)[0])
    assert plane.image.shape == (60, 80, 3)
    assert plane.index is None


def test_labels_of_another_size_are_an_error(tmp_path):
    write(tmp_path, "a", np.zeros((60, 81), np.uint8), squares((1, 1)))
    with pytest.raises(ImageError, match="do not fit an image of shape"):
        read_plane(find_pairs(tmp_path)[0])


def test_a_broken_file_is_an_error(tmp_path):
    write(tmp_path, "a", np.zeros((60, 80), np.uint8), squares((1, 1)))
    (tmp_path / "a_labels.tif").write_text("no image")
    with pytest.raises(ImageError, match=r"a_labels\.tif.*cannot be read"):
        read_plane(find_pairs(tmp_path)[0])
