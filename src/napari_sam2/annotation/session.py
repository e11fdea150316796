"""The annotation session: what pointing, clicking and undoing mean.

The session has no thread of its own to protect: it is used from one thread, that
of the window or of the script. What takes time goes to
:class:`~napari_sam2.annotation.inference.Inference`; what was kept lies in a
:class:`~napari_sam2.annotation.ledger.Ledger`.
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.clicks import Click, ClickQueue
from napari_sam2.annotation.commands import ObjectCommands
from napari_sam2.annotation.huge import new_store, reopened
from napari_sam2.annotation.inference import Inference
from napari_sam2.annotation.keeper import Keeper
from napari_sam2.annotation.ledgers import Ledgers
from napari_sam2.annotation.marks import Mark
from napari_sam2.annotation.objects import AnnotatedObject, Pointing
from napari_sam2.annotation.offers import Offers
from napari_sam2.annotation.previews import Previews
from napari_sam2.annotation.prompting import PromptCommands
from napari_sam2.annotation.recovery import recover
from napari_sam2.annotation.status import Phase, Status
from napari_sam2.errors import ImageError, LabelsError, NapariSam2Error, PromptError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from dask.array import Array

    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import Preview
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.recorder import Journals
    from napari_sam2.annotation.recovery import RecoveredSession
    from napari_sam2.annotation.sparse import SparseLabels
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.segmentation.shown import Shown
    from napari_sam2.segmentation.view import BBox

__all__ = ["AnnotationSession"]

# A status that comes and goes within a few frames only flickers.
_WORTH_SAYING = 0.2  # seconds


class AnnotationSession(ObjectCommands, PromptCommands):
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
        labels were chosen by then. By default a numpy array, or chunks on disk if
        that were too large.
    show_labels : callable, optional
        ``show_labels(labels, plane)`` returns the store of labels of an earlier
        session that were found on disk. By default these themselves.
    journals : Journals, optional
        That write down what is done, to come back to it after a crash or another
        day. By default nothing is recorded.
    embeddings : EmbeddingFiles, optional
        Where what the model saw is kept on the disk, so that an image that is opened
        again need not be encoded again. By default it is not.
    """

    status_changed = Signal(Status)
    preview_changed = Signal(object)
    current_changed = Signal(object)
    objects_changed = Signal()
    history_changed = Signal(bool, bool)
    model_changed = Signal(str)
    looked = Signal()
    """The model has seen something else: another view, or in another light."""
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
        show_labels: Callable[[SparseLabels, Plane], LabelStore] | None = None,
        journals: Journals | None = None,
        embeddings: EmbeddingFiles | None = None,
    ) -> None:
        self._inference = Inference(wake or _sleep_on, segmenter_factory, embeddings)
        self._previews = Previews(self._inference, self._intent_of, self._on_failed)
        self._ledgers = Ledgers(
            self._inference,
            make_labels or (lambda plane: new_store(plane.array_shape)),
            self.set_labels,
            show_labels or (lambda labels, _: labels),
            journals,
        )
        self._keeper = Keeper(
            self._inference, self._previews, self._ledgers, lambda: self._usable
        )
        self._clicks = ClickQueue(
            self._inference,
            self._previews,
            self._intent_of,
            self._keeper.accept,
            self._on_dropped,
            self._on_failed,
            self._update_status,
        )
        self.offers = Offers(self._inference, self._ledgers)
        self._journals = journals
        if journals is not None:
            journals.failed.connect(self._on_failed)
        self._active = True
        self._unavailable: str | None = None
        self._status = Status(Phase.LOADING, "Starting")
        self._errors: list[NapariSam2Error] = []
        self._previews.changed.connect(self.preview_changed)
        self._keeper.current_changed.connect(self.current_changed)
        self._keeper.changed.connect(self._announce)
        self._keeper.notice.connect(self.notice)
        self._keeper.failed.connect(self._on_failed)
        self._ledgers.edited.connect(self._keeper.record_edit)
        self._ledgers.touched.connect(self.touched)
        self._inference.changed.connect(self._on_changed)
        self._inference.ready.connect(self._on_ready)
        self._inference.model_changed.connect(self._on_model_changed)
        self._inference.failed.connect(self._on_failed)
        self._inference.notice.connect(self.notice)
        self._inference.set_model(model, device)

    # ------------------------------------------------------------------ state

    @property
    def status(self) -> Status:
        """What the session is doing, in words."""
        return self._status

    @property
    def preview(self) -> Preview | None:
        """What is drawn under the mouse."""
        return self._previews.shown

    @property
    def current(self) -> AnnotatedObject | None:
        """The object that additions and removals go to."""
        return self._keeper.current

    @property
    def objects(self) -> dict[int, AnnotatedObject]:
        """Every object that the session has kept in these labels, by id."""
        ledger = self._ledgers.chosen
        return {} if ledger is None else dict(ledger.objects)

    @property
    def store(self) -> LabelStore | None:
        """Where kept objects go."""
        return self._ledgers.store

    @property
    def labels(self) -> np.ndarray[Any, np.dtype[Any]] | Array:
        """The labels, once all that was asked for is done.

        A numpy array; of an image so large that its labels are kept on disk, a dask
        array, of which only what is computed is read.

        Raises
        ------
        LabelsError
            If there is no image to have labels of.
        """
        self.wait()
        if self.store is not None:
            return self.store.array()
        if self.plane is None:
            raise LabelsError("There are no labels yet: choose an image first.")
        return self._ledgers.require(self.plane).store.array()

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
        ledger = self._ledgers.chosen
        return 1 if ledger is None else ledger.inventory.next_label

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        ledger = self._ledgers.chosen
        return ledger is not None and ledger.history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        ledger = self._ledgers.chosen
        return ledger is not None and ledger.history.can_redo

    @property
    def busy(self) -> bool:
        """Whether something that was asked for, a closer look say, is not done yet."""
        return self._clicks.busy or self._inference.busy

    @property
    def active(self) -> bool:
        """Whether the tool is on."""
        return self._active

    @active.setter
    def active(self, active: bool) -> None:
        if active == self._active:
            return
        if not active:
            self._keeper.leave()
        self._active = active
        self._update_enabled()

    @property
    def collect(self) -> bool:
        """Whether clicks refine one object until :meth:`done` keeps it."""
        return self._keeper.collect

    @collect.setter
    def collect(self, collect: bool) -> None:
        if collect != self._keeper.collect:
            self._keeper.leave()
            self._keeper.collect = collect

    @property
    def sharpen(self) -> bool:
        """Whether objects are looked at again after a click.

        Until it is set, that depends on the model: on where it has been shown to pay.
        """
        return self._keeper.sharpen

    @sharpen.setter
    def sharpen(self, sharpen: bool) -> None:
        self._keeper.sharpen = sharpen

    # ------------------------------------------------------------ what to work on

    def set_plane(self, plane: Plane | None, visible: BBox | None = None) -> None:
        """Work on a plane, encoding it in the background; None for nothing.

        Clicks on the last plane that still wait for it to be encoded are
        dropped with a notice; all others are carried out.

        Parameters
        ----------
        plane : Plane, optional
            The plane.
        visible : tuple of int, optional
            What of it is looked at, see :meth:`look_at`.
        """
        old = self.plane
        if plane is old or (plane and old and plane.key == old.key):
            self.look_at(visible)
            return
        if plane and old and plane.place == old.place:
            # Only shown to the model in another way: what is at hand stays.
            self._inference.set_plane(plane, visible)
            return
        self._keeper.leave()
        self._previews.leave(None)
        if plane is not None:
            self._ledgers.look_at(plane)
        if self._journals is not None:
            self.offers.look_at(plane)
        self._inference.set_plane(plane, visible)
        self._clicks.advance()

    def look_at(self, visible: BBox | None) -> None:
        """Say what of the plane is in view: of a large one, only that is encoded.

        Small moves change nothing, and until another view is ready the last one
        answers. Who never says it works on the whole plane.

        Parameters
        ----------
        visible : tuple of int, optional
            ``(row_start, col_start, row_stop, col_stop)`` in pixels of the plane,
            half-open; it may reach beyond the plane. None: all of it.
        """
        self._inference.look_at(visible)

    def set_labels(self, store: LabelStore | None) -> None:
        """Keep objects in another array; each has its own objects and history."""
        if store is self.store:
            return
        self._keeper.leave()
        self._ledgers.choose(store)
        self._announce()

    def restore(self, path: Path) -> None:
        """Take an earlier session over into the chosen labels, in the background.

        Its objects, its unfinished draft and its history come back as they were, and
        it goes on in the same journal. Nothing is computed. Pixels that the session
        has not touched stay as they are.

        Parameters
        ----------
        path : Path
            Of the journal.
        """
        plane = self.plane
        if plane is None:
            raise ImageError("There is no image to restore the session on: open it.")

        def work(_: CancelToken) -> tuple[RecoveredSession, SparseLabels | None]:
            session = recover(path, plane.like)
            # Found out here, since it takes a while, and remembered.
            _change = session.change
            return session, reopened(session)

        def done(found: tuple[RecoveredSession, SparseLabels | None]) -> None:
            session, labels = found
            try:
                self._ledgers.restore(session, plane, labels)
            except NapariSam2Error as error:
                if labels is not None:
                    labels.close()
                self._on_failed(error)
                return
            self._keeper.go_on_with(session.draft)
            self.notice.emit(_restored(session))

        self._inference.run_aside(work, done)

    def forget_labels(self, store: LabelStore) -> None:
        """Forget objects and history of labels that are gone, and their memory."""
        if store is self.store:
            self.set_labels(None)
        self._ledgers.forget(store)

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

    @property
    def engine(self) -> str:
        """Name of the engine that is asked for; ``"auto"`` is the quickest."""
        return self._inference.engine

    @property
    def computes(self) -> str:
        """What really computes, in words; empty while no model is loaded."""
        return self._inference.computes

    def set_engine(self, engine: str) -> None:
        """Compute with another engine; the labels stay as they are.

        Raises
        ------
        EngineError
            If there is no such engine.
        """
        self._inference.set_engine(engine)

    def see(self, done: Callable[[Shown], None]) -> bool:
        """Ask for a picture of what the model sees of the view in use.

        Parameters
        ----------
        done : callable
            ``done(shown)`` is called with it, from :meth:`process`.

        Returns
        -------
        bool
            Whether it has seen anything; if not, nothing was asked for.
        """
        return self._inference.see(done)

    def run_aside(
        self,
        work: Callable[[CancelToken], Any],
        done: Callable[[Any], None],
        failed: Callable[[], None] | None = None,
    ) -> CancelToken:
        """Do something that takes long beside all else; the token takes that back.

        Parameters
        ----------
        work : callable
            ``work(token)``, on another thread.
        done : callable
            ``done(result)`` is called from :meth:`process`.
        failed : callable, optional
            Called from there if it failed, after :attr:`failed` has told why.
        """
        return self._inference.run_aside(work, done, failed)

    def set_unavailable(self, reason: str | None) -> None:
        """Say why the tool cannot work now (3-D display, say); None: it can."""
        if reason == self._unavailable:
            return
        if reason is not None:
            self._keeper.leave()
        self._unavailable = reason
        self._update_enabled()

    # ------------------------------------------------------------------ pointing

    def hover(self, row: float, col: float, pointing: Pointing = Pointing.NEW) -> None:
        """Preview what a click here would do. The latest call wins."""
        if not self._usable or self.plane is None:
            return
        if self.plane.contains(row, col):
            self._previews.point_at(Mark.at(row, col), pointing)
        else:
            self.leave()

    @property
    def preview_coming(self) -> bool:
        """Whether a preview is expected within a few milliseconds."""
        return self._previews.coming

    def leave(self) -> None:
        """Forget the mouse: it has left the image."""
        self._previews.leave(self.current)

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
        self._clicks.append(self._keeper.finish)

    def drop(self) -> None:
        """Forget what is unfinished: waiting clicks, the preview, a draft.

        With nothing unfinished, the current object is let go of. What is kept
        stays: :meth:`undo` takes that back.
        """
        unfinished = self._clicks.busy
        self._clicks.clear()
        self._keeper.drop(unfinished=unfinished)
        self._update_status()

    def undo(self, store: LabelStore | None = None) -> None:
        """Take the last change back, whoever made it.

        Parameters
        ----------
        store : LabelStore, optional
            Labels whose history it is; by default those that were chosen.
        """
        self._clicks.append(partial(self._keeper.undo, store))

    def redo(self, store: LabelStore | None = None) -> None:
        """Make the change again that was taken back last; see :meth:`undo`."""
        self._clicks.append(partial(self._keeper.redo, store))

    @property
    def preparing(self) -> tuple[int, int] | None:
        """How many planes are ready of how many that :meth:`prepare_stack` prepares.

        None if it prepares nothing, or nothing any more.
        """
        return self._inference.preparing

    def prepare_stack(self) -> None:
        """Encode every plane of the image, the nearest first, for this and other days.

        It is done while nobody asks for anything, and goes on until it is done, until
        :meth:`cancel`, or until another image is chosen. What is ready is skipped.

        Raises
        ------
        CacheError
            If the session keeps nothing on the disk.
        """
        self._inference.prepare_stack()

    def cancel(self) -> None:
        """Stop the download, the encode, or the preparation that runs."""
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
        try:
            self._keeper.leave()
        finally:
            self._clicks.clear()
            self._inference.close()
            self._ledgers.close()
            if self._journals is not None:
                self._journals.close()

    # ------------------------------------------------------------------- clicks

    @property
    def _usable(self) -> bool:
        return self._active and self._unavailable is None

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
        self._commit(Mark.at(row, col), plane, pointing)

    # ------------------------------------------------------------------ signals

    def _announce(self) -> None:
        self.objects_changed.emit()
        self.history_changed.emit(self.can_undo, self.can_redo)

    def _update_enabled(self) -> None:
        self._inference.set_enabled(self._usable)
        if not self._usable:
            self._previews.rest(None)
        self._on_changed()

    def _update_status(self) -> None:
        status = self._inference.status
        if not self._active:
            status = Status(Phase.OFF, "Off")
        elif self._unavailable is not None:
            status = Status(Phase.UNAVAILABLE, self._unavailable)
        elif (
            status.phase is Phase.READY
            and self._clicks.busy
            and self._inference.decoding.seconds > _WORTH_SAYING
        ):
            status = Status(Phase.SEGMENTING, "Segmenting")
        if status != self._status:
            self._status = status
            self.status_changed.emit(status)

    def _on_changed(self) -> None:
        self._clicks.advance()
        self._update_status()

    def _on_ready(self) -> None:
        self._on_changed()
        self._previews.refresh(self.current)
        self.looked.emit()

    def _on_model_changed(self, name: str) -> None:
        self._previews.rest(None)
        self.model_changed.emit(name)

    def _on_dropped(self, click: Click) -> None:
        plane, status = self.plane, self._inference.status
        if plane is None or plane.place != click.plane.place:
            why = "was left before it was encoded"
        elif status.phase is Phase.FAILED and self.model is not None:
            return  # it has been said why
        else:
            why = "is not encoded"
        self.notice.emit(f"“{click.plane.name}” {why}: the click there was dropped.")

    def _on_failed(self, error: Exception) -> None:
        assert isinstance(error, NapariSam2Error)
        self._errors = [*self._errors[-9:], error]
        self.failed.emit(error)


def _sleep_on() -> None:
    """Wake nobody: the script comes for its answers by itself."""


def _restored(session: RecoveredSession) -> str:
    count = len(session.objects)
    told = f"{count} object{'s' if count != 1 else ''} restored"
    if session.draft is not None:
        told += ", and the unfinished one"
    if session.damaged:
        lines = ", ".join(map(str, session.damaged))
        told += f". The journal is damaged in line {lines}: what that said is lost"
    return told + "."
