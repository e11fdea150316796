"""Channels of a microscope as the red, green and blue that the model sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from napari_sam2.errors import ImageError
from napari_sam2.segmentation.intensity import Contrast, checked, limits_of, to_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_sam2.segmentation.source import PlaneSource
    from napari_sam2.segmentation.view import BBox

__all__ = ["ChannelSource"]

_COLORS = 3


class ChannelSource:
    """Up to three gray planes, each with its own contrast, as one of RGB bytes.

    Parameters
    ----------
    sources : sequence of PlaneSource or None
        Gray planes of one shape: what becomes red, green and blue. None stays black.
    contrasts : sequence of Contrast or None, optional
        With which each is shown; robust percentiles of an overview if None.

    Raises
    ------
    ImageError
        If there are none, more than three, or if their shapes differ.
    """

    def __init__(
        self,
        sources: Sequence[PlaneSource | None],
        contrasts: Sequence[Contrast | None] = (),
    ) -> None:
        shapes = {source.shape for source in sources if source is not None}
        if len(sources) > _COLORS or len(shapes) != 1:
            raise ImageError(
                "From one to three channels of one shape make what the model sees, not "
                f"{len(sources)} of the shapes {sorted(shapes)}."
            )
        self._sources = [*sources, None, None][:_COLORS]
        self._asked = [*contrasts, None, None, None][:_COLORS]
        self._contrast: tuple[Contrast | None, ...] | None = None
        self.shape: tuple[int, int] = shapes.pop()

    @property
    def contrast(self) -> tuple[Contrast | None, ...]:
        """With which each color is shown, read from an overview where nobody says.

        None where there is no channel, or nothing to see in it.
        """
        if self._contrast is None:
            self._contrast = tuple(
                asked if asked is not None or source is None else _contrast_of(source)
                for source, asked in zip(self._sources, self._asked, strict=True)
            )
        return self._contrast

    def shown_with(self, contrast: Sequence[Contrast | None]) -> ChannelSource:
        """Return the same channels, shown in another way."""
        return ChannelSource(self._sources, contrast)

    def read(
        self, window: BBox, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[np.uint8]:
        """Return a rectangle; see :meth:`~.source.PlaneSource.read`.

        Returns
        -------
        ndarray of uint8, shape (h, w, 3)
        """
        return _stacked(
            [
                None if source is None else _gray(source.read(window, shape), contrast)
                for source, contrast in zip(self._sources, self.contrast, strict=True)
            ]
        )

    def overview(self) -> npt.NDArray[np.uint8]:
        """Return pixels from all over; see :meth:`~.source.PlaneSource.overview`."""
        return _stacked(
            [
                None if source is None else _gray(source.overview(), contrast)
                for source, contrast in zip(self._sources, self.contrast, strict=True)
            ]
        )

    def moved(self, steps: tuple[int, ...]) -> ChannelSource:
        """Return the same channels elsewhere; see :meth:`~.source.PlaneSource.moved`.

        Each that has a contrast of its own finds it there anew.
        """
        return ChannelSource(
            [
                None if source is None else source.moved(steps)
                for source in self._sources
            ],
            self._asked,
        )


def _contrast_of(source: PlaneSource) -> Contrast | None:
    try:
        limits = limits_of(source.overview())
    except ImageError:
        return None  # it shows no finite value
    return None if limits is None else Contrast(*limits)


def _gray(
    pixels: npt.NDArray[Any], contrast: Contrast | None
) -> npt.NDArray[np.uint8] | None:
    if checked(pixels).ndim != 2:
        raise ImageError("A channel is gray; this image is RGB: choose another one.")
    if contrast is None:
        return None
    limits = contrast.low, contrast.high
    return to_rgb(pixels, limits, contrast.gamma)[..., 0]


def _stacked(parts: list[npt.NDArray[np.uint8] | None]) -> npt.NDArray[np.uint8]:
    """Put three planes side by side; those of a coarser pyramid are interpolated."""
    sizes = [part.shape for part in parts if part is not None]
    # A plane of no finite value all over is black, and of any size.
    rows, cols = max(sizes, default=(1, 1))
    whole = np.zeros((rows, cols, _COLORS), dtype=np.uint8)
    for color, part in enumerate(parts):
        if part is not None and part.shape != (rows, cols):
            image = Image.fromarray(part).resize(
                (cols, rows), Image.Resampling.BILINEAR
            )
            part = np.asarray(image)
        if part is not None:
            whole[..., color] = part
    return whole
