"""How an image is shown to the model: which channels, with which contrast."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.channels import Channel
from napari_sam2.viewer.channels import offered
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.later import Later
from napari_sam2.viewer.layers import origin_of, plane_of, source_of, spatial_shape

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from napari.components import Dims
    from napari.layers import Image

    from napari_sam2.annotation.origins import ImageOrigin
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.segmentation.source import PlaneSource
    from napari_sam2.viewer.channels import ChannelChoice
    from napari_sam2.viewer.choices import LayerChoices

__all__ = ["CONTRASTS", "Sight"]

CONTRASTS = ("percentiles", "layer")
"""What becomes black and white: what few pixels are beyond, or what the layer says."""

_REST = 300
"""Milliseconds without a change of the contrast after which the model looks again."""

_COLORS = 3


class Sight:
    """Knows what of the chosen image the model sees, and when that has changed.

    Parameters
    ----------
    choices : LayerChoices
        Which image it is.
    """

    changed = Signal()
    """The model is to look again."""

    contrast_changed = Signal(str)
    """Another of the ``CONTRASTS``."""

    notice = Signal(str)

    def __init__(self, choices: LayerChoices) -> None:
        self._choices = choices
        self._contrast = CONTRASTS[0]
        self._chosen: weakref.WeakKeyDictionary[
            Image, tuple[ChannelChoice | None, ...]
        ] = weakref.WeakKeyDictionary()
        self._last: weakref.ref[Image] | None = None
        self._names: dict[Hashable, str] = {}
        self._revision = 0
        self._origins: dict[Hashable, ImageOrigin] = {}
        # Whoever drags a slider does not want each of its places to be encoded.
        self._later = Later(self._on_rest, _REST, rest=True)
        self._connections = Connections()
        self._of_layers = Connections()
        self._connections.add(choices.image_changed, self._on_image)
        self._connections.add(choices.choices_changed, self._on_listed)
        self._on_image()

    @property
    def contrast(self) -> str:
        """One of the ``CONTRASTS``; RGB is shown as it is in any case."""
        return self._contrast

    @contrast.setter
    def contrast(self, contrast: str) -> None:
        if contrast != self._contrast and contrast in CONTRASTS:
            self._contrast = contrast
            self.contrast_changed.emit(contrast)
            self.changed.emit()

    @property
    def channels(self) -> tuple[ChannelChoice | None, ...]:
        """What becomes red, green and blue; nothing if the image alone is seen."""
        image = self._choices.image
        return () if image is None else self._chosen.get(image, ())

    @channels.setter
    def channels(self, channels: Iterable[ChannelChoice | None]) -> None:
        image, chosen = self._choices.image, tuple(channels)[:_COLORS]
        if image is None or chosen == self.channels:
            return
        if any(chosen):
            self._chosen[image] = chosen
        else:
            self._chosen.pop(image, None)
        self._follow()
        self.changed.emit()

    @property
    def offered(self) -> list[tuple[str, ChannelChoice]]:
        """What can be chosen as a channel, with its name; the lowest layer first."""
        image = self._choices.image
        return [] if image is None else offered(image, reversed(self._choices.images))

    @property
    def stretches(self) -> bool:
        """Whether there is a contrast to choose."""
        image = self._choices.image
        return image is not None and (not image.rgb or bool(self.channels))

    def plane(self, dims: Dims, image: Hashable) -> Plane | None:
        """Return the plane that is in view, as the model is to see it.

        Parameters
        ----------
        dims : Dims
            Of the viewer.
        image : hashable
            The same for as long as the image holds the same pixels.
        """
        layer = self._choices.image
        if layer is None:
            return None
        plane = plane_of(layer, dims, image, as_shown=self._contrast == "layer")
        if plane is None:
            return None
        found = [self._channel(one, plane) for one in self.channels]
        if not any(found):
            return plane
        return plane.with_channels(
            [None if one is None else one[0] for one in found],
            [None if one is None else one[1] for one in found],
        )

    def close(self) -> None:
        """Follow no longer."""
        self._later.close()
        self._connections.close()
        self._of_layers.close()

    # --------------------------------------------------------------- following

    def _channel(
        self, choice: ChannelChoice | None, plane: Plane
    ) -> tuple[Channel, PlaneSource] | None:
        layer = self._layer_of(choice)
        index = None if choice is None else choice.index(plane.index)
        if choice is None or layer is None or index is None:
            return None
        limits, gamma = None, 1.0
        if self._contrast == "layer":
            low, high = layer.contrast_limits
            limits, gamma = (float(low), float(high)), float(layer.gamma)
        key = (layer.unique_id, self._revision)
        if key not in self._origins:
            self._origins[key] = origin_of(layer)
        channel = Channel(self._origins[key], index, limits, gamma, key)
        return channel, source_of(layer, index, choice.axis)

    def _layer_of(self, choice: ChannelChoice | None) -> Image | None:
        """Return the layer of a channel; None if it is gone or is another by now."""
        image = self._choices.image
        if choice is None or image is None:
            return None
        for layer in self._choices.images:
            if layer.unique_id == choice.layer:
                fits = not layer.rgb and spatial_shape(layer) == spatial_shape(image)
                return layer if fits else None
        return None

    def _on_image(self) -> None:
        image, images = self._choices.image, self._choices.images
        last = None if self._last is None else self._last()
        if image is not None and last is not None and last not in images:
            # One of its channels has taken the place of an image that is gone.
            before = self._chosen.pop(last, ())
            if any(one and one.layer == image.unique_id for one in before):
                self._chosen.setdefault(image, before)
        self._last = None if image is None else weakref.ref(image)
        self._later.close()
        self._follow()

    def _on_listed(self) -> None:
        """Go on with the rest if a channel is gone."""
        channels = self.channels
        left = tuple(one if self._layer_of(one) else None for one in channels)
        self._note_names()
        if left == channels:
            return
        gone = {one.layer for one in channels if one is not None} - {
            one.layer for one in left if one is not None
        }
        names = ", ".join(f"“{self._names.get(one, '?')}”" for one in gone)
        self.channels = left
        what = "the other channels" if any(left) else "the image alone"
        self.notice.emit(f"{names} is gone: the model sees {what} now.")

    def _follow(self) -> None:
        """Listen to what is seen, and to nothing else."""
        self._of_layers.close()
        self._origins.clear()
        image = self._choices.image
        seen = {one for one in map(self._layer_of, self.channels) if one is not None}
        self._choices.keep_together(seen)
        self._note_names()
        for layer in seen:
            self._of_layers.add(layer.events.data, self._on_data)
        for layer in seen or {image}:
            if layer is not None:
                for signal in (layer.events.contrast_limits, layer.events.gamma):
                    self._of_layers.add(signal, self._on_contrast)

    def _note_names(self) -> None:
        for one in self.channels:
            layer = self._layer_of(one)
            if layer is not None:
                self._names[layer.unique_id] = layer.name

    def _on_data(self) -> None:
        self._revision += 1
        self._origins.clear()
        self.changed.emit()

    def _on_contrast(self) -> None:
        if self._contrast == "layer":
            self._later.ask()

    def _on_rest(self) -> None:
        self.changed.emit()
