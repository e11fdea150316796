"""Asking a model what prompts mean, and choosing among what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_sam2.segmentation.choice import (
    FAITHFULNESS,
    TIDY_FAITHFULNESS,
    best,
    by_size,
    followed,
    lost,
    most_alike,
    overlap,
    tidied,
    worth,
)
from napari_sam2.segmentation.decoding import candidates
from napari_sam2.segmentation.dense import mask_logits
from napari_sam2.segmentation.prompts import Prompts

if TYPE_CHECKING:
    from napari_sam2.engines.base import Engine
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.prediction import Prediction

__all__ = ["Answers"]


@dataclass(frozen=True)
class Answers:
    """What a model answers in one view; nothing is encoded here.

    Attributes
    ----------
    engine : Engine
        The model.
    clean : bool
        Whether its answers are freed of specks, rated by their stability too, and
        asked for in other ways where a correction went wrong.
    """

    engine: Engine
    clean: bool

    def answer(
        self, image: EmbeddedImage, prompts: Prompts, multimask: bool | None = None
    ) -> Prediction:
        """Answer prompts in the view that the image is embedded in.

        Parameters
        ----------
        image : EmbeddedImage
            What the model saw.
        prompts : Prompts
            Those that the view shows.
        multimask : bool, optional
            Whether to let the model propose three candidates. By default it does where
            the prompts are ambiguous.

        Raises
        ------
        PromptError, EngineError
            See :meth:`~napari_sam2.segmentation.segmenter.Segmenter.predict_prompts`.
        """
        if multimask is None:
            multimask = prompts.ambiguous or prompts.choice is not None
        found = self._candidates(image, prompts, multimask)
        chosen = best(found, self._rate)
        if multimask:
            ranked = by_size(found)
            if prompts.choice is not None:
                chosen = ranked[min(prompts.choice, len(ranked) - 1)]
            rank = next(n for n, one in enumerate(ranked) if one is chosen)
            return replace(chosen, alternatives=found, rank=rank)
        return self._reconsidered(image, prompts, chosen)

    def _candidates(
        self, image: EmbeddedImage, prompts: Prompts, several: bool
    ) -> tuple[Prediction, ...]:
        found = candidates(self.engine, image, prompts, several)
        return tuple(self.cleaned(one, prompts) for one in found)

    def _reconsidered(
        self, image: EmbeddedImage, prompts: Prompts, found: Prediction
    ) -> Prediction:
        """Ask anew, in other ways, if a correction went wrong."""
        if not self.clean or not prompts.places:
            return found
        if prompts.bounds is None and not any(p.inside for p in prompts.places):
            # Nothing but the mask says which object is meant.
            return found
        logits = mask_logits(prompts, image.view, self.engine.mask_size)
        if logits is None:
            return found
        before = replace(found, logits=logits, view=image.view)
        astray = lost(found, before)
        if not astray and followed(found, prompts) == 1:
            return found
        seen = tuple(p for p in prompts.places if image.view.contains(*p[:2]))
        anew = Prompts(seen, prompts.bounds)
        options = [found, *self._candidates(image, anew, False)]
        if astray:
            options += self._candidates(image, prompts, True)
            options += self._candidates(image, anew, True)
        return best(
            options,
            lambda one: self._rate(one) + followed(one, prompts) + overlap(one, before),
        )

    def cleaned(self, answer: Prediction, prompts: Prompts) -> Prediction:
        """Take specks away, with a model for which that pays."""
        return tidied(answer, prompts) if self.clean else answer

    def most_alike(self, found: Prediction, before: Prediction) -> Prediction:
        """Choose the candidate that means the same object as before."""
        faithfulness = TIDY_FAITHFULNESS if self.clean else FAITHFULNESS
        return most_alike(found, before, self._rate, faithfulness)

    def _rate(self, candidate: Prediction) -> float:
        """How much a candidate is to be preferred to others."""
        return worth(candidate) if self.clean else candidate.score
