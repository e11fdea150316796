"""One plane of an image, and how to get at its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.channels import Channel
from napari_sam2.annotation.origins import ImageOrigin, sample_of
from napari_sam2.errors import ImageError
from napari_sam2.segmentation.channels import ChannelSource
from napari_sam2.segmentation.embedded import PlanePixels
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    import numpy.typing as npt

    from napari_sam2.segmentation.intensity import Contrast
    from napari_sam2.segmentation.source import PlaneSource

__all__ = ["Plane"]


@dataclass(frozen=True, eq=False)
class Plane:
    """A 2-D plane of an n-D image, read only when it is needed.

    Attributes
    ----------
    name : str
        Of the image, for messages.
    array_shape : tuple of int
        Shape of the whole image without its channels: that of its labels.
    index : PlaneIndex
        Which plane of it.
    source : PlaneSource
        Where its pixels are read from, on the inference thread.
    limits : tuple of float, optional
        Intensities that become black and white; robust percentiles if None.
    gamma : float
        Bends what lies between them.
    channels : tuple of Channel or None
        What the model sees in red, green and blue; nothing if the image alone.
    seen : tuple of Contrast or None
        What the model was really shown it with, once it was, see
        :attr:`~napari_sam2.segmentation.embedded.PlanePixels.contrast`.
    image : hashable
        The same value for as long as the image holds the same pixels.
    lazy : bool
        Whether reading may take long (dask, zarr), which is worth a word.
    describe : callable, optional
        Returns what the image can be found again by.
    """

    name: str
    array_shape: tuple[int, ...]
    index: PlaneIndex
    source: PlaneSource
    limits: tuple[float, float] | None = None
    gamma: float = 1.0
    channels: tuple[Channel | None, ...] = ()
    seen: tuple[Contrast | None, ...] = ()
    image: Hashable = field(default_factory=object)
    lazy: bool = False
    describe: Callable[[], ImageOrigin] | None = None

    @classmethod
    def of_array(
        cls,
        array: npt.NDArray[Any],
        *,
        name: str = "image",
        limits: tuple[float, float] | None = None,
        gamma: float = 1.0,
    ) -> Plane:
        """Make a plane of a 2-D gray or RGB(A) array."""
        array = np.asarray(array)
        if array.ndim not in (2, 3) or (
            array.ndim == 3 and array.shape[-1] not in (3, 4)
        ):
            raise ImageError(
                "Expected one plane, (rows, cols) or (rows, cols, 3 or 4), "
                f"not an array of shape {array.shape}: take one plane of it."
            )
        origin = ImageOrigin(
            name, array.shape[:2], array.dtype.str, None, sample_of(array)
        )
        index = PlaneIndex()
        return cls(
            name,
            array.shape[:2],
            index,
            ArraySource([array], index),
            limits,
            gamma,
            describe=lambda: origin,
        )

    @classmethod
    def of_channels(
        cls,
        arrays: Sequence[npt.NDArray[Any] | None],
        *,
        names: Sequence[str] = ("red", "green", "blue"),
        limits: Sequence[tuple[float, float] | None] = (),
    ) -> Plane:
        """Make a plane of gray arrays, each of which the model sees in one color.

        Parameters
        ----------
        arrays : sequence of ndarray or None
            Up to three of one shape, (rows, cols): what becomes red, green and blue.
        names : sequence of str
            Of the channels.
        limits : sequence of tuple of float or None, optional
            Of each, intensities that become black and full color; robust percentiles
            if None.

        Raises
        ------
        ImageError
            If there is none, if there are more than three, or their shapes differ.
        """
        index, bounds = PlaneIndex(), [*limits, None, None, None]
        found = [
            None if array is None else Plane.of_array(array, name=name)
            for array, name in zip(arrays, (*names, "", "", ""), strict=False)
        ]
        channels = [
            None if one is None else Channel(one.origin, index, bound)
            for one, bound in zip(found, bounds, strict=False)
        ]
        sources = [None if one is None else one.source for one in found]
        first = next((one for one in found if one is not None), None)
        if first is None:
            raise ImageError("There is no channel: give one array at least.")
        return first.with_channels(channels, sources)

    def with_channels(
        self,
        channels: Sequence[Channel | None],
        sources: Sequence[PlaneSource | None],
    ) -> Plane:
        """Return the plane as it looks in other channels than the image's own.

        Parameters
        ----------
        channels : sequence of Channel or None
            What becomes red, green and blue.
        sources : sequence of PlaneSource or None
            Where the pixels of each are read from.

        Raises
        ------
        ImageError
            If there are none, more than three, or if their shapes differ.
        """
        contrasts = [None if one is None else one.contrast for one in channels]
        return replace(
            self,
            source=ChannelSource(sources, contrasts),
            channels=tuple(channels),
            limits=None,
            gamma=1.0,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, cols)`` of the plane."""
        return (
            self.array_shape[self.index.row_axis],
            self.array_shape[self.index.col_axis],
        )

    @property
    def origin(self) -> ImageOrigin:
        """What the image can be found again by."""
        if self.describe is not None:
            return self.describe()
        return ImageOrigin(self.name, tuple(self.array_shape))

    @property
    def place(self) -> Hashable:
        """The same for two planes that are one, however it is shown."""
        return (self.image, self.index)

    @property
    def key(self) -> Hashable:
        """The same for two planes that show the model the same pixels."""
        channels = tuple(
            one and (one.image, one.index, one.contrast) for one in self.channels
        )
        return (self.place, self.limits, self.gamma, channels)

    def pixels(self) -> PlanePixels:
        """Return what the model is shown, to be read: as it was seen, if it was."""
        pixels = PlanePixels(self.source, self.limits, self.gamma)
        return pixels.surely_shown_with(self.seen)

    def like(self, described: Plane) -> Plane:
        """Return the plane of the same image that one of an earlier session is."""
        same = len(self.channels) == len(described.channels) and all(
            one is other or (one is not None and one.is_same(other))
            for one, other in zip(self.channels, described.channels, strict=True)
        )
        return replace(
            self,
            index=described.index,
            limits=described.limits,
            gamma=described.gamma,
            channels=described.channels,
            # Through other channels, nobody can look at it as it was.
            seen=described.seen if same else (),
            array_shape=described.array_shape,
        )

    def moved(self, steps: tuple[int, ...]) -> Plane:
        """Return the plane of the same image that lies so many steps away.

        Parameters
        ----------
        steps : tuple of int
            Along each axis of the image; those of the plane itself do not count.

        Raises
        ------
        IndexError
            If there is none.
        """
        index, source = self.index.moved(steps), self.source.moved(steps)
        return replace(self, index=index, source=source)

    def contains(self, row: float, col: float) -> bool:
        """Whether a place lies on a pixel of the plane."""
        rows, cols = self.shape
        return -0.5 <= row < rows - 0.5 and -0.5 <= col < cols - 0.5
