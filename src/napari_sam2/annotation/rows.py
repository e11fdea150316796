"""What there is to say of each object, as one row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.models.catalog import model_name

if TYPE_CHECKING:
    from napari_sam2.annotation.extents import Extent
    from napari_sam2.annotation.ledger import Ledger

__all__ = ["ObjectRow", "row_of"]


@dataclass(frozen=True)
class ObjectRow:
    """An object, whoever made it.

    Attributes
    ----------
    label : int
        Its id.
    category : str, optional
        Its class.
    reviewed : bool
        Whether somebody has found it right.
    extent : Extent
        How large it is, and where.
    score : float, optional
        What the model expected of its mask; None without prompts, as for the others.
    model : str, optional
        That made it.
    prompts : int, optional
        How many were given: points, boxes, scribbles, lassos, regions.
    """

    label: int
    category: str | None
    reviewed: bool
    extent: Extent
    score: float | None = None
    model: str | None = None
    prompts: int | None = None

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return self.extent.area


def row_of(ledger: Ledger, label: int) -> ObjectRow | None:
    """Return what there is to say of an object; None if it has no pixels."""
    extent = ledger.inventory.extents.get(label)
    if extent is None:
        return None
    notes = ledger.inventory.notes_on(label)
    kept = ledger.objects.get(label)
    if kept is None:
        return ObjectRow(label, notes.category, notes.reviewed, extent)
    given = kept.prompts
    drawn = (given.box is not None) + (given.region is not None)
    return ObjectRow(
        label,
        notes.category,
        notes.reviewed,
        extent,
        kept.prediction.score,
        model_name(kept.model),
        len(given.points) + len(given.scribbles) + len(given.lassos) + drawn,
    )
