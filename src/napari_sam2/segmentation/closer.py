"""Looking at an object again, and finding the look that an answer came from.

The views are those of :mod:`napari_sam2.segmentation.zoom` and
:mod:`napari_sam2.segmentation.second`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_sam2.errors import PromptError
from napari_sam2.segmentation.choice import lost
from napari_sam2.segmentation.embedded import EmbeddedImage
from napari_sam2.segmentation.second import agreed, second_view
from napari_sam2.segmentation.seen import seen_in
from napari_sam2.segmentation.zoom import LOOKS, closer_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.engines.base import Engine
    from napari_sam2.segmentation.answers import Answers
    from napari_sam2.segmentation.embeddings import EmbeddingCache
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.view import View

__all__ = ["closest_look", "look_closer"]


def look_closer(
    look: Callable[[View, Prompts], Prediction],
    answers: Answers,
    mask_view: View,
    prompts: Prompts,
    prediction: Prediction,
    *,
    second_look: bool,
) -> Prediction:
    """Look at an object again: at a small one more closely, at each in two ways.

    Parameters
    ----------
    look : callable
        ``look(view, prompts)`` answers prompts in another view, which shows some of
        them.
    answers : Answers
        Chooses among what the model answers.
    mask_view : View
        The view of a mask to refine that does not say its own.
    prompts : Prompts
        What was said about the object.
    prediction : Prediction
        The answer to it.
    second_look : bool
        Whether this model looks at each object in two ways.

    Returns
    -------
    Prediction
        A sharper mask, with a view of its own; or the same prediction.
    """
    prompts = seen_in(prediction.view, prompts)
    mask = prompts.mask
    if mask is not None and mask.view is None:
        prompts = replace(prompts, mask=replace(mask, view=mask_view))
    before = prediction
    for _ in range(LOOKS):
        view = closer_view(prediction, prompts)
        if view == prediction.view:
            break
        if not seen_in(view, prompts):
            break
        sharper = answers.most_alike(look(view, prompts), prediction)
        if sharper.area == 0:
            break
        if answers.clean and mask is not None and lost(prediction, sharper):
            # A correction is about an object that is known already.
            break
        prediction = sharper
    if not second_look:
        return prediction
    wider = second_view(prediction.view)
    if not seen_in(wider, prompts):
        return prediction
    other = look(wider, prompts)
    one, *several = (
        answers.cleaned(agreed(one, other), prompts)
        for one in (prediction, *prediction.alternatives)
    )
    both = replace(one, alternatives=tuple(several))
    if prediction is not before:
        # What was seen before any look has been chosen, maybe by the user.
        both = answers.most_alike(both, before)
    return both if both.area else prediction


def closest_look(
    image: EmbeddedImage, prompts: Prompts, engine: Engine, cache: EmbeddingCache
) -> EmbeddedImage:
    """Return the view that a mask to refine came from, if it can be had at once.

    Parameters
    ----------
    image : EmbeddedImage
        The plane, in the view that is returned if that of the mask is not cached, or
        does not show all points.
    prompts : Prompts
        What was said about the object.
    engine : Engine
        The model.
    cache : EmbeddingCache
        What it saw.

    Raises
    ------
    PromptError
        If the mask belongs to another image.
    """
    view = None if prompts.mask is None else prompts.mask.view
    if view is None or view == image.view:
        return image
    if view.plane_shape != image.view.plane_shape:
        raise PromptError("The mask to refine belongs to another image.")
    # A place outside needs the larger view.
    places = [point[:2] for point in prompts.places]
    if prompts.bounds is not None:
        places += [prompts.bounds[:2], prompts.bounds[2:]]
    if view.image_size != image.view.image_size or not all(
        view.contains(*place) for place in places
    ):
        return image
    key = image.pixels.known_key(view, engine)
    embedding = None if key is None else cache.get(key)
    if key is None or embedding is None:
        return image
    return EmbeddedImage(view, embedding, key, image.pixels)
