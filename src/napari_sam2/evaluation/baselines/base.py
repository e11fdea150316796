"""What the classical methods share: the protocol of a segmenter."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import ImageError, PromptError
from napari_sam2.evaluation.baselines.patch import Patch, around_box, around_clicks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_sam2.evaluation.cut import Window

CORE = 0.25
"""Part of a box, along each side, that is taken for the object."""

Places = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """A mask without an opinion of itself."""

    mask: NDArray[np.bool_]
    score: float = math.nan
    alternatives: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Hints:
    """The prompts, in pixels of the patch.

    Attributes
    ----------
    inside, outside : tuple of tuple of int
        Rows and columns of clicks on the object and beside it. With a box, its
        center is on the object, unless there are clicks on it and one near the center
        that is beside it.
    box : tuple of int or None
        First row and column, and those after the last; outside of it is background.
    """

    inside: Places
    outside: Places
    box: Window | None


class Baseline(ABC):
    """A classical method.

    It gets what a model gets: contrast-stretched pixels, clicks and boxes. There are
    no logits to refine, so a mask before is not looked at.
    """

    LARGEST = 512
    """Longest side of a patch, in pixels: bounds the time."""

    def __init__(self) -> None:
        self._image: NDArray[np.float32] | None = None

    def set_image(self, image: Any) -> None:
        """Choose the image to segment.

        Parameters
        ----------
        image : array_like
            Of shape (rows, columns) or (rows, columns, 3 or 4).
        """
        from napari_sam2.segmentation.intensity import to_rgb

        pixels = to_rgb(image)
        if np.ndim(image) == 2:  # three times the same
            pixels = pixels[..., :1]
        self._image = np.asarray(pixels / np.float32(255), np.float32)

    def predict(
        self,
        points: Any = None,
        labels: Any = None,
        box: Any = None,
        mask: Any = None,
    ) -> Answer:
        """Segment one object.

        Parameters
        ----------
        points : array_like, optional
            Rows and columns, shape (k, 2).
        labels : array_like, optional
            1 on the object, 0 beside it; by default all are on it.
        box : array_like, optional
            First row and column, last row and column.
        mask : optional
            Not used.

        Raises
        ------
        ImageError
            If no image was set.
        PromptError
            If there is neither a click on the object nor a box.
        """
        if self._image is None:
            raise ImageError("There is no image yet: call set_image first.")
        places = [] if points is None else [(float(r), float(c)) for r, c in points]
        signs = [1] * len(places) if labels is None else [int(s) for s in labels]
        inside = [p for p, sign in zip(places, signs, strict=True) if sign]
        outside = [p for p, sign in zip(places, signs, strict=True) if not sign]
        if box is None and not inside:
            raise PromptError("Give a click on the object, or a box around it.")
        shape = self._image.shape[:2]
        if box is None:
            # What is clicked away may be far off; the object is where it is clicked.
            window = around_clicks(inside, shape)
        else:
            window = around_box(box, shape)
            inside += _center(box, outside) if inside else _center(box, ())
        patch = Patch.of(self._image, window, self.LARGEST)
        r0, c0, r1, c1 = window
        seen = [p for p in outside if r0 <= p[0] < r1 and c0 <= p[1] < c1]
        hints = Hints(
            tuple(patch.place(*p) for p in inside),
            tuple(patch.place(*p) for p in seen),
            None if box is None else _corners(patch, box),
        )
        return Answer(patch.unfold(self.segment(patch, hints)))

    @abstractmethod
    def segment(self, patch: Patch, hints: Hints) -> NDArray[np.float32]:
        """Find the object.

        Parameters
        ----------
        patch : Patch
            Where to look.
        hints : Hints
            What is known.

        Returns
        -------
        numpy.ndarray
            float32 of the patch's rows and columns; above 0.5 is the object.
        """


def _center(box: Any, outside: Sequence[tuple[float, float]]) -> list[Any]:
    """Center of a box, unless what is near was clicked away."""
    row, column = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    high, wide = (box[2] - box[0] + 1) * CORE / 2, (box[3] - box[1] + 1) * CORE / 2
    near = any(abs(r - row) <= high and abs(c - column) <= wide for r, c in outside)
    return [] if near else [(row, column)]


def _corners(patch: Patch, box: Any) -> Window:
    r0, c0 = patch.place(box[0], box[1])
    r1, c1 = patch.place(box[2], box[3])
    return r0, c0, r1 + 1, c1 + 1
