"""What a session does with prompts that are more than a click."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.clicks import Click
from napari_sam2.annotation.intent import Intent, intent_of
from napari_sam2.annotation.marks import Mark, Marked, Revision, Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.errors import LabelsError, PromptError
from napari_sam2.segmentation.refinement import Refinement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from napari_sam2.annotation.clicks import ClickQueue
    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.inference import Inference
    from napari_sam2.annotation.keeper import Keeper
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.ledgers import Ledgers
    from napari_sam2.annotation.marks import Saying
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.previews import Previews
    from napari_sam2.segmentation.prompts import Prompts

__all__ = ["PromptCommands"]

_SIZES = ("smallest", "middle", "largest")

_MOST = 8.0
"""Logits beyond are all the same."""


class PromptCommands:
    """Draws, revises and refines; none of it blocks.

    All of it waits for its turn behind the clicks before it.
    """

    refinement_changed = Signal()
    """The next object will be cut in another way."""

    _clicks: ClickQueue
    _inference: Inference
    _ledgers: Ledgers
    _keeper: Keeper
    _previews: Previews
    _refinement: Refinement = Refinement()
    _choice: int | None = None

    if TYPE_CHECKING:
        # Of the session itself.
        @property
        def plane(self) -> Plane | None:
            """The plane that is worked on."""

        @property
        def current(self) -> AnnotatedObject | None:
            """The object that additions and removals go to."""

        @property
        def store(self) -> LabelStore | None:
            """Where kept objects go."""

        @property
        def next_label(self) -> int:
            """Id that the next object will get."""

        @property
        def _usable(self) -> bool: ...
        def _update_status(self) -> None: ...

    def sketch(
        self,
        tool: Tool | str,
        path: Sequence[tuple[float, float]],
        pointing: Pointing = Pointing.NEW,
    ) -> None:
        """Preview what :meth:`draw` would do. The latest call wins."""
        plane = self.plane
        if plane is not None and self._usable:
            mark = Mark.drawn(_tool(tool), path, plane.shape)
            if mark is not None:
                self._previews.point_at(mark, pointing)

    def draw(
        self,
        tool: Tool | str,
        path: Sequence[tuple[float, float]],
        pointing: Pointing = Pointing.NEW,
    ) -> None:
        """Keep what a box, a scribble or a lasso is about; or correct an object by it.

        Parameters
        ----------
        tool : Tool or str
            With which it was drawn: ``"box"``, ``"scribble"`` or ``"lasso"``.
        path : sequence of (float, float)
            ``(row, col)`` of the corners of the line, or two corners of the box. What
            lies beside the plane does not count.
        pointing : Pointing
            ``NEW``: about a new object (or about the draft). ``ADD``, ``REMOVE``:
            what belongs to the current object, or does not.

        Raises
        ------
        PromptError
            If there is no such tool.
        """
        plane, tool = self.plane, _tool(tool)
        if plane is None or not self._usable:
            return
        mark = Mark.drawn(tool, path, plane.shape)
        if mark is not None:
            self._previews.lift()
            self._commit(mark, plane, pointing)

    def revise(self, prompts: Prompts, *, preview: bool = False) -> None:
        """Ask anew about the current object: a prompt was moved or taken away.

        One item of the history, as any correction.

        Parameters
        ----------
        prompts : Prompts
            All that is said about it now.
        preview : bool
            Only show what it would be; the latest call wins.
        """
        plane = self.plane
        if plane is None or self.current is None or not self._usable:
            return
        if prompts.bounds is None and not any(p.inside for p in prompts.places):
            if not preview:
                self._say("Something must be left that belongs to the object.")
            return
        revision = Revision(prompts)
        if preview:
            self._previews.point_at(revision, Pointing.ADD)
        else:
            self._previews.lift()
            self._commit(revision, plane, Pointing.ADD)

    # ------------------------------------------------------- what is in the labels

    def label_at(self, row: float, col: float) -> int:
        """Return the id that the labels have at a place; 0 if there is none."""
        store, plane = self.store, self.plane
        if store is None or plane is None or not plane.contains(row, col):
            return 0
        if tuple(store.shape) != tuple(plane.array_shape):
            return 0
        place = np.array([round(row)]), np.array([round(col)])
        return int(store.read(plane.index.indices(*place))[0])

    def edit_at(self, row: float, col: float) -> None:
        """Go on with the object at a place, its prompts as they were.

        What has none, since somebody else painted it, the model finds anew: see
        :meth:`find_anew`.
        """
        self._clicks.append(partial(self._edit, row, col))

    def find_anew(self, row: float, col: float) -> None:
        """Let the model find the object at a place anew, by what is painted of it.

        The pixels that it has on this plane become the prompt, brush strokes and all;
        earlier prompts do not count any more. One item of the history.
        """
        self._clicks.append(partial(self._find_anew_at, row, col))

    def find_label_anew(self, label: int) -> None:
        """Let the model find an object anew by its id; see :meth:`find_anew`."""
        self._clicks.append(partial(self._find_anew, label))

    def _edit(self, row: float, col: float) -> None:
        label = self.label_at(row, col)
        ledger, plane = self._ledgers.chosen, self.plane
        kept = None if ledger is None else ledger.objects.get(label)
        if not label:
            self._say("There is no object here: point at one, then edit it.")
        elif kept is None or plane is None or kept.plane.place != plane.place:
            self._find_anew(label)
        else:
            self._keeper.take_up(label)
            self._previews.rest(kept)

    def _find_anew_at(self, row: float, col: float) -> None:
        label = self.label_at(row, col)
        if label:
            self._find_anew(label)
        else:
            self._say("There is no object here: point at one, or paint one.")

    def _find_anew(self, label: int) -> None:
        ledger, plane = self._ledgers.chosen, self.plane
        if ledger is None or plane is None or not self._usable:
            return
        try:
            region = ledger.region(label, plane) if label in ledger.inventory else None
        except LabelsError as error:
            self._say(str(error))
            return
        if region is None:
            self._say(f"Object {label} has no pixels in this plane.")
        else:
            self._keeper.leave()
            # It stands for this call, whose turn it is.
            self._clicks.put_first(self._click_of(Marked(label, region), plane))

    # --------------------------------------------------------------- refinement

    @property
    def refinement(self) -> Refinement:
        """How the mask of the current object is cut; without one, of the next."""
        current = self.current
        return self._refinement if current is None else current.prediction.refinement

    @property
    def next_refinement(self) -> Refinement:
        """How the masks of new objects are cut."""
        return self._refinement

    @next_refinement.setter
    def next_refinement(self, refinement: Refinement) -> None:
        if refinement != self._refinement:
            self._refinement = refinement
            self._previews.refine(refinement)
            self.refinement_changed.emit()

    def refine(self, **changes: Any) -> None:
        """Cut the mask in another way, without asking the model again.

        With an object in hand it is about that, and one item of the history. Without
        one it is about the preview, and all new objects from now on.

        Parameters
        ----------
        **changes
            Fields of :class:`~napari_sam2.segmentation.refinement.Refinement`.

        Raises
        ------
        PromptError
            If there is no such refinement.
        """
        # What is wrong is said now, not when its turn has come.
        replace(self.refinement, **changes)
        self._clicks.append(partial(self._refine, partial(_changed, changes)))

    def nudge_threshold(self, step: float) -> None:
        """Raise the threshold of what :meth:`refine` is about, or lower it."""
        self._clicks.append(partial(self._refine, partial(_nudged, step)))

    def _refine(self, change: Callable[[Refinement], Refinement]) -> None:
        if self.current is not None:
            self._keeper.refine(change)
        else:
            self.next_refinement = change(self._refinement)

    # --------------------------------------------------------------- candidates

    @property
    def candidate(self) -> str:
        """Which candidate a place stands for: ``"largest"``; empty if any may."""
        return "" if self._choice is None else _SIZES[self._choice]

    def next_candidate(self) -> None:
        """Take the next larger of the model's candidates: part, object, whole.

        In the preview of a new object it holds for the next ones as well, until
        :meth:`any_candidate`. Otherwise it corrects the current object.
        """
        shown, current = self._previews.shown, self.current
        if shown is not None and shown.pointing is Pointing.NEW:
            rank = shown.prediction.rank
            if rank is None:
                self._say("What is said here is clear: there is one candidate.")
                return
            self._choice = (rank + 1) % len(_SIZES)
            self._previews.refresh()
            self._say(f"The {self.candidate} of three candidates")
        elif current is not None:
            rank = current.prediction.rank
            choice = 0 if rank is None else (rank + 1) % len(_SIZES)
            self.revise(replace(current.prompts, choice=choice))
            self._say(f"The {_SIZES[choice]} of three candidates")

    def any_candidate(self) -> None:
        """Let the model say again which candidate is meant."""
        self._choice = None

    # -------------------------------------------------------------------- helpers

    def _say(self, text: str) -> None:
        self._keeper.notice.emit(text)

    def _intent_of(
        self, encoded: Encoded, mark: Saying, pointing: Pointing
    ) -> Intent | None:
        return intent_of(
            mark,
            pointing,
            encoded=encoded,
            current=self.current,
            next_label=self.next_label,
            refinement=self._refinement,
            choice=self._choice,
        )

    def _commit(self, mark: Saying, plane: Plane, pointing: Pointing) -> None:
        self._clicks.append(self._click_of(mark, plane, pointing))
        self._update_status()

    def _click_of(
        self, mark: Saying, plane: Plane, pointing: Pointing = Pointing.ADD
    ) -> Click:
        self._inference.resume()
        encoded = self._inference.encoded_showing(mark.extent)
        return Click(plane, mark, pointing, encoded, self.store)


def _tool(tool: Tool | str) -> Tool:
    try:
        return Tool(tool)
    except ValueError as error:
        names = ", ".join(f"“{one.value}”" for one in Tool)
        raise PromptError(f"There is no tool “{tool}”, only {names}.") from error


def _changed(changes: dict[str, Any], refinement: Refinement) -> Refinement:
    return replace(refinement, **changes)


def _nudged(step: float, refinement: Refinement) -> Refinement:
    threshold = min(max(refinement.threshold + step, -_MOST), _MOST)
    return replace(refinement, threshold=threshold)
