"""What a place under the mouse stands for, given what is being worked on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_sam2.annotation.objects import AnnotatedObject, Pointing
from napari_sam2.segmentation.prompts import MaskPrompt, Point, Prompts

if TYPE_CHECKING:
    from napari_sam2.annotation.inference import Encoded

__all__ = ["Intent", "intent_at"]


@dataclass(frozen=True)
class Intent:
    """Prompts, and the object that they are about.

    Attributes
    ----------
    prompts : Prompts
        What to ask the model.
    pointing : Pointing
        What a click would do with the answer.
    label : int
        Id that the object has, or would get.
    about : AnnotatedObject, optional
        The object, if there is one already.
    """

    prompts: Prompts
    pointing: Pointing
    label: int
    about: AnnotatedObject | None = field(default=None, compare=False)


def intent_at(
    row: float,
    col: float,
    pointing: Pointing,
    *,
    encoded: Encoded,
    current: AnnotatedObject | None,
    next_label: int,
) -> Intent | None:
    """Say what a click at ``(row, col)`` means.

    Parameters
    ----------
    row, col : float
        Place on the plane, in pixels.
    pointing : Pointing
        What the user holds down.
    encoded : Encoded
        The plane, and the model that will answer.
    current : AnnotatedObject, optional
        The object that additions and removals go to.
    next_label : int
        Id of the next new object.

    Returns
    -------
    Intent or None
        None if there is nothing to take the place away from.
    """
    if current is not None and current.plane.key != encoded.plane.key:
        current = None
    if pointing is Pointing.NEW and current is not None and not current.kept:
        # A draft is open: until it is done, every click is about it.
        pointing = Pointing.ADD
    if current is None and pointing is Pointing.REMOVE:
        return None
    if current is None or pointing is Pointing.NEW:
        return Intent(Prompts((Point(row, col),)), Pointing.NEW, next_label)
    # Another model's logits mean something else: then the points alone count.
    same_model = current.model == encoded.segmenter.engine.model
    found = current.prediction
    mask = MaskPrompt(found.logits, found.view) if same_model else None
    point = Point(row, col, inside=pointing is Pointing.ADD)
    prompts = current.prompts.with_point(point, mask)
    return Intent(prompts, pointing, current.label, current)
