"""The object at hand: what an answer makes of it, and how that is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.history import Edit
from napari_sam2.annotation.marks import Marked
from napari_sam2.annotation.objects import AnnotatedObject
from napari_sam2.annotation.overlap import PROTECT, OverlapRule
from napari_sam2.annotation.recall import RecalledPrediction
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.errors import LabelsError, NapariSam2Error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.clicks import Click
    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.inference import Inference
    from napari_sam2.annotation.intent import Intent
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.ledger import Ledger
    from napari_sam2.annotation.ledgers import Ledgers
    from napari_sam2.annotation.operations import Operation
    from napari_sam2.annotation.previews import Previews
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.refinement import Refinement

__all__ = ["Keeper"]


class Keeper:
    """Makes objects of answers: keeps, corrects, sharpens them, and undoes that.

    Parameters
    ----------
    inference : Inference
        That is asked for sharper masks.
    previews : Previews
        What is drawn beside the labels.
    ledgers : Ledgers
        Where objects are kept.
    usable : callable
        Whether the tool is on.
    """

    current_changed = Signal(object)
    changed = Signal()
    """Objects or history are others."""
    notice = Signal(str)
    failed = Signal(Exception)

    def __init__(
        self,
        inference: Inference,
        previews: Previews,
        ledgers: Ledgers,
        usable: Callable[[], bool],
    ) -> None:
        self._inference = inference
        self._previews = previews
        self._ledgers = ledgers
        self._usable = usable
        self._closer_look = CancelToken()
        self._sharpen: bool | None = None
        self.current: AnnotatedObject | None = None
        self.collect = False
        self.overlap = PROTECT
        self.category: str | None = None
        """Class of the next object."""

    @property
    def sharpen(self) -> bool:
        """Whether objects are looked at again; until it is set, the model says."""
        return self._inference.zoom if self._sharpen is None else self._sharpen

    @sharpen.setter
    def sharpen(self, sharpen: bool) -> None:
        self._sharpen = sharpen
        if not sharpen:
            self._closer_look.cancel()

    # ------------------------------------------------------------------ answers

    def accept(
        self, click: Click, encoded: Encoded, intent: Intent, prediction: Prediction
    ) -> None:
        """Make the answer to a click the new or the better current object.

        While it was computed, the object may have been let go of, and plane or
        labels left: then it holds for what was clicked on all the same.
        """
        home, kept = self._ledgers.find(intent.about)
        before = kept or intent.about
        # An object that reaches beyond the view keeps what it has there.
        beyond = () if before is None else before.beside(prediction.view)
        if prediction.area == 0 and not beyond:
            self._previews.rest(self.current)
            self.notice.emit("Nothing was found here.")
            return
        found = AnnotatedObject(
            intent.label,
            intent.prompts,
            prediction.alone(),
            encoded.plane,
            encoded.segmenter.engine.model,
            beyond=beyond,
        )
        plane = self._inference.plane
        at_hand = (
            self._usable() and plane is not None and plane.place == encoded.plane.place
        )
        accepted: AnnotatedObject | None
        try:
            ledger = self._ledgers.for_click(click)
            at_hand = at_hand and ledger is self._ledgers.chosen
            if isinstance(click.mark, Marked):
                accepted = ledger.find_anew(
                    found,
                    click.mark.region,
                    overlap=self.overlap,
                    current=self.current,
                )
            elif home is not None and kept is not None:
                accepted = home.correct(kept, found, overlap=self.overlap)
                at_hand = at_hand and home is ledger
            elif at_hand and (self.collect or intent.about is not None):
                ledger.history.add(Edit("Point", (), self.current, found))
                accepted = found
            else:
                accepted = self._keep(found, ledger)
        except NapariSam2Error as error:
            self.failed.emit(error)
            return
        if accepted is not None and at_hand:
            self._set_current(accepted)
        if accepted is not None and accepted.kept and not accepted.written:
            self.notice.emit(
                f"Nothing is left of object {accepted.label}: every pixel of the "
                "mask belongs to another one. Undo brings it back."
            )
        self._previews.rest(self.current)
        self.changed.emit()
        if accepted is not None and self.sharpen:
            self._look_closer(accepted, encoded, home or ledger)

    def _look_closer(
        self, found: AnnotatedObject, encoded: Encoded, ledger: Ledger
    ) -> None:
        """Sharpen an object in the background, unless it has changed by then."""
        prediction, overlap = found.prediction, self.overlap

        def done(sharper: Prediction) -> None:
            if sharper is prediction or ledger not in self._ledgers:
                return
            # A draft may have been kept by now; what was corrected is another mask.
            known = (self.current, *ledger.objects.values())
            logits = prediction.logits
            old = next((o for o in known if o and o.prediction.logits is logits), None)
            if old is None:
                return
            sharper = replace(sharper.alone(), rank=prediction.rank)
            sharper = sharper.refined(old.prediction.refinement)
            try:
                new = ledger.sharpen(old, sharper, overlap=overlap)
            except NapariSam2Error as error:
                self.failed.emit(error)
                return
            if self.current is old:
                self._set_current(new)
                # What a click would add to it may have changed.
                self._previews.renew(new)
            self.changed.emit()

        self._closer_look = self._inference.decoding.look_closer(
            encoded, found.prompts, prediction, done, self.failed.emit
        )

    def refine(self, change: Callable[[Refinement], Refinement]) -> None:
        """Cut the current object out of the same answer in another way.

        Parameters
        ----------
        change : callable
            Returns how, given how it is now.
        """
        current, encoded = self.current, self._inference.encoded
        if current is None:
            return
        if not isinstance(current.prediction, RecalledPrediction):
            self._refine(current, current.prediction, change)
        elif encoded is None or encoded.plane.place != current.plane.place:
            self.notice.emit("Wait until the image is ready, then refine the object.")
        else:
            # Of an earlier session the mask is known, but not what it was cut out of.
            self._inference.decoding.again(
                encoded,
                current.prediction,
                lambda answer: self._refine(current, answer, change),
                self.failed.emit,
            )

    def _refine(
        self,
        current: AnnotatedObject,
        answer: Prediction,
        change: Callable[[Refinement], Refinement],
    ) -> None:
        refinement = change(current.prediction.refinement)
        if self.current is not current or refinement == current.prediction.refinement:
            return
        refined = replace(current, prediction=answer.refined(refinement))
        if refined.prediction.area == 0 and not refined.beyond:
            self.notice.emit("Nothing would be left of the object.")
            return
        home, kept = self._ledgers.find(current)
        try:
            if home is not None and kept is not None:
                refined = home.refine(kept, refined, overlap=self.overlap)
            elif self._ledgers.chosen is not None:
                edit = Edit("Refine", (), current, refined)
                self._ledgers.chosen.history.add(edit)
        except NapariSam2Error as error:
            self.failed.emit(error)
            return
        self._set_current(refined)
        self._previews.rest(refined)
        self.changed.emit()

    def _keep(self, found: AnnotatedObject, ledger: Ledger) -> AnnotatedObject | None:
        kept = ledger.keep(
            found,
            overlap=self.overlap,
            current=self.current,
            category=self.category,
        )
        if kept is None:
            self.notice.emit(
                f"Nothing here belongs to object {self.overlap.inside}, inside of "
                "which new objects lie."
                if self.overlap.rule is OverlapRule.INSIDE
                else "Every pixel here belongs to another object. Switch on painting "
                "over other objects to take them."
            )
        return kept

    # ------------------------------------------------------------ whole objects

    def operate(
        self,
        operation: Operation,
        otherwise: str = "",
        ledger: Ledger | None = None,
        there: Collection[int] = (),
    ) -> None:
        """Carry out what the user asks for, as one item of the history.

        Parameters
        ----------
        operation : Operation
            What to do.
        otherwise : str
            A notice, should there be nothing to do.
        ledger : Ledger, optional
            Of the labels that were chosen when it was asked for; by default of those
            that are chosen now.
        there : collection of int
            Objects that were there when it was asked for. Those that are gone by now,
            since a key was pressed twice say, are passed over in silence.
        """
        left: Operation | None = operation
        try:
            ledger = ledger or self._ledgers.chosen
            if ledger is None:
                raise LabelsError("There are no objects yet: make one first.")
            gone = [label for label in there if label not in ledger.inventory]
            if gone:
                left = operation.without(gone)
            if left is None or ledger not in self._ledgers:
                return
            at_hand = ledger is self._ledgers.chosen
            edit = ledger.operate(left, self.current if at_hand else None)
        except NapariSam2Error as error:
            self.failed.emit(error)
            return
        if edit is None:
            if otherwise:
                self.notice.emit(otherwise)
            return
        if at_hand:
            self._set_current(edit.after)
            self._previews.rest(self.current)
            self.changed.emit()
            self._previews.refresh()

    def take_up(self, label: int) -> None:
        """Go on with an object that was kept before; a draft is kept first."""
        ledger = self._ledgers.chosen
        kept = None if ledger is None else ledger.objects.get(label)
        if kept is None or kept is self.current:
            return
        self.leave()
        self._set_current(kept)
        self.changed.emit()

    # ------------------------------------------------------------ letting go of it

    def finish(self) -> None:
        """Let go of the current object; a draft is kept."""
        draft = self.current
        if draft is not None and not draft.kept:
            try:
                self._keep(draft, self._ledgers.require(draft.plane))
            except NapariSam2Error as error:
                self.failed.emit(error)
                return
        self._set_current(None)
        self._previews.rest(None)
        self.changed.emit()
        self._previews.refresh()

    def leave(self) -> None:
        """Let go of the current object for good, keeping it if it is a draft."""
        draft, ledger = self.current, self._ledgers.chosen
        if ledger is not None and draft is not None and ledger.has_taken_back(draft):
            # The user has just undone that it was kept: redo still can.
            self._set_current(None)
        self.finish()
        self._previews.rest(None)

    def drop(self, *, unfinished: bool) -> None:
        """Forget a draft; with nothing ``unfinished``, let go of what is kept."""
        self._closer_look.cancel()
        ledger = self._ledgers.chosen
        draft = self.current is not None and not self.current.kept
        if draft and ledger is not None:
            ledger.history.forget_drafts()
        if draft or not unfinished:
            self._set_current(None)
        self._previews.leave(self.current)
        self.changed.emit()

    # ------------------------------------------------------------------ history

    def undo(self, store: LabelStore | None = None) -> None:
        """Take the last change of some labels back, whoever made it."""
        # Most likely it is for what is taken back.
        self._closer_look.cancel()
        ledger = self._ledger_of(store)
        if ledger is not None:
            self._after_step(ledger, ledger.undo(), back=True)

    def redo(self, store: LabelStore | None = None) -> None:
        """Make the change again that was taken back last."""
        ledger = self._ledger_of(store)
        if ledger is not None:
            self._after_step(ledger, ledger.redo(), back=False)

    def _ledger_of(self, store: LabelStore | None) -> Ledger | None:
        return self._ledgers.chosen if store is None else self._ledgers.of(store)

    def go_on_with(self, draft: AnnotatedObject | None) -> None:
        """Go on with what an earlier session had left unfinished."""
        self._set_current(draft)
        self._previews.rest(draft)
        self.changed.emit()

    def record_edit(self, ledger: Ledger, changes: list[PixelChange]) -> None:
        """Remember what somebody else did to some labels, with a brush say."""
        at_hand = ledger is self._ledgers.chosen
        ledger.record_edit(changes, self.current if at_hand else None)
        if at_hand:
            self.changed.emit()

    def _after_step(self, ledger: Ledger, edit: Edit | None, *, back: bool) -> None:
        if edit is None or ledger is not self._ledgers.chosen:
            return
        # Other people's edits say nothing of the current object.
        if not edit.by_others:
            self._set_current(edit.before if back else edit.after)
        self._previews.rest(self.current)
        self.changed.emit()
        self._previews.refresh()

    def _set_current(self, current: AnnotatedObject | None) -> None:
        if current is not self.current:
            self.current = current
            self.current_changed.emit(current)
