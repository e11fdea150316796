"""What each of the model's colors is made of, so that it can be found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.segmentation.intensity import Contrast

if TYPE_CHECKING:
    from collections.abc import Hashable

    from napari_sam2.annotation.origins import ImageOrigin
    from napari_sam2.segmentation.view import PlaneIndex

__all__ = ["Channel"]


@dataclass(frozen=True)
class Channel:
    """A gray plane that the model sees in one color.

    Attributes
    ----------
    origin : ImageOrigin
        What its image can be found again by.
    index : PlaneIndex
        Which plane of that image.
    limits : tuple of float, optional
        Intensities that become black and full color; robust percentiles if None.
    gamma : float
        Bends what lies between them.
    image : hashable
        The same value for as long as the image holds the same pixels.
    """

    origin: ImageOrigin
    index: PlaneIndex
    limits: tuple[float, float] | None = None
    gamma: float = 1.0
    image: Hashable = None

    @property
    def contrast(self) -> Contrast | None:
        """With which it is to be shown."""
        return None if self.limits is None else Contrast(*self.limits, self.gamma)

    def is_same(self, other: Channel | None) -> bool:
        """Whether another one, of another day perhaps, shows the same plane."""
        return (
            other is not None
            and self.index == other.index
            and self.origin.is_same(other.origin)
        )
