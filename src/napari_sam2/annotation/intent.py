"""What a mark of the hand stands for, given what is being worked on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_sam2.annotation.marks import Marked, Revision
from napari_sam2.annotation.objects import AnnotatedObject, Pointing
from napari_sam2.segmentation.prompts import Prompts
from napari_sam2.segmentation.refinement import Refinement

if TYPE_CHECKING:
    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.marks import Saying

__all__ = ["Intent", "intent_of"]

_PLAIN = Refinement()


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
    refinement : Refinement
        How its mask is cut.
    """

    prompts: Prompts
    pointing: Pointing
    label: int
    about: AnnotatedObject | None = field(default=None, compare=False)
    refinement: Refinement = _PLAIN


def intent_of(
    mark: Saying,
    pointing: Pointing,
    *,
    encoded: Encoded,
    current: AnnotatedObject | None,
    next_label: int,
    refinement: Refinement = _PLAIN,
    choice: int | None = None,
) -> Intent | None:
    """Say what a click at a place, or a line that was drawn, means.

    Parameters
    ----------
    mark : Saying
        The place or the line; other prompts for the current object; or what is in the
        labels.
    pointing : Pointing
        What the user holds down.
    encoded : Encoded
        The plane, and the model that will answer.
    current : AnnotatedObject, optional
        The object that additions and removals go to.
    next_label : int
        Id of the next new object.
    refinement : Refinement
        Of a new object; the current one has its own.
    choice : int, optional
        Which candidate a place stands for, where it is all that is known.

    Returns
    -------
    Intent or None
        None if there is nothing to take the mark away from, or to revise.
    """
    if current is not None and current.plane.place != encoded.plane.place:
        current = None
    if isinstance(mark, Marked):
        return Intent(Prompts(region=mark.region), Pointing.ADD, mark.label)
    if isinstance(mark, Revision):
        if current is None:
            return None
        return _about(current, mark.prompts, Pointing.ADD)
    if pointing is Pointing.NEW and current is not None and not current.kept:
        # A draft is open: until it is done, every click is about it.
        pointing = Pointing.ADD
    if current is None and pointing is Pointing.REMOVE:
        return None
    if current is None or pointing is Pointing.NEW:
        prompts = mark.said_of(None, inside=True)
        if prompts.ambiguous:
            prompts = replace(prompts, choice=choice)
        return Intent(prompts, Pointing.NEW, next_label, refinement=refinement)
    # Another model's logits mean something else: then the prompts alone count.
    same_model = current.model == encoded.segmenter.engine.model
    mask = current.prediction.as_prompt() if same_model else None
    inside = pointing is Pointing.ADD
    prompts = mark.said_of(current.prompts, inside=inside, mask=mask)
    if mask is not None and current.beyond:
        prompts = replace(prompts, beyond=current.beyond)
    return _about(current, prompts, pointing)


def _about(current: AnnotatedObject, prompts: Prompts, pointing: Pointing) -> Intent:
    refinement = current.prediction.refinement
    return Intent(prompts, pointing, current.label, current, refinement)
