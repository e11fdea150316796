"""How an image is shown to the model: with which contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.later import Later
from napari_sam2.viewer.layers import plane_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from napari.components import Dims

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.viewer.choices import LayerChoices

__all__ = ["CONTRASTS", "Sight"]

CONTRASTS = ("percentiles", "layer")
"""What becomes black and white: what few pixels are beyond, or what the layer says."""

_REST = 300
"""Milliseconds without a change of the contrast after which the model looks again."""


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

    def __init__(self, choices: LayerChoices) -> None:
        self._choices = choices
        self._contrast = CONTRASTS[0]
        # Whoever drags a slider does not want each of its places to be encoded.
        self._later = Later(self._on_rest, _REST, rest=True)
        self._connections = Connections()
        self._of_image = Connections()
        self._connections.add(choices.image_changed, self._follow)
        self._follow()

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
        return plane_of(layer, dims, image, as_shown=self._contrast == "layer")

    def settle(self) -> None:
        """Take the contrast for final now, if it has changed just before."""
        self._later.now()

    def close(self) -> None:
        """Follow no longer."""
        self._later.close()
        self._connections.close()
        self._of_image.close()

    def _follow(self) -> None:
        self._of_image.close()
        self._later.close()
        image = self._choices.image
        if image is not None:
            for signal in (image.events.contrast_limits, image.events.gamma):
                self._of_image.add(signal, self._on_contrast)

    def _on_contrast(self) -> None:
        if self._contrast == "layer":
            self._later.ask()

    def _on_rest(self) -> None:
        self.changed.emit()
