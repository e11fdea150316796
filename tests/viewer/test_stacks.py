"""Every kind of array, of two to five dimensions, is pointed at plane by plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_sam2.annotation.objects import Pointing
from tests.viewer.conftest import A, B
from tests.viewer.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_sam2.viewer.controller import Controller

PLANE = (200, 240)


def stack_of(ndim: int) -> np.ndarray[Any, Any]:
    """Put a disc into one plane of an empty stack, another into all others."""
    deep = (2, 3, 2)[: ndim - 2]
    stack = np.empty((*deep, *PLANE), np.uint8)
    stack[...] = discs([B], PLANE, 25)
    stack[(1,) * len(deep)] = discs([A], PLANE, 25)
    return stack


def as_kind(kind: str, pixels: np.ndarray[Any, Any], folder: Path) -> Any:
    chunks = (1,) * (pixels.ndim - 2) + (100, 120)
    if kind == "memmap":
        mapped = np.memmap(folder / "stack", np.uint8, "w+", shape=pixels.shape)
        mapped[...] = pixels
        return mapped
    if kind == "dask":
        return da.from_array(pixels, chunks=chunks)
    if kind == "zarr":
        return zarr.create_array(store=folder / "stack", data=pixels, chunks=chunks)
    return pixels


@pytest.mark.parametrize("ndim", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["numpy", "memmap", "dask", "zarr", "pyramid"])
def test_the_plane_in_view_is_encoded_and_written(
    viewer: ViewerModel,
    control: Callable[[Any], Controller],
    segmenter: FakeSegmenter,
    tmp_path: Path,
    kind: str,
    ndim: int,
) -> None:
    pixels = stack_of(ndim)
    data = as_kind(kind, pixels, tmp_path)
    if kind == "pyramid":
        data = [pixels, pixels[..., ::2, ::2], pixels[..., ::4, ::4]]
    viewer.add_image(
        data, multiscale=kind == "pyramid", contrast_limits=(0, 255), name="stack"
    )
    for axis in range(ndim - 2):
        viewer.dims.set_current_step(axis, 1)
    controller = control(viewer)
    controller.session.wait()
    (seen,) = segmenter.encodes
    assert seen.shape == PLANE
    assert seen[A] > 0
    assert seen[B] == 0
    controller.pointer.click((*[1] * (ndim - 2), *A), Pointing.NEW)
    controller.session.wait()
    labels = viewer.layers["stack · labels"].data
    assert labels.shape == pixels.shape
    plane = (1,) * (ndim - 2)
    assert labels[(*plane, *A)] == 1
    assert np.count_nonzero(labels) == np.count_nonzero(labels[plane])


def test_of_a_lazy_stack_of_large_planes_a_part_of_one_is_computed(
    viewer: ViewerModel, control: Callable[[Any], Controller], segmenter: FakeSegmenter
) -> None:
    asked: set[tuple[int, ...]] = set()

    def block(block_info: Any = None) -> np.ndarray[Any, Any]:
        asked.add(block_info[None]["chunk-location"])
        return np.full(block_info[None]["chunk-shape"], 9, np.uint8)

    lazy = da.map_blocks(
        block,
        chunks=((1,) * 5, (1,) * 30, (500,) * 16, (500,) * 16),
        dtype=np.uint8,
        meta=np.empty((0,) * 4, np.uint8),
    )
    viewer.add_image(lazy, contrast_limits=(0, 255), name="movie", cache=False)
    viewer.dims.set_current_step(0, 3)
    viewer.dims.set_current_step(1, 20)
    viewer.scene.camera.center = (0, 4000, 4000)
    viewer.scene.camera.zoom = 2
    asked.clear()
    controller = control(viewer)
    controller.session.wait()
    assert segmenter.views[-1].width <= 1000
    assert {place[:2] for place in asked} == {(3, 20)}
    # A quarter of the plane: the view, and what is known of its contrast by.
    assert len(asked) <= 64
