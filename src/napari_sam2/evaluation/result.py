"""What one object scored."""

from __future__ import annotations

from dataclasses import dataclass

WORSE = 0.05
"""Loss of IoU that a user sees."""


@dataclass(frozen=True)
class ObjectResult:
    """What one object scored.

    A list of IoU may end early: with a perfect mask, or with a good one after ten
    prompts (see `napari_sam2.evaluation.user`). What is reached then holds on.

    Attributes
    ----------
    area : int
        Pixels of the object.
    clicks : tuple of float
        IoU after 1, 2, ... clicks.
    boxed : tuple of float
        IoU with a tight box, and after 1, 2, ... clicks more.
    noisy : tuple of float
        IoU after 1, 2, ... noisy clicks.
    best : float
        IoU of the best candidate of the first click.
    scores : tuple of float
        What the model expected of itself at each of `clicks` and then of `boxed`;
        NaN if it expects nothing.
    boundary, boundary_box : float
        F-score of the outline after one click, and with a box.
    seconds : float
        Time that the segmenter took for all prompts.
    prompts : int
        Number of them.
    dataset, image : str
        Where it is from.
    plane : int or None
        Index of the plane, of a stack.
    label : int
        Its number.
    place : tuple of int
        Row and column of the first click.
    """

    area: int
    clicks: tuple[float, ...]
    boxed: tuple[float, ...]
    noisy: tuple[float, ...]
    best: float
    scores: tuple[float, ...] = ()
    boundary: float = float("nan")
    boundary_box: float = float("nan")
    seconds: float = 0.0
    prompts: int = 0
    dataset: str = ""
    image: str = ""
    plane: int | None = None
    label: int = 0
    place: tuple[int, int] = (0, 0)

    def drops(self) -> list[bool]:
        """Whether each further click lowered IoU by more than 0.05."""
        return [
            before - after > WORSE
            for before, after in zip(self.clicks, self.clicks[1:], strict=False)
        ]

    def clicks_to(self, goal: float, most: int) -> int:
        """Clicks until IoU reached a goal; `most` if it never did.

        Parameters
        ----------
        goal : float
            IoU.
        most : int
            Clicks that the user would have given.
        """
        reached = (n for n, iou in enumerate(self.clicks, start=1) if iou >= goal)
        return next(reached, most)


def after(ious: tuple[float, ...], prompts: int) -> float:
    """IoU after so many prompts, of a list that may have ended early."""
    return ious[min(prompts, len(ious)) - 1]
