"""Which of several answers is meant.

What these rules bring the starter model is measured in the documentation ("How the
starter model was trained").
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.segmentation.specks import without_specks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts

__all__ = [
    "FAITHFULNESS",
    "TIDY_FAITHFULNESS",
    "best",
    "by_size",
    "followed",
    "lost",
    "most_alike",
    "overlap",
    "tidied",
    "worth",
]

FAITHFULNESS = 0.2
"""How much an answer that is like the mask before outweighs a better one."""

TIDY_FAITHFULNESS = 0.4
"""The same where answers are :func:`tidied`, and rated by their :func:`worth`."""

# A correction that leaves less than this of the mask before has lost the object.
_LOST = 0.3


def worth(answer: Prediction) -> float:
    """Rate an answer by the IoU that the model expects, and how clear it is."""
    return answer.score * answer.stability


def best(
    answers: Sequence[Prediction], rating: Callable[[Prediction], float]
) -> Prediction:
    """Return the answer with the highest rating, the first of equal ones."""
    return answers[int(np.argmax([rating(answer) for answer in answers]))]


def by_size(answers: Sequence[Prediction]) -> list[Prediction]:
    """Return answers from the smallest to the largest."""
    sizes = [np.count_nonzero(answer.logits > answer.threshold) for answer in answers]
    return [answers[place] for place in np.argsort(sizes, kind="stable")]


def most_alike(
    found: Prediction,
    before: Prediction,
    rating: Callable[[Prediction], float],
    faithfulness: float,
) -> Prediction:
    """Choose a good alternative that means the same object as before.

    Parameters
    ----------
    found : Prediction
        With alternatives; without, it is returned as it is.
    before : Prediction
        What was seen of the object in another view.
    rating : callable
        How good an answer is, about 0 to 1.
    faithfulness : float
        Added to that, times the overlap with what was seen before.

    Returns
    -------
    Prediction
        With the same alternatives.
    """
    if not found.alternatives:
        return found
    chosen = best(
        found.alternatives,
        lambda one: rating(one) + faithfulness * overlap(one, before),
    )
    return replace(chosen, alternatives=found.alternatives)


def overlap(one: Prediction, other: Prediction) -> float:
    """Intersection over union within the view of one, at its low resolution."""
    mask = one.logits > one.threshold
    seen = other.logits_over(one.view) > other.threshold
    either = np.count_nonzero(mask | seen)
    return float(np.count_nonzero(mask & seen) / either) if either else 1.0


def followed(answer: Prediction, prompts: Prompts) -> float:
    """Share of the points that the mask has on the right side, 0 to 1."""
    if not prompts.places:
        return 1.0
    cells = answer.view.cells(prompts.places, answer.logits.shape[0])
    inside = answer.logits[cells[:, 0], cells[:, 1]] > answer.threshold
    return float(np.mean(inside == [point.inside for point in prompts.places]))


def lost(answer: Prediction, before: Prediction) -> bool:
    """Whether a correction has left hardly anything of the object."""
    return overlap(answer, before) < _LOST


def tidied(answer: Prediction, prompts: Prompts) -> Prediction:
    """Take specks away, see `napari_sam2.segmentation.specks`."""
    inside = [point for point in prompts.places if point.inside]
    cells = answer.view.cells(inside, answer.logits.shape[0])
    return replace(answer, logits=without_specks(answer.logits, cells))
