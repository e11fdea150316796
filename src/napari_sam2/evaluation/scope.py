"""What was counted and what was not: said with every result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from napari_sam2.evaluation.objects import SMALLEST

if TYPE_CHECKING:
    from napari_sam2.evaluation.folder import Pair, Plane
    from napari_sam2.evaluation.objects import Chosen


@dataclass(frozen=True)
class LeftOut:
    """An image that does not count."""

    dataset: str
    image: str
    reason: str


@dataclass(frozen=True)
class Counted:
    """An image that counts.

    Attributes
    ----------
    dataset, image : str
        Where it is from.
    plane : int or None
        Index of the plane that was measured, of a stack.
    planes : int
        How many planes there are.
    objects, small, spare : int
        How many objects were measured, how many were too small, and how many
        were not drawn.
    sparse : bool
        Whether some objects have no label; they are not measured.
    encode_seconds : float
        Time that the segmenter took to see the image.
    """

    dataset: str
    image: str
    plane: int | None
    planes: int
    objects: int
    small: int
    spare: int
    sparse: bool
    encode_seconds: float


@dataclass
class Scope:
    """What was counted, and what was left out and why."""

    counted: list[Counted] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, pair: Pair, reason: str) -> None:
        """Note an image that does not count."""
        self.left_out.append(LeftOut(pair.dataset, pair.image.name, reason))

    def count(self, pair: Pair, plane: Plane, chosen: Chosen, seconds: float) -> None:
        """Note an image that counts, and how long it took to be seen."""
        self.counted.append(
            Counted(
                dataset=pair.dataset,
                image=pair.image.name,
                plane=plane.index,
                planes=plane.planes,
                objects=len(chosen.numbers),
                small=chosen.small,
                spare=chosen.spare,
                sparse=pair.is_sparse,
                encode_seconds=seconds,
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {
            "smallest_object": SMALLEST,
            "counted": [asdict(image) for image in self.counted],
            "left_out": [asdict(image) for image in self.left_out],
        }

    def text(self, max_objects: int, seed: int) -> str:
        """Say it in a few lines.

        Parameters
        ----------
        max_objects : int
            Most objects of an image.
        seed : int
            Of the choice among more.
        """
        images = self.counted
        objects, small, spare = (
            sum(getattr(image, name) for image in images)
            for name in ("objects", "small", "spare")
        )
        lines = [
            f"Counted: {objects} objects of {len(images)} images. Not counted: {small} "
            f"of fewer than {SMALLEST} pixels, and {spare} more than {max_objects} an "
            f"image (drawn with seed {seed})."
        ]
        lines += [
            f"Plane {image.plane} of {image.planes} (the most objects): "
            f"{image.dataset}/{image.image}"
            for image in images
            if image.plane is not None
        ]
        lines += [
            f"Sparse, annotated objects only: {image.dataset}/{image.image}"
            for image in images
            if image.sparse
        ]
        groups = groupby(
            sorted(self.left_out, key=lambda image: (image.dataset, image.reason)),
            key=lambda image: (image.dataset, image.reason),
        )
        for (dataset, reason), group in groups:
            names = ", ".join(image.image for image in group)
            lines.append(f"Left out, {reason}: {dataset} ({names})")
        return "\n".join(lines)
