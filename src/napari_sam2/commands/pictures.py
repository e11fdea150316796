"""The arrays that a session was about, found again by what is known of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_sam2.annotation.origins import sample_of
from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_sam2.annotation.origins import ImageOrigin
    from napari_sam2.annotation.planes import Plane

__all__ = ["Pictures"]


class Pictures:
    """Finds the image of a session, and the channels that the model saw of it.

    Parameters
    ----------
    image : ndarray, or list of array_like
        The image, or an array with one axis more, of which it is a channel. One that is
        larger than memory: its resolutions, the full one first.
    channels : mapping of str to ndarray
        Those of other files, by the names of their layers.
    read : callable, optional
        ``read(path)`` returns the array of a file, for channels that are not given.
    """

    def __init__(
        self,
        image: npt.NDArray[Any] | list[Any],
        channels: Mapping[str, npt.NDArray[Any]] | None = None,
        read: Callable[[Path], npt.NDArray[Any]] | None = None,
    ) -> None:
        self._levels = image if isinstance(image, list) else [image]
        self._image = self._levels[0]
        self._channels = dict(channels or {})
        self._read = read
        self._planes: dict[object, Plane] = {}

    def plane(self, described: Plane, origin: ImageOrigin) -> Plane:
        """Return a plane that can be read for one that cannot.

        Parameters
        ----------
        described : Plane
            As a journal tells it.
        origin : ImageOrigin
            What is known of the image.

        Raises
        ------
        ImageError
            If the image or one of its channels is not among what there is.
        """
        from napari_sam2.segmentation.source import ArraySource

        key = tuple(
            getattr(described, name)
            for name in ("index", "limits", "gamma", "seen", "channels")
        )
        if key in self._planes:
            return self._planes[key]
        if described.channels:
            sources = [
                None if one is None else ArraySource([self._of(one.origin)], one.index)
                for one in described.channels
            ]
            made = described.with_channels(described.channels, sources)
        else:
            array = self.image(origin)
            levels = self._levels if array is self._image else [array]
            made = replace(described, source=ArraySource(levels, described.index))
        self._planes[key] = made
        return made

    def image(self, origin: ImageOrigin) -> npt.NDArray[Any]:
        """Return the image itself.

        Raises
        ------
        ImageError
            If it has another shape.
        """
        shape = tuple(self._image.shape)
        if origin.shape in (shape, shape[:-1]):
            return cast("npt.NDArray[Any]", self._image)
        found = _within(self._image, origin)
        if found is None:
            raise ImageError(
                f"The session is about an image of the shape {origin.shape}, this one "
                f"has {shape}: give the image with --image."
            )
        return found

    def _of(self, origin: ImageOrigin) -> npt.NDArray[Any]:
        """Return the array of one channel."""
        given = self._channels.get(origin.name)
        for array in (self._image,) if given is None else (given,):
            found = _within(array, origin)
            if found is not None:
                return found
        if given is None and self._read is not None and origin.path is not None:
            self._channels[origin.name] = self._read(origin.path)
            return self._of(origin)
        raise ImageError(
            f"The channel “{origin.name}” of the shape {origin.shape} was not found: "
            f"give its file with --channel “{origin.name}=FILE”."
        )


def _within(array: npt.NDArray[Any], origin: ImageOrigin) -> npt.NDArray[Any] | None:
    """Return the array, or the part along one axis, that an origin tells of."""
    parts = [array]
    if array.ndim == len(origin.shape) + 1 and isinstance(array, np.ndarray):
        # Nothing is copied, and read only what is looked at.
        parts = [
            array[(slice(None),) * axis + (number,)]
            for axis in range(array.ndim)
            if array.shape[:axis] + array.shape[axis + 1 :] == origin.shape
            for number in range(array.shape[axis])
        ]
    fits = [part for part in parts if part.shape == origin.shape]
    if not origin.sample:
        # Of an array that was not in memory nobody has seen the pixels.
        return fits[0] if len(fits) == 1 else None
    return next((part for part in fits if sample_of(part) == origin.sample), None)
