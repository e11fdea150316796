"""What the mouse is about to do: told when that changes, not at every move."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.objects import Pointing

if TYPE_CHECKING:
    from napari_sam2.annotation.planes import Plane

__all__ = ["Aim", "At"]


class At(Enum):
    """Where the mouse is, and what a click there would do."""

    AWAY = "not over the canvas, or not the tool's"
    OUTSIDE = "beside the image"
    NEW = "on something to keep"
    ADD = "on something to add"
    REMOVE = "on something to take away"


_MEANS = {
    Pointing.NEW: At.NEW,
    Pointing.ADD: At.ADD,
    Pointing.REMOVE: At.REMOVE,
}


class Aim:
    """Follows the mouse in the few words that matter."""

    changed = Signal()

    def __init__(self) -> None:
        self.at = At.AWAY
        self.label = 0
        """Id that the labels have there."""

    def point(
        self,
        plane: Plane | None,
        place: tuple[float, float] | None,
        means: Pointing,
        label: int = 0,
    ) -> None:
        """Take notice of a place of a plane, and of what a click there means."""
        inside = plane is not None and place is not None and plane.contains(*place)
        self._take(_MEANS[means] if inside else At.OUTSIDE, label)

    def leave(self) -> None:
        """Take notice that the mouse is nowhere of interest."""
        self._take(At.AWAY)

    def _take(self, at: At, label: int = 0) -> None:
        if at is not self.at or label != self.label:
            self.at, self.label = at, label
            self.changed.emit()
