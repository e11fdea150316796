"""From the mouse to the pixel, whatever the transform of the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest

from napari_sam2.viewer.geometry import geometry_of
from napari_sam2.viewer.layers import labels_fit, make_labels, plane_index, plane_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sam2.annotation.planes import Plane

TRANSFORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "scale": {"scale": (2.0, 0.5)},
    "translate": {"translate": (-13.0, 40.0)},
    "rotate": {"rotate": 30},
    "shear": {"shear": (0.4,)},
    "all": {"scale": (3, 1), "translate": (5, -7), "rotate": -20, "shear": (0.3,)},
    "affine": {"affine": np.array([[0.5, 0.7, 3], [-0.9, 0.4, 8], [0, 0, 1]])},
}


def everything(plane: Plane) -> np.ndarray[Any, Any]:
    return plane.source.read((0, 0, *plane.shape))


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("rgb", [False, True])
def test_the_place_under_the_mouse_is_the_pixel_that_napari_draws_there(
    viewer: ViewerModel, transform: dict[str, Any], rgb: bool
) -> None:
    shape = (30, 40, 3) if rgb else (30, 40)
    layer = viewer.add_image(np.zeros(shape, np.uint8), rgb=rgb, **transform)
    geometry = geometry_of(layer, viewer.dims)
    assert geometry is not None
    for place in [(0, 0), (12.25, 30.5), (29, 39)]:
        world = layer.data_to_world(place)
        assert geometry.to_plane(world) == pytest.approx(place)
        assert geometry.to_world([place])[0] == pytest.approx(world)


def test_a_stack_in_world_units_is_read_at_the_plane_of_the_slider(
    viewer: ViewerModel,
) -> None:
    stack = np.arange(5 * 8 * 9).reshape(5, 8, 9)
    layer = viewer.add_image(stack, scale=(2.5, 0.5, 0.5), translate=(10, 0, 0))
    viewer.dims.set_point(0, 10 + 3 * 2.5)
    plane = plane_of(layer, viewer.dims)
    assert plane is not None
    assert plane.index.position == (3, 0, 0)
    assert plane.array_shape == (5, 8, 9)
    np.testing.assert_array_equal(everything(plane), stack[3])


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0)])
def test_transposed_and_rolled_axes(
    viewer: ViewerModel, order: tuple[int, ...]
) -> None:
    stack = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    layer = viewer.add_image(stack, scale=(3, 2, 1), translate=(1, 2, 3))
    viewer.dims.order = order
    viewer.dims.set_current_step(order[0], 2)
    plane = plane_of(layer, viewer.dims)
    assert plane is not None
    shown = layer._data_view
    np.testing.assert_array_equal(everything(plane), shown)
    assert plane.shape == shown.shape
    geometry = geometry_of(layer, viewer.dims)
    assert geometry is not None
    place = np.zeros(3)
    place[list(order[1:])] = (1, 3)
    assert geometry.to_plane(layer.data_to_world(place)) == pytest.approx((1, 3))


def test_units_of_a_layer_that_are_not_those_of_the_canvas(viewer: ViewerModel) -> None:
    small = viewer.add_image(np.zeros((10, 10)), scale=(500, 500), units="nm")
    viewer.add_image(np.zeros((10, 10)), units="um")
    factor = float((1 * small.units[0]).to(viewer.dims.units[0]).magnitude)
    geometry = geometry_of(small, viewer.dims)
    assert geometry is not None
    assert geometry.to_world([(4, 2)])[0] == pytest.approx(
        (4 * 500 * factor, 2 * 500 * factor)
    )


def test_pixels_beside_micrometers_are_taken_as_napari_takes_them(
    viewer: ViewerModel,
) -> None:
    layer = viewer.add_image(np.zeros((10, 10)), scale=(2, 2))
    viewer.add_image(np.zeros((10, 10)), units="um")
    geometry = geometry_of(layer, viewer.dims)
    assert geometry is not None
    assert geometry.to_plane((8, 4)) == pytest.approx((4, 2))


def test_of_a_pyramid_the_full_resolution_is_read(viewer: ViewerModel) -> None:
    full = np.random.default_rng(0).random((64, 48))
    layer = viewer.add_image([full, full[::2, ::2]], multiscale=True)
    plane = plane_of(layer, viewer.dims)
    assert plane is not None
    assert plane.shape == (64, 48)
    np.testing.assert_array_equal(everything(plane), full)


def test_of_a_lazy_stack_one_plane_is_computed(viewer: ViewerModel) -> None:
    read: list[int] = []

    def block(block_info: Any = None) -> np.ndarray[Any, Any]:
        number = block_info[None]["chunk-location"][0]
        read.append(number)
        return np.full((1, 16, 16), number)

    stack = da.map_blocks(block, chunks=((1,) * 9, (16,), (16,)), dtype=int)
    layer = viewer.add_image(stack, contrast_limits=(0, 9), cache=False)
    viewer.dims.set_current_step(0, 7)
    read.clear()
    plane = plane_of(layer, viewer.dims)
    assert plane is not None
    assert plane.lazy
    assert read == []
    np.testing.assert_array_equal(everything(plane), np.full((16, 16), 7))
    assert read == [7]


def test_no_plane_where_the_slider_is_outside_of_the_image(viewer: ViewerModel) -> None:
    short = viewer.add_image(np.zeros((3, 8, 8)))
    viewer.add_image(np.zeros((9, 8, 8)))
    viewer.dims.set_current_step(0, 6)
    assert plane_index(short, viewer.dims) is None


def test_no_plane_of_an_image_that_is_seen_from_its_edge(viewer: ViewerModel) -> None:
    flat = viewer.add_image(np.zeros((8, 8)))
    viewer.add_image(np.zeros((5, 8, 8)))
    assert plane_index(flat, viewer.dims) is not None
    viewer.dims.order = (1, 0, 2)
    assert plane_index(flat, viewer.dims) is None
    assert geometry_of(flat, viewer.dims) is None


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_new_labels_lie_exactly_over_the_image(
    viewer: ViewerModel, transform: dict[str, Any]
) -> None:
    image = viewer.add_image(np.zeros((30, 40, 3), np.uint8), rgb=True, **transform)
    labels = make_labels(image)
    assert labels.data.dtype == np.uint16
    assert labels.data.shape == (30, 40)
    assert labels_fit(labels, image)
    for place in [(0, 0), (7, 31)]:
        assert labels.data_to_world(place) == pytest.approx(image.data_to_world(place))
    assert labels.units == image.units


def test_labels_that_cannot_be_written_to_do_not_fit(viewer: ViewerModel) -> None:
    image = viewer.add_image(np.zeros((8, 8)))
    frozen = np.zeros((8, 8), np.uint16)
    frozen.flags.writeable = False
    lazy = da.zeros((8, 8), dtype=np.uint16)
    pyramid = [np.zeros((8, 8), np.uint16), np.zeros((4, 4), np.uint16)]
    assert labels_fit(viewer.add_labels(np.zeros((8, 8), np.uint8)), image)
    assert not labels_fit(viewer.add_labels(np.zeros((8, 9), np.uint8)), image)
    assert not labels_fit(viewer.add_labels(frozen), image)
    assert not labels_fit(viewer.add_labels(lazy), image)
    assert not labels_fit(viewer.add_labels(pyramid), image)
