"""A plane that the model has seen, and its pixels for another look."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import ImageError
from napari_sam2.segmentation.channels import ChannelSource
from napari_sam2.segmentation.embeddings import embedding_key, pixels_name
from napari_sam2.segmentation.intensity import Contrast, checked, limits_of, to_rgb

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.engines.base import Embedding, Engine
    from napari_sam2.segmentation.source import PlaneSource
    from napari_sam2.segmentation.view import BBox, View

__all__ = ["EmbeddedImage", "PlanePixels"]

# Planes up to this many pixels are read once and held in memory.
_HELD = 1 << 22

# Pixels that are read for one of the model's, along each axis: resizing by a whole
# number of them is not to be told from resizing all there are.
_FINER = 2


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
        The plane, for another look at it or at a part of it.
    """

    view: View
    embedding: Embedding
    key: str
    pixels: PlanePixels


class PlanePixels:
    """A plane as RGB bytes, made of its intensities when they are first wanted.

    Of a large plane only what is seen is read, and its contrast is that of an
    overview. Several threads may use it, which read one after the other.

    Parameters
    ----------
    plane : ndarray, shape (rows, cols[, channels]), or PlaneSource
        The intensities, or where to read them.
    limits : tuple of float, optional
        Those that become black and white.
    gamma : float
        Bends what lies between, see :class:`~.intensity.Contrast`.
    """

    def __init__(
        self,
        plane: npt.NDArray[Any] | PlaneSource,
        limits: tuple[float, float] | None = None,
        gamma: float = 1.0,
    ) -> None:
        self._array = plane if isinstance(plane, np.ndarray) else None
        self._source = None if isinstance(plane, np.ndarray) else plane
        rows, cols = plane.shape[:2]
        self.shape: tuple[int, int] = (int(rows), int(cols))
        self._reading = threading.Lock()
        self._asked = limits
        self._limits = limits
        self._gamma = gamma
        self._overviewed = False
        self._rgb: npt.NDArray[np.uint8] | None = None
        self._name: str | None = None
        self._names: dict[BBox, str] = {}
        self._last: tuple[BBox, npt.NDArray[np.uint8]] | None = None

    def seen(self, view: View) -> npt.NDArray[np.uint8]:
        """Return what the model is shown of a view, shape (h, w, 3).

        Raises
        ------
        ImageError
            See :func:`~napari_sam2.segmentation.intensity.to_rgb`.
        """
        with self._reading:
            pixels = self._within(view)
        return pixels.swapaxes(0, 1) if view.transposed else pixels

    @property
    def contrast(self) -> tuple[Contrast | None, ...]:
        """What the plane is shown with: one for all of it, or one for each channel.

        Known once some of it was read; reads an overview of it otherwise. None stands
        for what is shown as it is, or where each view has a contrast of its own.
        """
        with self._reading:
            if isinstance(self._source, ChannelSource):
                return self._source.contrast
            if self._limits is None and not self._overviewed and self._is_held():
                assert self._array is not None
                self._limits, self._overviewed = limits_of(self._array), True
            limits = self._contrast()
        return (None if limits is None else Contrast(*limits, self._gamma),)

    def shown_with(self, contrast: tuple[Contrast | None, ...]) -> PlanePixels:
        """Return the plane, shown with another contrast.

        Parameters
        ----------
        contrast : tuple of Contrast or None
            As :attr:`contrast` says it; nothing if nobody knows: as it is shown here.
        """
        if not any(contrast) or contrast == self.contrast:
            return self
        return self.surely_shown_with(contrast)

    def surely_shown_with(self, contrast: tuple[Contrast | None, ...]) -> PlanePixels:
        """Return the plane, shown with another contrast, without reading any of it."""
        if self._source is None or not any(contrast):
            return self
        if isinstance(self._source, ChannelSource):
            return PlanePixels(self._source.shown_with(contrast))
        one = contrast[0]
        if one is None or len(contrast) > 1:
            return self
        return PlanePixels(self._source, (one.low, one.high), one.gamma)

    def key(self, view: View, engine: Engine) -> str:
        """Name what an engine makes of a view, which may have to be read for it.

        Raises
        ------
        ImageError
            See :func:`~napari_sam2.segmentation.intensity.to_rgb`.
        """
        # What is known already does not wait for another part to be read.
        key = self.known_key(view, engine)
        if key is not None:
            return key
        with self._reading:
            return embedding_key(self._name_of(view), view, engine)

    def known_key(self, view: View, engine: Engine) -> str | None:
        """Return the key of a view if nothing has to be read for it."""
        name = self._name or self._names.get(view.window)
        return None if name is None else embedding_key(name, view, engine)

    def _name_of(self, view: View) -> str:
        if self._is_held():
            if self._name is None:
                assert self._array is not None
                self._name = self._named(self._array)
            return self._name
        if view.window not in self._names:
            self._names[view.window] = pixels_name(self._within(view))
        return self._names[view.window]

    def _named(self, array: npt.NDArray[Any]) -> str:
        # By what was asked for: to find the limits takes longer.
        return pixels_name(array, self._asked, self._gamma)

    def _is_held(self) -> bool:
        """Whether the whole plane is in memory; a small one is read for that."""
        rows, cols = self.shape
        if self._array is None and self._rgb is None and rows * cols <= _HELD:
            assert self._source is not None
            self._array = checked(self._source.read((0, 0, rows, cols)))
        return self._array is not None or self._rgb is not None

    def _within(self, view: View) -> npt.NDArray[np.uint8]:
        if not self._is_held():
            return self._read(view)
        if self._rgb is None:
            assert self._array is not None
            if self._name is None:
                self._name = self._named(self._array)
            if self._limits is None and not self._overviewed:
                self._limits, self._overviewed = limits_of(self._array), True
            self._rgb = to_rgb(self._array, self._limits, self._gamma)
            # The bytes are enough from now on.
            self._array = None
        r0, c0, r1, c1 = view.window
        return self._rgb[r0:r1, c0:c1]

    def _read(self, view: View) -> npt.NDArray[np.uint8]:
        assert self._source is not None
        if self._last is None or self._last[0] != view.window:
            enough = _FINER * view.image_size
            part = checked(self._source.read(view.window, (enough, enough)))
            # A part is named first, and encoded then.
            self._last = (view.window, to_rgb(part, self._contrast(), self._gamma))
        return self._last[1]

    def _contrast(self) -> tuple[float, float] | None:
        """Return the limits of the whole plane, as an overview shows them."""
        if self._limits is None and not self._overviewed:
            assert self._source is not None
            self._overviewed = True
            try:
                low, high = limits_of(self._source.overview()) or (0.0, 0.0)
            except ImageError:
                low = high = 0.0  # it shows no finite value
            # Else each part has its own contrast: there is nothing to see in an
            # overview that is all alike, and bytes of RGB are as they are.
            if low < high:
                self._limits = (low, high)
        return self._limits
