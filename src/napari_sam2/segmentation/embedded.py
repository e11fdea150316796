"""A plane that the model has seen, and its pixels for a closer look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_sam2.segmentation.intensity import to_rgb

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam2.engines.base import Embedding
    from napari_sam2.segmentation.view import BBox, View

__all__ = ["EmbeddedImage", "PlanePixels"]


@dataclass(frozen=True, eq=False)
class EmbeddedImage:
    """A plane that the model has seen.

    Attributes
    ----------
    view : View
        Which part of the plane, at which resolution.
    embedding : Embedding
        What the encoder made of it; only the engine that made it can use it.
    key : str
        Names pixels, contrast limits, view, model and engine.
    pixels : PlanePixels
        The whole plane, for a closer look at a part of it.
    """

    view: View
    embedding: Embedding
    key: str
    pixels: PlanePixels

    def key_of(self, view: View) -> str:
        """Name what the model sees in another view of the same plane."""
        turned = " transposed" if view.transposed else ""
        return f"{self.key.split('|')[0]}|{view.window}{turned}"


class PlanePixels:
    """A plane as RGB bytes, made of its intensities when they are first wanted.

    Parameters
    ----------
    plane : ndarray, shape (rows, cols[, channels])
        The intensities.
    limits : tuple of float, optional
        Those that become black and white.
    """

    def __init__(
        self, plane: npt.NDArray[Any], limits: tuple[float, float] | None
    ) -> None:
        self._plane: npt.NDArray[Any] | None = plane
        self._limits = limits
        self._rgb: npt.NDArray[np.uint8] | None = None

    def within(self, window: BBox) -> npt.NDArray[np.uint8]:
        """Return the bytes of a rectangle, shape (rows, cols, 3).

        The contrast is that of the whole plane.

        Raises
        ------
        ImageError
            See :func:`~napari_sam2.segmentation.intensity.to_rgb`.
        """
        plane = self._plane
        if plane is not None:
            self._rgb = to_rgb(plane, self._limits)
            # The bytes are enough from now on.
            self._plane = None
        assert self._rgb is not None
        r0, c0, r1, c1 = window
        return self._rgb[r0:r1, c0:c1]
