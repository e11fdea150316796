"""The mask that follows the mouse."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.intent import Intent
from napari_sam2.annotation.objects import Pointing, Preview
from napari_sam2.annotation.requests import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.inference import Inference
    from napari_sam2.annotation.marks import Saying
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.refinement import Refinement

__all__ = ["Previews"]

# Seconds. A repaint of the window on the same cores slows a decode down: masks of
# SAM 2.1 tiny, too, are worth waiting for.
_SOON = 0.04


class Previews:
    """Asks for the mask at the mouse's last place, and knows which one is shown.

    While the mouse moves on, masks follow a little behind; but one of another
    image or model, or from before the mouse left or clicked, is never shown.

    Parameters
    ----------
    inference : Inference
        That answers.
    intent_of : callable
        ``intent_of(encoded, mark, pointing)`` says what a mark stands for.
    failed : callable
        Told when a request fails, once for each image and model.
    """

    changed = Signal(object)

    def __init__(
        self,
        inference: Inference,
        intent_of: Callable[[Encoded, Saying, Pointing], Intent | None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._inference = inference
        self._intent_of = intent_of
        self._failed = failed
        self._place: tuple[Saying, Pointing] | None = None
        self._asked = 0
        self._void = 0  # requests up to this one are not to be shown any more
        self._asked_at = 0.0
        self._answered = 0
        self._resting = True
        self._failed_on: Encoded | None = None
        self.shown: Preview | None = None

    @property
    def coming(self) -> bool:
        """Whether a mask is about to come."""
        return (
            self._asked > max(self._answered, self._void)
            and self._inference.decoding.seconds < _SOON
            and perf_counter() - self._asked_at < 2 * _SOON
        )

    def point_at(self, mark: Saying, pointing: Pointing) -> None:
        """Follow the mouse to a place, or along a line that it draws."""
        self._place = (mark, pointing)
        # Should the image not be ready yet, the mask appears where the mouse waits.
        self._resting = False
        self.refresh()

    def lift(self) -> None:
        """Forget the mouse; what is shown stays until there is an answer."""
        self._place = None

    def leave(self, draft: AnnotatedObject | None) -> None:
        """Forget the mouse; a draft stays visible."""
        self._place = None
        self.rest(draft)

    def rest(self, draft: AnnotatedObject | None) -> None:
        """Show nothing but a draft, until the mouse moves."""
        self._resting = True
        self._void = self._asked
        self._inference.forget_hovers()
        encoded = self._inference.encoded
        if (
            draft is None
            or draft.kept
            or encoded is None
            or draft.plane.place != encoded.plane.place
        ):
            self._show(None)
        else:
            intent = Intent(draft.prompts, Pointing.ADD, draft.label)
            self._show(_preview(encoded, draft.prediction, intent))

    def renew(self, draft: AnnotatedObject | None) -> None:
        """Show what has changed by itself, while the mouse may be anywhere.

        Where it rests since its last click, nothing appears that was not there.
        """
        if self._resting:
            self.rest(draft)
        else:
            self.refresh()

    def refine(self, refinement: Refinement) -> None:
        """Cut what is shown of a new object in another way, without asking for it."""
        shown = self.shown
        if shown is not None and shown.pointing is Pointing.NEW:
            prediction = shown.prediction.refined(refinement)
            self._show(replace(shown, prediction=prediction))

    def refresh(self, draft: AnnotatedObject | None = None) -> None:
        """Ask what the last place of the mouse stands for now.

        Parameters
        ----------
        draft : AnnotatedObject, optional
            Is shown if the mouse is nowhere; it may not have been possible before.
        """
        if self._place is None:
            if draft is not None and not draft.kept:
                self.rest(draft)
            return
        # Beside the view that is there, the mask waits for the one that is coming.
        encoded = self._inference.encoded_showing(self._place[0].extent)
        if encoded is None:
            return
        intent = self._intent_of(encoded, *self._place)
        if intent is None:
            self.rest(None)
            return
        self._resting = False
        if self.answers(encoded, intent) is not None:
            # What was asked for on the way here must not take its place.
            self._void = self._asked
            self._inference.forget_hovers()
            return
        self._asked += 1
        self._asked_at = perf_counter()
        number = self._asked

        def done(prediction: Prediction) -> None:
            self._answered = number
            if encoded is self._inference.encoded and number > self._void:
                self._show(_preview(encoded, prediction, intent))

        def failed(error: Exception) -> None:
            self._answered = number
            # The mouse moves on and on: the same failure is told once.
            if encoded is not self._failed_on:
                self._failed_on = encoded
                self._failed(error)

        self._inference.decoding.decode(
            Lane.HOVER, encoded, intent.prompts, intent.refinement, done, failed
        )

    def answers(self, encoded: Encoded, intent: Intent) -> Prediction | None:
        """Return the prediction that is shown, if it is the one that is meant."""
        shown = self.shown
        if shown is None or shown.generation != encoded.generation:
            return None
        refinement = shown.prediction.refinement
        known = Intent(shown.prompts, shown.pointing, shown.label, None, refinement)
        if known != intent:
            return None
        return shown.prediction

    def _show(self, preview: Preview | None) -> None:
        if preview is not self.shown:
            self.shown = preview
            self.changed.emit(preview)


def _preview(encoded: Encoded, prediction: Prediction, intent: Intent) -> Preview:
    return Preview(
        prediction,
        intent.prompts,
        encoded.plane,
        intent.label,
        intent.pointing,
        encoded.generation,
    )
