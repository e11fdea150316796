"""What the hand has drawn on a plane, before it is known what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.prompts import Prompts
from napari_sam2.segmentation.strokes import Lasso, Scribble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sam2.segmentation.prompts import MaskPrompt
    from napari_sam2.segmentation.region import Region
    from napari_sam2.segmentation.strokes import Path

__all__ = ["Mark", "Marked", "Revision", "Saying", "Tool"]


class Tool(Enum):
    """What a left drag draws."""

    POINT = "point"
    BOX = "box"
    SCRIBBLE = "scribble"
    LASSO = "lasso"


@dataclass(frozen=True)
class Mark:
    """A place, or a line that was drawn with one of the tools.

    Attributes
    ----------
    tool : Tool
        With which it was drawn.
    path : tuple of (float, float)
        ``(row, col)`` on the plane: the place, two opposite corners of the box, or
        the corners of the line.
    """

    tool: Tool
    path: Path

    @classmethod
    def at(cls, row: float, col: float) -> Mark:
        """Mark a place."""
        return cls(Tool.POINT, ((row, col),))

    @classmethod
    def drawn(
        cls, tool: Tool, path: Sequence[tuple[float, float]], shape: tuple[int, int]
    ) -> Mark | None:
        """Make a mark of a line, as far as it lies on a plane.

        Parameters
        ----------
        tool : Tool
            With which it was drawn.
        path : sequence of (float, float)
            At least one corner.
        shape : tuple of int
            ``(rows, cols)`` of the plane.

        Returns
        -------
        Mark or None
            None if nothing of it lies on the plane. A line that goes around nothing is
            a place.
        """
        rows, cols = shape
        on_plane = [
            (row, col)
            for row, col in path
            if -0.5 <= row < rows - 0.5 and -0.5 <= col < cols - 0.5
        ]
        if tool is Tool.SCRIBBLE:
            return cls(tool, tuple(on_plane)) if on_plane else None
        if tool is Tool.POINT:
            return cls(tool, (on_plane[0],)) if on_plane else None
        # What was drawn around may reach beyond the plane; its edge is cut off there.
        cut = [
            (min(max(row, 0.0), rows - 1.0), min(max(col, 0.0), cols - 1.0))
            for row, col in path
        ]
        (row_min, row_max), (col_min, col_max) = (
            (min(numbers), max(numbers)) for numbers in zip(*path, strict=True)
        )
        if row_max < -0.5 or col_max < -0.5 or row_min >= rows - 0.5:
            return None
        if col_min >= cols - 0.5:
            return None
        if tool is Tool.BOX:
            return cls(tool, (cut[0], cut[-1]))
        if len(set(cut)) < 3:
            return cls(Tool.POINT, (cut[0],))
        return cls(tool, tuple(cut))

    def said_of(
        self, prompts: Prompts | None, *, inside: bool, mask: MaskPrompt | None = None
    ) -> Prompts:
        """Return what is said of an object with this mark.

        Parameters
        ----------
        prompts : Prompts, optional
            What was said of it before; None if it is new.
        inside : bool
            Whether the mark belongs to the object.
        mask : MaskPrompt, optional
            The answer to what was said before, to be refined.
        """
        before = Prompts() if prompts is None else prompts
        if self.tool is Tool.POINT:
            point = Point(*self.path[0], inside)
            return before.extended(points=(point,), mask=mask)
        if self.tool is Tool.SCRIBBLE:
            return before.extended(scribbles=(Scribble(self.path, inside),), mask=mask)
        if self.tool is Tool.LASSO:
            lasso = Lasso(self.path, inside, whole=prompts is None)
            return before.extended(lassos=(lasso,), mask=mask)
        if inside:
            return before.extended(box=self.box, mask=mask)
        # No model knows a box around what is not the object.
        top, left, bottom, right = self.box
        around = ((top, left), (top, right), (bottom, right), (bottom, left))
        return before.extended(lassos=(Lasso(around, inside),), mask=mask)

    @property
    def extent(self) -> Box:
        """Smallest box around all of it."""
        rows, cols = zip(*self.path, strict=True)
        return Box(min(rows), min(cols), max(rows), max(cols))

    @property
    def box(self) -> Box:
        """The box between the first and the last corner."""
        (row, col), (other_row, other_col) = self.path[0], self.path[-1]
        rows, cols = sorted((row, other_row)), sorted((col, other_col))
        return Box(rows[0], cols[0], rows[1], cols[1])


@dataclass(frozen=True)
class Revision:
    """Other prompts for the object at hand: one was moved, or taken away.

    Attributes
    ----------
    prompts : Prompts
        All that is said about it from now on.
    """

    prompts: Prompts

    @property
    def extent(self) -> Box:
        """Smallest box around all that the model is told."""
        around = [Box(*place[:2], *place[:2]) for place in self.prompts.places]
        if self.prompts.bounds is not None:
            around.append(self.prompts.bounds)
        row_min, col_min, row_max, col_max = zip(*around, strict=True)
        return Box(min(row_min), min(col_min), max(row_max), max(col_max))


@dataclass(frozen=True)
class Marked:
    """What the labels have under an id: to be found anew by the model.

    Attributes
    ----------
    label : int
        The id.
    region : Region
        Its pixels on the plane, whoever painted them.
    """

    label: int
    region: Region

    @property
    def extent(self) -> Box:
        """Smallest box around them."""
        return self.region.bounds


Saying = Mark | Revision | Marked
"""All that the hand can say about an object."""
