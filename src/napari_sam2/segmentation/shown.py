"""A picture of what the model was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.engines.pixels import squashed

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.intensity import Contrast
    from napari_sam2.segmentation.view import View

__all__ = ["Shown", "shown"]

_COLORS = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class Shown:
    """What the model was shown of a view.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (size, size, 3)
        The model's square; rows of the plane are its rows.
    view : View
        Which part of the plane it is.
    contrast : tuple of Contrast or None
        With which it was shown, see
        :attr:`~napari_sam2.segmentation.embedded.PlanePixels.contrast`.
    """

    pixels: npt.NDArray[np.uint8]
    view: View
    contrast: tuple[Contrast | None, ...]

    @property
    def where(self) -> str:
        """The part of the plane, in words."""
        size, (r0, c0, r1, c1) = self.view.image_size, self.view.window
        rows, cols = f"rows {r0:,} to {r1 - 1:,}", f"columns {c0:,} to {c1 - 1:,}"
        if (r1 - r0, c1 - c0) == tuple(self.view.plane_shape):
            rows, cols = f"all {r1:,} rows", f"{c1:,} columns"
        return f"{size:,} by {size:,} pixels, of {rows} and {cols}"

    @property
    def light(self) -> str:
        """The contrast, in words."""
        if len(self.contrast) == 1:
            only = self.contrast[0]
            return "" if only is None else _in_words(only, "Black is", ", white")
        return " · ".join(
            _in_words(one, color.capitalize(), " to")
            for color, one in zip(_COLORS, self.contrast, strict=False)
            if one is not None
        )


def shown(image: EmbeddedImage) -> Shown:
    """Return what the model was shown of a view: what the engine was given, squashed.

    Of a large plane it is read again, by the function that read it for the engine.

    Raises
    ------
    ImageError
        See :meth:`~napari_sam2.segmentation.embedded.PlanePixels.seen`.
    """
    view, pixels = image.view, image.pixels.seen(image.view)
    square = np.rint(squashed(pixels, view.image_size)).astype(np.uint8)
    if view.transposed:
        square = square.swapaxes(0, 1)
    return Shown(np.ascontiguousarray(square), view, image.pixels.contrast)


def _in_words(contrast: Contrast, black: str, white: str) -> str:
    words = f"{black} {_number(contrast.low)}{white} {_number(contrast.high)}"
    return words if contrast.gamma == 1 else f"{words}, gamma {contrast.gamma:.2g}"


def _number(value: float) -> str:
    whole = 1000 <= abs(value) < 1e9
    return f"{value:,.0f}" if whole else f"{value:.4g}"
