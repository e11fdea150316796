"""Which layers, and which positions of a slider, can be channels of an image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.viewer.layers import spatial_shape

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from napari.layers import Image

    from napari_sam2.segmentation.view import PlaneIndex

__all__ = ["ChannelChoice", "lie_alike", "offered"]

_CHANNEL_LABELS = {"c", "ch", "channel", "channels"}

# An axis that nobody has named holds channels only if it is this short.
_MOST = 6


@dataclass(frozen=True)
class ChannelChoice:
    """A channel: a layer, or one position of it along an axis.

    Attributes
    ----------
    layer : hashable
        The ``unique_id`` of the layer.
    axis : int, optional
        Of its array; None: whatever plane of it is in view.
    position : int
        Along the axis.
    """

    layer: Hashable
    axis: int | None = None
    position: int = 0

    def index(self, in_view: PlaneIndex) -> PlaneIndex | None:
        """Return which plane of the layer it is; None if the axis is on the canvas."""
        if self.axis is None:
            return in_view
        if self.axis in (in_view.row_axis, in_view.col_axis):
            return None
        position = list(in_view.position)
        position[self.axis] = self.position
        return replace(in_view, position=tuple(position))


def lie_alike(one: Image, other: Image) -> bool:
    """Whether each pixel of an image lies on the same pixel of another one."""
    if spatial_shape(one) != spatial_shape(other):
        return False
    places = np.vstack([np.zeros(one.ndim), np.eye(one.ndim)])
    return all(
        np.allclose(one.data_to_world(place), other.data_to_world(place))
        for place in places
    )


def offered(image: Image, images: Iterable[Image]) -> list[tuple[str, ChannelChoice]]:
    """Return what can be chosen as a channel of an image, with its name.

    Parameters
    ----------
    image : Image
        That is worked on.
    images : iterable of Image
        All that there are.
    """
    found = []
    for layer in images:
        if layer.rgb or not lie_alike(image, layer):
            continue
        axis = _channel_axis(layer)
        found.append((layer.name, ChannelChoice(layer.unique_id)))
        if axis is not None:
            label = str(layer.axis_labels[axis])
            if label.lstrip("-").isdigit():
                label = "channel"  # nobody has named it: napari has counted
            found += [
                (
                    f"{layer.name} · {label} {number}",
                    ChannelChoice(layer.unique_id, axis, number),
                )
                for number in range(spatial_shape(layer)[axis])
            ]
    return found


def _channel_axis(layer: Image) -> int | None:
    """Return the axis along which an image has its channels, as far as one can say."""
    shape = spatial_shape(layer)[:-2]
    for axis, label in enumerate(layer.axis_labels[: len(shape)]):
        if str(label).lower() in _CHANNEL_LABELS:
            return axis
    short = [axis for axis, length in enumerate(shape) if 1 < length <= _MOST]
    return short[0] if short else None
