"""Clicks and what was asked for between them, carried out in their order.

What a click means depends on the answer to the one before it: Shift+click adds
to the object that the last click made. So one is answered at a time, and undo,
redo and done wait for their turn as well.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.annotation.requests import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.inference import Inference
    from napari_sam2.annotation.intent import Intent
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.marks import Saying
    from napari_sam2.annotation.objects import Pointing
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.previews import Previews
    from napari_sam2.segmentation.prediction import Prediction

__all__ = ["Click", "ClickQueue"]


@dataclass(frozen=True, eq=False)
class Click:
    """A click that waits for its turn.

    Attributes
    ----------
    plane : Plane
        That was clicked on.
    mark : Saying
        The place, or what was drawn instead of clicking.
    pointing : Pointing
        What the user held down.
    encoded : Encoded, optional
        The plane, if it was ready when it was clicked on: then the click is
        carried out even if the user has gone on to another plane.
    store : LabelStore, optional
        Labels that the object is for: those that were chosen at the click.
    """

    plane: Plane
    mark: Saying
    pointing: Pointing
    encoded: Encoded | None
    store: LabelStore | None


class ClickQueue:
    """Carries out clicks and calls, one after the other.

    Parameters
    ----------
    inference : Inference
        That answers.
    previews : Previews
        Whose shown mask is kept as it is, if it is the one that was clicked.
    intent_of : callable
        ``intent_of(encoded, mark, pointing)`` says what a click stands for.
    accept : callable
        ``accept(click, encoded, intent, prediction)`` takes the answer.
    dropped : callable
        Told of a click on a plane that was left before it was ready.
    failed : callable
        Told when a request fails.
    settled : callable
        Told when a click that had to be computed is over and done with.
    """

    def __init__(
        self,
        inference: Inference,
        previews: Previews,
        intent_of: Callable[[Encoded, Saying, Pointing], Intent | None],
        accept: Callable[[Click, Encoded, Intent, Prediction], None],
        dropped: Callable[[Click], None],
        failed: Callable[[Exception], None],
        settled: Callable[[], None],
    ) -> None:
        self._inference = inference
        self._previews = previews
        self._intent_of = intent_of
        self._accept = accept
        self._dropped = dropped
        self._failed = failed
        self._settled = settled
        self._waiting: deque[Click | Callable[[], None]] = deque()
        self._running: Click | None = None

    @property
    def busy(self) -> bool:
        """Whether something waits or is being answered."""
        return bool(self._waiting) or self._running is not None

    def append(self, item: Click | Callable[[], None]) -> None:
        """Carry this out after all that was asked for before."""
        self._waiting.append(item)
        self.advance()

    def put_first(self, click: Click) -> None:
        """Carry a click out before all that still waits."""
        self._waiting.appendleft(click)
        self.advance()

    def clear(self) -> None:
        """Forget what waits, and what is being answered."""
        self._waiting.clear()
        self._running = None

    def advance(self) -> None:
        """Carry out what can be carried out now."""
        while self._waiting and self._running is None:
            item = self._waiting[0]
            if isinstance(item, Click):
                encoded = item.encoded or self._encoded(item)
                if encoded is None and self._coming(item):
                    return
                self._waiting.popleft()
                if encoded is not None or not self._encode_for(item):
                    self._carry_out(item, encoded)
            else:
                self._waiting.popleft()
                item()

    def _encoded(self, click: Click) -> Encoded | None:
        here = self._in_view(click.plane)
        return self._inference.encoded_showing(click.mark.extent) if here else None

    def _coming(self, click: Click) -> bool:
        here = self._in_view(click.plane)
        return here and self._inference.coming_for(click.mark.extent)

    def _in_view(self, plane: Plane) -> bool:
        in_view = self._inference.plane
        return in_view is not None and in_view.place == plane.place

    def _encode_for(self, click: Click) -> bool:
        """Have the part of the plane encoded that was clicked on, if it is left."""

        def done(encoded: Encoded) -> None:
            if self._running is click:
                self._running = None
                self._carry_out(click, encoded)
                self._go_on()

        def failed(error: Exception) -> None:
            if self._running is click:
                self._running = None
                self._failed(error)
                self._go_on()

        if not self._in_view(click.plane):
            return False
        if not self._inference.encode_around(click.mark.extent, done, failed):
            return False
        self._running = click
        return True

    def _go_on(self) -> None:
        self.advance()
        self._settled()

    def _carry_out(self, click: Click, encoded: Encoded | None) -> None:
        if encoded is None:
            self._dropped(click)
            return
        intent = self._intent_of(encoded, click.mark, click.pointing)
        if intent is None:
            return
        shown = self._previews.answers(encoded, intent)
        if shown is not None:
            # What was previewed is what is kept, and nothing is to be computed.
            self._accept(click, encoded, intent, shown)
            return
        self._running = click

        def done(prediction: Prediction) -> None:
            settle(lambda: self._accept(click, encoded, intent, prediction))

        def failed(error: Exception) -> None:
            settle(lambda: self._failed(error))

        def settle(act: Callable[[], None]) -> None:
            if self._running is not click:
                return
            self._running = None
            try:
                act()
            finally:
                # Whatever became of this one, those that wait have their turn.
                self.advance()
                self._settled()

        self._inference.decoding.decode(
            Lane.QUEUE, encoded, intent.prompts, intent.refinement, done, failed
        )
