"""One plane of an image, and how to get at its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.origins import ImageOrigin, sample_of
from napari_sam2.errors import ImageError
from napari_sam2.segmentation.embedded import PlanePixels
from napari_sam2.segmentation.source import ArraySource
from napari_sam2.segmentation.view import PlaneIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

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
    seen : Contrast, optional
        What the model was really shown it with, once it was.
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
    seen: Contrast | None = None
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
        return (self.place, self.limits, self.gamma)

    def pixels(self) -> PlanePixels:
        """Return what the model is shown, to be read: as it was seen, if it was."""
        if self.seen is not None:
            limits = self.seen.low, self.seen.high
            return PlanePixels(self.source, limits, self.seen.gamma)
        return PlanePixels(self.source, self.limits, self.gamma)

    def contains(self, row: float, col: float) -> bool:
        """Whether a place lies on a pixel of the plane."""
        rows, cols = self.shape
        return -0.5 <= row < rows - 0.5 and -0.5 <= col < cols - 0.5
