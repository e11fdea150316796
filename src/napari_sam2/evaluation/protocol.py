"""What can be measured: all that is asked of a segmenter and of its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Predicted(Protocol):
    """What is used of a prediction."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, of the image's size."""

    @property
    def score(self) -> float:
        """The IoU that the model expects; NaN if it expects nothing."""

    @property
    def alternatives(self) -> Sequence[Predicted]:
        """All candidates, if there were several."""


class Segments(Protocol):
    """What is used of `napari_sam2.segmentation.Segmenter`."""

    def set_image(self, image: Any) -> Any:
        """Choose the image to segment."""

    def predict(
        self,
        points: Any = None,
        labels: Any = None,
        box: Any = None,
        mask: Any = None,
    ) -> Any:
        """Segment one object."""
