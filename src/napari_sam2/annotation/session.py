"""The annotation session: what pointing, clicking and undoing mean.

The session has no thread of its own to protect: it is used from one thread, that
of the window or of the script. What takes time goes to
:class:`~napari_sam2.annotation.inference.Inference`; what was kept lies in a
:class:`~napari_sam2.annotation.ledger.Ledger`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_sam2.annotation.history import Edit
from napari_sam2.annotation.inference import Encoded, Inference
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.ledger import Ledger
from napari_sam2.annotation.objects import AnnotatedObject, Pointing, Preview
from napari_sam2.annotation.requests import Lane
from napari_sam2.annotation.status import Phase, Status
from napari_sam2.errors import NapariSam2Error, PromptError
from napari_sam2.segmentation.prompts import MaskPrompt, Point, Prompts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["AnnotationSession"]

# A status that comes and goes within a few frames only flickers.
_WORTH_SAYING = 0.2


@dataclass(eq=False)
class _Click:
    """A click that waits for its turn; what it means is known only then."""

    plane: Plane
    row: float
    col: float
    pointing: Pointing
    encoded: Encoded | None


class AnnotationSession:
    """Point at things in an image, and keep them as objects of a labels array.

    Coordinates are ``(row, col)`` in pixels of the plane, pixel centres at
    integers. Nothing here blocks, except :meth:`wait` and :attr:`labels`, which
    are for scripts.

    Parameters
    ----------
    model : str, path or ModelSpec
        Model to begin with; it is loaded in the background.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``.
    wake : callable, optional
        Called from another thread when answers wait. It must arrange that
        :meth:`process` is called on the session's own thread. A script that
        calls :meth:`wait` needs none.
    segmenter_factory : callable, optional
        ``factory(spec, device)`` that makes the segmenter; for tests and
        for engines of one's own.
    make_labels : callable, optional
        ``make_labels(plane)`` returns the store for the first object if no
        labels were chosen by then. By default a numpy array.
    """

    status_changed = Signal(Status)
    preview_changed = Signal(object)
    current_changed = Signal(object)
    objects_changed = Signal()
    history_changed = Signal(bool, bool)
    model_changed = Signal(str)
    notice = Signal(str)
    failed = Signal(Exception)

    def __init__(
        self,
        model: str | Path | ModelSpec = "starter",
        device: str = "auto",
        *,
        wake: Callable[[], None] | None = None,
        segmenter_factory: Callable[[ModelSpec, str], Segmenter] | None = None,
        make_labels: Callable[[Plane], LabelStore] | None = None,
    ) -> None:
        self._inference = Inference(wake or _sleep_on, segmenter_factory)
        self._inference.changed.connect(self._advance)
        self._inference.ready.connect(self._on_ready)
        self._inference.model_changed.connect(self._on_model_changed)
        self._inference.failed.connect(self._on_failed)
        self._make_labels = make_labels or (lambda p: ArrayLabels(p.array_shape))
        self._ledger: Ledger | None = None
        self._ledgers: WeakKeyDictionary[Any, Ledger] = WeakKeyDictionary()
        self._active = True
        self._unavailable: str | None = None
        self._collect = False
        self.overwrite = False
        """Whether an object may take pixels of others."""
        self._actions: deque[_Click | Callable[[], None]] = deque()
        self._decoding: _Click | None = None
        self._pointer: tuple[float, float, Pointing] | None = None
        self._hovers = 0
        self._hovers_over = 0
        self._preview: Preview | None = None
        self._current: AnnotatedObject | None = None
        self._status = Status(Phase.LOADING, "Starting")
        self._errors: list[NapariSam2Error] = []
        self._inference.set_model(model, device)

    # ------------------------------------------------------------------ state

    @property
    def status(self) -> Status:
        """What the session is doing, in words."""
        return self._status

    @property
    def preview(self) -> Preview | None:
        """What is drawn under the mouse."""
        return self._preview

    @property
    def current(self) -> AnnotatedObject | None:
        """The object that additions and removals go to."""
        return self._current

    @property
    def objects(self) -> dict[int, AnnotatedObject]:
        """Every object that the session has kept in these labels, by id."""
        return {} if self._ledger is None else dict(self._ledger.objects)

    @property
    def store(self) -> LabelStore | None:
        """Where kept objects go."""
        return None if self._ledger is None else self._ledger.store

    @property
    def labels(self) -> np.ndarray[Any, np.dtype[Any]] | None:
        """The labels, once all that was asked for is done; None if there are none."""
        self.wait()
        return None if self.store is None else self.store.array()

    @property
    def plane(self) -> Plane | None:
        """The plane that is worked on."""
        return self._inference.plane

    @property
    def model(self) -> str | None:
        """Name of the model that computes; None until one is loaded."""
        return self._inference.model

    @property
    def generation(self) -> int:
        """Counts every change of plane or model."""
        return self._inference.generation

    @property
    def next_label(self) -> int:
        """Id that the next object will get."""
        return 1 if self._ledger is None else self._ledger.next_label

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._ledger is not None and self._ledger.history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self._ledger is not None and self._ledger.history.can_redo

    @property
    def active(self) -> bool:
        """Whether the tool is on."""
        return self._active

    @active.setter
    def active(self, active: bool) -> None:
        if active == self._active:
            return
        if not active:
            self._let_go()
        self._active = active
        self._update_enabled()

    @property
    def collect(self) -> bool:
        """Whether clicks refine one object until :meth:`done` keeps it."""
        return self._collect

    @collect.setter
    def collect(self, collect: bool) -> None:
        if collect != self._collect:
            self._let_go()
            self._collect = collect

    # ------------------------------------------------------------ what to work on

    def set_plane(self, plane: Plane | None) -> None:
        """Work on a plane, encoding it in the background; None for nothing.

        Clicks on the last plane that waited for it to be encoded are dropped;
        all others are carried out.
        """
        old = self.plane
        if plane is old or (plane and old and plane.key == old.key):
            return
        self._let_go()
        self._pointer = None
        self._inference.set_plane(plane)
        self._advance()

    def set_labels(self, store: LabelStore | None) -> None:
        """Keep objects in another array; each has its own objects and history."""
        if store is self.store:
            return
        self._let_go()
        if self._ledger is not None:
            self._ledger.store.edited.disconnect(self._on_edited)
        self._ledger = None if store is None else self._ledger_of(store)
        self._announce()

    def set_model(
        self, model: str | Path | ModelSpec, device: str | None = None
    ) -> None:
        """Change the model in the background, downloading it if need be.

        The labels stay as they are, and the old model works on until the new
        one is there.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        """
        self._inference.set_model(model, device)

    def set_unavailable(self, reason: str | None) -> None:
        """Say why the tool cannot work now (3-D display, say); None: it can."""
        if reason == self._unavailable:
            return
        if reason is not None:
            self._let_go()
        self._unavailable = reason
        self._update_enabled()

    # ------------------------------------------------------------------ pointing

    def hover(self, row: float, col: float, pointing: Pointing = Pointing.NEW) -> None:
        """Preview what a click here would do. The latest call wins."""
        if not self._usable or self.plane is None:
            return
        if not self.plane.contains(row, col):
            self.leave()
            return
        self._pointer = (row, col, pointing)
        self._request_preview()

    def leave(self) -> None:
        """Forget the mouse: it has left the image."""
        self._pointer = None
        self._forget_hovers()
        self._show(self._draft_preview())

    def click(self, row: float, col: float) -> None:
        """Keep what is here as a new object (or refine the draft by it)."""
        self._click(row, col, Pointing.NEW)

    def add(self, row: float, col: float) -> None:
        """Add what is here to the current object."""
        self._click(row, col, Pointing.ADD)

    def remove(self, row: float, col: float) -> None:
        """Take what is here away from the current object."""
        self._click(row, col, Pointing.REMOVE)

    def done(self) -> None:
        """Finish the current object; a draft is kept."""
        self._do(self._finish)

    def drop(self) -> None:
        """Forget what is unfinished: waiting clicks, the preview, a draft.

        With nothing unfinished, the current object is let go of. What is kept
        stays: :meth:`undo` takes that back.
        """
        unfinished = bool(self._actions) or self._decoding is not None
        self._actions.clear()
        self._decoding = None
        current = self._current
        if current is not None and not current.kept:
            if self._ledger is not None:
                self._ledger.history.forget_drafts()
            self._set_current(None)
        elif not unfinished:
            self._set_current(None)
        self.leave()
        self._announce()

    def undo(self) -> None:
        """Take the last change back, whoever made it."""
        self._do(self._undo)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._do(self._redo)

    def cancel(self) -> None:
        """Stop the download or the encode that runs."""
        self._inference.cancel()

    # ------------------------------------------------------------------ answers

    def process(self) -> None:
        """Hand out the answers that wait; called on the session's own thread."""
        self._inference.process()

    def wait(self, timeout: float = 300.0) -> None:
        """Block until everything that was asked for is done. For scripts.

        Raises
        ------
        NapariSam2Error
            What failed since the last wait.
        TimeoutError
            If it takes longer than ``timeout`` seconds.
        """
        end = monotonic() + timeout
        self.process()
        while self._inference.busy:
            left = end - monotonic()
            if left <= 0:
                raise TimeoutError(f"The session was busy for {timeout:.0f} s.")
            self._inference.wait_for_answer(left)
            self.process()
        if self._errors:
            error = self._errors[0]
            self._errors.clear()
            raise error

    def close(self) -> None:
        """Keep a draft, then stop everything; returns at once."""
        self._let_go()
        self._actions.clear()
        self._inference.close()
        if self._ledger is not None:
            self._ledger.store.edited.disconnect(self._on_edited)

    # ---------------------------------------------------------------- the hover

    @property
    def _usable(self) -> bool:
        return self._active and self._unavailable is None

    def _request_preview(self) -> None:
        encoded = self._inference.encoded
        if self._pointer is None or encoded is None:
            return
        prompts, pointing, label = self._meaning(encoded, *self._pointer)
        if not prompts:
            self._show(self._draft_preview())
            return
        shown = self._preview
        if (
            shown is not None
            and (shown.pointing, shown.label) == (pointing, label)
            and shown.prompts == prompts
        ):
            return
        self._hovers += 1
        serial = self._hovers

        def done(prediction: Prediction) -> None:
            # While the mouse moves on, the mask follows a little behind; but one
            # of another image or model, or from before the mouse left or
            # clicked, is never drawn.
            if encoded.generation == self.generation and serial > self._hovers_over:
                self._show(self._make_preview(encoded, prediction, prompts, pointing))

        self._inference.decode(Lane.HOVER, encoded, prompts, done, self._on_failed)

    def _meaning(
        self, encoded: Encoded, row: float, col: float, pointing: Pointing
    ) -> tuple[Prompts, Pointing, int]:
        """Say which prompts a place stands for, now, and to which object."""
        current = self._current
        if current is not None and current.plane.key != encoded.plane.key:
            current = None
        if pointing is Pointing.NEW and current is not None and not current.kept:
            pointing = Pointing.ADD
        if current is None and pointing is Pointing.REMOVE:
            return Prompts(), pointing, 0
        if current is None or pointing is Pointing.NEW:
            return Prompts((Point(row, col),)), Pointing.NEW, self.next_label
        # Another model's logits mean something else: its points alone count.
        mask = (
            MaskPrompt(current.prediction.logits)
            if current.model == encoded.segmenter.model
            else None
        )
        point = Point(row, col, pointing is Pointing.ADD)
        return current.prompts.with_point(point, mask), pointing, current.label

    def _make_preview(
        self,
        encoded: Encoded,
        prediction: Prediction,
        prompts: Prompts,
        pointing: Pointing,
    ) -> Preview:
        new = pointing is Pointing.NEW or self._current is None
        label = self.next_label if new else self._current.label  # type: ignore[union-attr]
        return Preview(
            prediction, prompts, encoded.plane, label, pointing, encoded.generation
        )

    def _draft_preview(self) -> Preview | None:
        """Show a draft while the mouse is elsewhere."""
        draft, encoded = self._current, self._inference.encoded
        if draft is None or draft.kept or encoded is None:
            return None
        if draft.plane.key != encoded.plane.key:
            return None
        return self._make_preview(
            encoded, draft.prediction, draft.prompts, Pointing.ADD
        )

    def _show(self, preview: Preview | None) -> None:
        if preview is not self._preview:
            self._preview = preview
            self.preview_changed.emit(preview)

    def _forget_hovers(self) -> None:
        self._hovers_over = self._hovers
        self._inference.forget_hovers()

    # --------------------------------------------------------------- the clicks

    def _click(self, row: float, col: float, pointing: Pointing) -> None:
        plane = self.plane
        if plane is None or not self._usable:
            return
        if not plane.contains(row, col):
            rows, cols = plane.shape
            self._on_failed(
                PromptError(
                    f"The place ({row:.1f}, {col:.1f}) lies outside of the image, "
                    f"which has {rows} by {cols} pixels: click inside of it."
                )
            )
            return
        self._inference.resume()
        encoded = self._inference.encoded
        self._do(_Click(plane, row, col, pointing, encoded))

    def _do(self, action: _Click | Callable[[], None]) -> None:
        """Carry out an action after all that were asked for before."""
        self._actions.append(action)
        self._advance()

    def _advance(self) -> None:
        while self._actions and self._decoding is None:
            action = self._actions[0]
            if not isinstance(action, _Click):
                self._actions.popleft()
                action()
            elif not self._begin(action):
                break
        self._update_status()

    def _begin(self, click: _Click) -> bool:
        """Start on the click whose turn it is; False if it has to wait."""
        here = self.plane is not None and click.plane.key == self.plane.key
        encoded = click.encoded or (self._inference.encoded if here else None)
        if encoded is None and here and self._inference.coming:
            return False
        self._actions.popleft()
        if encoded is None:
            self.notice.emit(
                f"“{click.plane.name}” was left before it was encoded: "
                "the click there was dropped."
            )
            return True
        prompts, pointing, label = self._meaning(
            encoded, click.row, click.col, click.pointing
        )
        if not prompts:
            return True
        shown = self._preview
        if (
            shown is not None
            and shown.generation == encoded.generation
            and (shown.pointing, shown.label) == (pointing, label)
            and shown.prompts == prompts
        ):
            # What was previewed is what is kept, and nothing is to be computed.
            self._accept(encoded, prompts, pointing, shown.prediction)
            return True
        self._decoding = click

        def done(prediction: Prediction) -> None:
            if self._decoding is click:
                self._decoding = None
                self._accept(encoded, prompts, pointing, prediction)
                self._advance()

        def failed(error: Exception) -> None:
            if self._decoding is click:
                self._decoding = None
                self._on_failed(error)
                self._advance()

        self._inference.decode(Lane.QUEUE, encoded, prompts, done, failed)
        return True

    def _accept(
        self,
        encoded: Encoded,
        prompts: Prompts,
        pointing: Pointing,
        prediction: Prediction,
    ) -> None:
        """Make the answer to a click the new or the better current object."""
        self._forget_hovers()
        if prediction.area == 0:
            self._show(self._draft_preview())
            self.notice.emit("Nothing was found here.")
            return
        current = None if pointing is Pointing.NEW else self._current
        label = self.next_label if current is None else current.label
        found = AnnotatedObject(
            label, prompts, prediction, encoded.plane, encoded.segmenter.model
        )
        try:
            if current is not None and current.kept:
                found = self._require_ledger(encoded.plane).correct(
                    current, found, overwrite=self.overwrite
                )
            elif current is not None or self._collect:
                ledger = self._require_ledger(encoded.plane)
                ledger.history.add(Edit("Point", (), self._current, found))
            elif (kept := self._keep(found)) is not None:
                found = kept
            else:
                self._show(None)
                return
        except NapariSam2Error as error:
            self._on_failed(error)
            return
        self._set_current(found)
        self._show(self._draft_preview())
        self._announce()

    # ------------------------------------------------------- keeping and undoing

    def _keep(self, found: AnnotatedObject) -> AnnotatedObject | None:
        kept = self._require_ledger(found.plane).keep(
            found, overwrite=self.overwrite, current=self._current
        )
        if kept is None:
            self.notice.emit(
                "Every pixel here belongs to another object. Switch on painting "
                "over other objects to take them."
            )
        return kept

    def _finish(self) -> None:
        draft = self._current
        if draft is not None and not draft.kept:
            try:
                self._keep(draft)
            except NapariSam2Error as error:
                self._on_failed(error)
                return
        self._set_current(None)
        self._forget_hovers()
        self._show(None)
        self._announce()
        self._request_preview()

    def _let_go(self) -> None:
        """Leave the current object for good, keeping it if it is a draft."""
        self._finish()
        self._preview_off()

    def _preview_off(self) -> None:
        self._forget_hovers()
        self._show(None)

    def _undo(self) -> None:
        if self._ledger is not None:
            self._after_step(self._ledger.undo(), back=True)

    def _redo(self) -> None:
        if self._ledger is not None:
            self._after_step(self._ledger.redo(), back=False)

    def _after_step(self, edit: Edit | None, *, back: bool) -> None:
        if edit is None:
            return
        # Other people's edits say nothing of the current object.
        if edit.label is not None or not edit.changes:
            self._set_current(edit.before if back else edit.after)
        self._forget_hovers()
        self._show(self._draft_preview())
        self._announce()
        self._request_preview()

    def _set_current(self, current: AnnotatedObject | None) -> None:
        if current is not self._current:
            self._current = current
            self.current_changed.emit(current)

    def _require_ledger(self, plane: Plane) -> Ledger:
        if self._ledger is None:
            self.set_labels(self._make_labels(plane))
        assert self._ledger is not None
        return self._ledger

    def _ledger_of(self, store: LabelStore) -> Ledger:
        ledger = self._ledgers.get(store)
        if ledger is None:
            ledger = self._ledgers[store] = Ledger(store)
            # Looking through gigabytes for the largest id takes a while.
            self._inference.run(store.max_id, ledger.note_largest)
        store.edited.connect(self._on_edited)
        return ledger

    def _on_edited(self, changes: list[PixelChange]) -> None:
        if self._ledger is not None:
            self._ledger.record_edit(changes, self._current)
            self._announce()

    # ------------------------------------------------------------------ signals

    def _announce(self) -> None:
        self.objects_changed.emit()
        self.history_changed.emit(self.can_undo, self.can_redo)

    def _update_enabled(self) -> None:
        self._inference.set_enabled(self._usable)
        if not self._usable:
            self._preview_off()
        self._advance()

    def _update_status(self) -> None:
        status = self._inference.status
        if not self._active:
            status = Status(Phase.OFF, "Off")
        elif self._unavailable is not None:
            status = Status(Phase.UNAVAILABLE, self._unavailable)
        elif (
            status.phase is Phase.READY
            and self._decoding is not None
            and self._inference.decode_seconds > _WORTH_SAYING
        ):
            status = Status(Phase.SEGMENTING, "Segmenting")
        if status != self._status:
            self._status = status
            self.status_changed.emit(status)

    def _on_ready(self) -> None:
        self._advance()
        self._request_preview()

    def _on_model_changed(self, name: str) -> None:
        self._preview_off()
        self.model_changed.emit(name)

    def _on_failed(self, error: Exception) -> None:
        assert isinstance(error, NapariSam2Error)
        self._errors = [*self._errors[-9:], error]
        self.failed.emit(error)


def _sleep_on() -> None:
    """Wake nobody: the script comes for its answers by itself."""
