"""napari layers as planes and labels: which pixels, and which layers fit."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_sam2.annotation.huge import new_labels, too_large
from napari_sam2.annotation.origins import ImageOrigin, sample_of
from napari_sam2.annotation.planes import Plane
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex
from napari_sam2.viewer.geometry import displayed_axes, unit_factors
from napari_sam2.viewer.huge import is_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy.typing as npt
    from napari.components import Dims
    from napari.layers import Image, Labels, Layer

__all__ = [
    "in_pan_zoom",
    "labels_fit",
    "labels_name",
    "labels_over",
    "make_labels",
    "opened_from",
    "origin_of",
    "path_of",
    "plane_index",
    "plane_of",
    "source_of",
    "spatial_shape",
]

# What images were opened as that stand for others: napari keeps that to itself.
_ORIGINALS: weakref.WeakKeyDictionary[Image, ImageOrigin] = weakref.WeakKeyDictionary()


def spatial_shape(layer: Image) -> tuple[int, ...]:
    """Return the shape of an image at full resolution, without its channels."""
    shape = tuple(int(length) for length in _full_resolution(layer).shape)
    return shape[:-1] if layer.rgb else shape


def plane_index(layer: Image, dims: Dims) -> PlaneIndex | None:
    """Which plane of an image is in view, in 2-D display.

    Returns
    -------
    PlaneIndex or None
        None if the sliders stand outside of the image, or the canvas shows an
        axis that the image does not have.
    """
    axes = displayed_axes(layer.ndim, dims)
    if axes is None:
        return None
    missing = dims.ndim - layer.ndim
    point = np.asarray(dims.point[missing:]) / unit_factors(layer, dims)
    # Rounded as napari rounds to the slice that it shows.
    places = np.round(layer.world_to_data(point)).astype(int)
    shape = spatial_shape(layer)
    position = [0] * layer.ndim
    for axis, place in enumerate(places):
        if axis in axes:
            continue
        if not 0 <= place < shape[axis]:
            return None
        position[axis] = int(place)
    return PlaneIndex(tuple(position), *axes)


def plane_of(
    layer: Image, dims: Dims, image: Hashable = None, *, as_shown: bool = False
) -> Plane | None:
    """Return the plane of an image that is in view, to be read when needed.

    Parameters
    ----------
    layer : Image
        2-D to n-D, gray or RGB(A), of one or several resolutions. Reading touches
        nothing but what is looked at, whatever the array is (numpy, dask, zarr, …).
    dims : Dims
        Of the viewer.
    image : hashable, optional
        The same for as long as the layer holds the same pixels.
    as_shown : bool
        Whether to take the contrast limits and the gamma of the layer, where it is
        not RGB; by default, robust percentiles.
    """
    index = plane_index(layer, dims)
    if index is None:
        return None
    data: Any = _full_resolution(layer)
    as_shown = as_shown and not layer.rgb
    low, high = layer.contrast_limits
    return Plane(
        name=layer.name,
        array_shape=spatial_shape(layer),
        index=index,
        source=source_of(layer, index),
        limits=(float(low), float(high)) if as_shown else None,
        gamma=float(layer.gamma) if as_shown else 1.0,
        image=(id(data),) if image is None else image,
        lazy=not isinstance(data, np.ndarray) or isinstance(data, np.memmap),
        describe=_describer(layer),
    )


def source_of(layer: Image, index: PlaneIndex, fixed: int | None = None) -> ArraySource:
    """Return where a plane of an image is read from; see :class:`ArraySource`."""
    levels = list(layer.data) if layer.multiscale else [layer.data]
    if layer in _ORIGINALS:
        # Averages of averages are other pixels than those that are found in the file
        # when the session is done again.
        levels = levels[:1]
    return ArraySource(levels, index, fixed)


def _describer(layer: Image) -> Callable[[], ImageOrigin]:
    """Describe a layer without keeping it alive, or what it was."""
    alive, name, shape = weakref.ref(layer), layer.name, spatial_shape(layer)

    def describe() -> ImageOrigin:
        found = alive()
        return ImageOrigin(name, shape) if found is None else origin_of(found)

    return describe


def origin_of(layer: Image) -> ImageOrigin:
    """Return what an image can be found again by, without reading it."""
    data: Any = _full_resolution(layer)
    in_memory = isinstance(data, np.ndarray) and not isinstance(data, np.memmap)
    low, high = layer.contrast_limits
    original = _ORIGINALS.get(layer)
    return ImageOrigin(
        layer.name if original is None else original.name,
        spatial_shape(layer),
        np.dtype(data.dtype).str,
        path_of(layer) if original is None else original.path,
        sample_of(data) if in_memory else "",
        tuple(map(float, layer.scale)),
        (float(low), float(high)),
    )


def opened_from(layer: Image, original: Image) -> None:
    """Take note that a layer shows the pixels of another one, in another way.

    By these it is to be found again, when only the other one is opened.
    """
    _ORIGINALS[layer] = origin_of(original)


def path_of(layer: Layer) -> Path | None:
    """Return the file that a layer was read from; None if it was made otherwise."""
    path = layer.source.path
    return None if path is None else Path(path).expanduser().absolute()


def labels_fit(labels: Labels, image: Image) -> bool:
    """Whether objects of an image can be kept in a labels layer."""
    if tuple(labels.data[0].shape if labels.multiscale else labels.data.shape) != (
        spatial_shape(image)
    ):
        return False
    if labels.multiscale:
        return is_sparse(labels)
    data = labels.data
    if isinstance(data, np.ndarray):
        return bool(data.flags.writeable)
    # A dask array takes assignments, but piles them up as a graph.
    kind = type(data).__module__.partition(".")[0]
    return hasattr(data, "__setitem__") and kind != "dask"


def labels_name(image: Image) -> str:
    """Name of the labels that are made for an image."""
    return f"{image.name} · labels"


def make_labels(image: Image) -> Labels:
    """Return empty labels that lie exactly over an image (not added anywhere).

    Those of a huge image are kept on disk, see `napari_sam2.viewer.sparse_store`.
    """
    shape, name = spatial_shape(image), labels_name(image)
    if too_large(shape):
        return labels_over(image, new_labels(shape, name).levels, name)
    return labels_over(image, np.zeros(shape, dtype=np.uint16), name)


def labels_over(image: Image, data: Any, name: str) -> Labels:
    """Return a layer of labels that lie exactly over an image.

    Parameters
    ----------
    image : Image
        Whose place they take over.
    data : ndarray of int, or list of SparseLevel
        The labels, or all levels of those on disk.
    name : str
        Of the layer.
    """
    from napari.layers import Labels

    return Labels(
        data,
        multiscale=isinstance(data, list),
        name=name,
        affine=image.affine,
        axis_labels=image.axis_labels,
        rotate=image.rotate,
        scale=image.scale,
        shear=image.shear,
        translate=image.translate,
        units=image.units,
    )


def in_pan_zoom(layer: object | None) -> bool:
    """Whether the mouse belongs to nobody else: the rule of napari's own zoom."""
    return layer is None or str(getattr(layer, "mode", "pan_zoom")) == "pan_zoom"


def _full_resolution(layer: Image) -> npt.NDArray[Any]:
    # Anything that is sliced as numpy arrays are.
    data = layer.data[0] if layer.multiscale else layer.data
    return cast("npt.NDArray[Any]", data)
