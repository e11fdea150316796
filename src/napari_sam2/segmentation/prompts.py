"""What a user points at: frozen values, so that a session can be replayed.

Coordinates are ``(row, col)`` in level-0 pixels of one plane, pixel centres at
integers: the pixel in the corner covers ``(-0.5, -0.5)`` to ``(0.5, 0.5)``.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_sam2.errors import PromptError

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.view import View

__all__ = ["Box", "MaskPrompt", "Point", "Prompts"]


class Point(NamedTuple):
    """A place, and whether the object has it inside."""

    row: float
    col: float
    inside: bool = True


class Box(NamedTuple):
    """A rectangle around the object, from its outer pixel centres."""

    row_min: float
    col_min: float
    row_max: float
    col_max: float


@dataclass(frozen=True, eq=False)
class MaskPrompt:
    """Logits of an earlier answer, to be refined.

    Attributes
    ----------
    logits : ndarray of float32, shape (mask_size, mask_size)
        At the decoder's low resolution. Compared by content.
    view : View, optional
        Over which they lie. None: over the view that is asked.
    """

    logits: npt.NDArray[np.float32]
    view: View | None = None
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A copy: nobody can change it behind the digest.
        logits = np.array(self.logits, dtype=np.float32, order="C")
        if logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
            raise PromptError(
                "A mask prompt is the square array of logits of an earlier "
                f"prediction, not an array of shape {logits.shape}."
            )
        if not np.isfinite(logits).all():
            raise PromptError("The logits of a mask prompt must be finite numbers.")
        logits.flags.writeable = False
        object.__setattr__(self, "logits", logits)
        object.__setattr__(self, "digest", hashlib.blake2b(logits.data).digest())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, MaskPrompt)
            and self.digest == other.digest
            and self.view == other.view
        )

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class Prompts:
    """Everything that was said about one object on one view.

    Equal prompts on the same view, model and engine give the same mask.

    Attributes
    ----------
    points : tuple of Point
        In the order in which they were set.
    box : Box, optional
        Around the object.
    mask : MaskPrompt, optional
        An earlier answer to refine.
    """

    points: tuple[Point, ...] = ()
    box: Box | None = None
    mask: MaskPrompt | None = None

    def __post_init__(self) -> None:
        # Plain numbers, however they were given: equal prompts have equal hashes.
        points = tuple(
            Point(float(row), float(col), bool(inside))
            for row, col, inside in self.points
        )
        object.__setattr__(self, "points", points)
        if self.box is not None:
            object.__setattr__(self, "box", Box(*map(float, self.box)))
        numbers = [c for point in self.points for c in point[:2]]
        numbers += self.box or ()
        if not all(map(math.isfinite, numbers)):
            raise PromptError("The coordinates of a prompt must be finite numbers.")
        if self.box is not None and (
            self.box.row_max < self.box.row_min or self.box.col_max < self.box.col_min
        ):
            raise PromptError(
                "A box is (row_min, col_min, row_max, col_max); "
                f"{tuple(self.box)} is turned around."
            )

    def __bool__(self) -> bool:
        return bool(self.points) or self.box is not None or self.mask is not None

    @property
    def ambiguous(self) -> bool:
        """Whether one place is all that is known: part, object or whole?"""
        return len(self.points) == 1 and self.box is None and self.mask is None

    def with_point(self, point: Point, mask: MaskPrompt | None = None) -> Prompts:
        """Return these prompts and one point more, refining ``mask``."""
        return replace(self, points=(*self.points, point), mask=mask)
