"""What a user points at: frozen values, so that a session can be replayed.

Coordinates are ``(row, col)`` in level-0 pixels of one plane, pixel centres at
integers: the pixel in the corner covers ``(-0.5, -0.5)`` to ``(0.5, 0.5)``.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.points import Box, Point

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.segmentation.region import Region
    from napari_sam2.segmentation.strokes import Lasso, Scribble
    from napari_sam2.segmentation.view import View

__all__ = ["Box", "MaskPrompt", "Point", "Prompts", "digest_of"]


def digest_of(logits: npt.NDArray[np.float32]) -> bytes:
    """Name logits by their content: equal ones have equal digests."""
    return hashlib.blake2b(np.ascontiguousarray(logits).data).digest()


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
        object.__setattr__(self, "digest", digest_of(logits))

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
    scribbles : tuple of Scribble
        Lines over the object, or over what is not the object.
    lassos : tuple of Lasso
        Lines around what belongs to the object, or around what does not.
    region : Region, optional
        What was marked of the object before: a label, the stroke of a brush.
    answered : int
        So many of the lassos the mask to refine answers to already.
    beyond : tuple of Region
        What belongs to the object beside the view that the mask to refine lies over.
    choice : int, optional
        Which of the model's candidates is meant, from the smallest (0) to the largest
        (2); the one with the best score if None.
    """

    points: tuple[Point, ...] = ()
    box: Box | None = None
    mask: MaskPrompt | None = None
    scribbles: tuple[Scribble, ...] = ()
    lassos: tuple[Lasso, ...] = ()
    region: Region | None = None
    answered: int = 0
    beyond: tuple[Region, ...] = ()
    choice: int | None = None

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

        for name in ("scribbles", "lassos"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not 0 <= self.answered <= (len(self.lassos) if self.mask else 0):
            raise PromptError("Only a mask to refine can answer to lassos.")
        if self.choice is not None and not 0 <= self.choice <= 2:
            raise PromptError("A candidate is 0 (the smallest), 1 or 2 (the largest).")

    def __bool__(self) -> bool:
        return bool(self.places) or self.bounds is not None or self.mask is not None

    @cached_property
    def places(self) -> tuple[Point, ...]:
        """All points that the model gets: clicked, and of lines and regions."""
        region = () if self.region is None else (self.region,)
        drawn = (*self.scribbles, *self.lassos, *region)
        return (*self.points, *(point for one in drawn for point in one.points))

    @cached_property
    def bounds(self) -> Box | None:
        """The box that the model gets.

        Without one that was drawn: around a lasso or a region, and around everything
        else that was said to be inside.
        """
        if self.box is not None:
            return self.box
        around = [lasso.bounds for lasso in self.lassos if lasso.whole]
        if self.region is not None:
            around.append(self.region.bounds)
        if not around:
            return None
        around += [Box(*p[:2], *p[:2]) for p in self.places if p.inside]
        around += [lasso.bounds for lasso in self.lassos if lasso.inside]
        row_min, col_min, row_max, col_max = zip(*around, strict=True)
        return Box(min(row_min), min(col_min), max(row_max), max(col_max))

    @property
    def ambiguous(self) -> bool:
        """Whether one place is all that is known: part, object or whole?"""
        return len(self.places) == 1 and self.bounds is None and self.mask is None

    def extended(
        self,
        *,
        points: tuple[Point, ...] = (),
        box: Box | None = None,
        scribbles: tuple[Scribble, ...] = (),
        lassos: tuple[Lasso, ...] = (),
        mask: MaskPrompt | None = None,
    ) -> Prompts:
        """Return these prompts and some more, refining ``mask``.

        A new box takes the place of an old one. The candidate is no longer chosen: it
        is what the mask shows.
        """
        return replace(
            self,
            points=(*self.points, *points),
            box=self.box if box is None else box,
            mask=mask,
            scribbles=(*self.scribbles, *scribbles),
            lassos=(*self.lassos, *lassos),
            answered=0 if mask is None else len(self.lassos),
            beyond=(),
            choice=None,
        )

    def with_point(self, point: Point, mask: MaskPrompt | None = None) -> Prompts:
        """Return these prompts and one point more, refining ``mask``."""
        return self.extended(points=(point,), mask=mask)
