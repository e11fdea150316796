"""The labels that a session has worked on, each with its own objects and history."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.extents import survey
from napari_sam2.annotation.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.clicks import Click
    from napari_sam2.annotation.inference import Inference
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.recorder import Journals
    from napari_sam2.annotation.recovery import RecoveredSession
    from napari_sam2.annotation.sparse import SparseLabels
    from napari_sam2.engines.cancellation import CancelToken

__all__ = ["Ledgers"]


class Ledgers:
    """Finds the ledger that something belongs to, making it if there is none.

    Parameters
    ----------
    inference : Inference
        Beside which large labels are looked through.
    make_labels : callable
        ``make_labels(plane)`` returns the store for the first object of an image.
    choose : callable
        ``choose(store)`` makes new labels the chosen ones.
    show : callable
        ``show(labels, plane)`` returns the store of labels that were found on disk.
    journals : Journals, optional
        That record every history; without them, nothing is recorded.
    """

    edited = Signal(object, list)
    """Somebody has painted on the labels of a ledger, chosen or not."""

    touched = Signal(object)
    """Emits ids of the chosen labels of which something is another; None: of all."""

    def __init__(
        self,
        inference: Inference,
        make_labels: Callable[[Plane], LabelStore],
        choose: Callable[[LabelStore], None],
        show: Callable[[SparseLabels, Plane], LabelStore],
        journals: Journals | None = None,
    ) -> None:
        self._inference = inference
        self._make_labels = make_labels
        self._choose = choose
        self._show = show
        self._journals = journals
        self._ledgers: dict[LabelStore, Ledger] = {}
        self._listeners: dict[LabelStore, Callable[[list[PixelChange]], None]] = {}
        self._surveys: dict[LabelStore, CancelToken] = {}
        # Labels made for images while they are not in view, by Plane.image.
        self._late: dict[Hashable, LabelStore] = {}
        self.chosen: Ledger | None = None

    def __contains__(self, ledger: Ledger) -> bool:
        return ledger in self._ledgers.values()

    @property
    def store(self) -> LabelStore | None:
        """Where objects of the image in view are kept."""
        return None if self.chosen is None else self.chosen.store

    def choose(self, store: LabelStore | None) -> None:
        """Keep objects of the image in view there from now on."""
        self._ignore_chosen()
        known = store in self._ledgers
        self.chosen = None if store is None else self.of(store)
        if store is not None and self.chosen is not None:
            if known:
                # Strokes are told of; what scripts did meanwhile is not.
                self._look_through(self.chosen)
            self.chosen.touched.connect(self._on_touched)
        self.touched.emit(None)

    def forget(self, store: LabelStore) -> None:
        """Let go of labels that are gone, and of the memory that they take."""
        ledger = self._ledgers.pop(store, None)
        self._deafen(store)
        if ledger is not None and self._journals is not None:
            self._journals.detach(ledger.history)
        survey = self._surveys.pop(store, None)
        if survey is not None:
            survey.cancel()
        self._late = {
            image: late for image, late in self._late.items() if late is not store
        }

    def restore(
        self,
        session: RecoveredSession,
        plane: Plane,
        labels: SparseLabels | None = None,
    ) -> None:
        """Take a session over into the chosen labels, and go on with its journal.

        Parameters
        ----------
        session : RecoveredSession
            The session.
        plane : Plane
            The plane that is worked on.
        labels : SparseLabels, optional
            Hold its pixels already: they become the chosen ones.

        Raises
        ------
        LabelsError
            See :meth:`~napari_sam2.annotation.ledger.Ledger.restore`.
        JournalError
            If another window goes on with it already.
        """
        ledger = self.require(plane) if labels is None else self._shown(labels, plane)
        written = labels is not None
        if self._journals is None:
            ledger.restore(session, written=written)
        else:
            with self._journals.going_on(ledger.history, session.path, session.packer):
                ledger.restore(session, written=written)
        self._look_through(ledger)

    def _shown(self, labels: SparseLabels, plane: Plane) -> Ledger:
        store = self._show(labels, plane)
        in_view = self._inference.plane
        if in_view is not None and in_view.image == plane.image:
            self._choose(store)
        return self.of(store)

    def look_at(self, plane: Plane) -> None:
        """Take notice that an image is in view: its labels can be chosen now."""
        self._late.pop(plane.image, None)

    def of(self, store: LabelStore) -> Ledger:
        """Return the ledger of some labels."""
        ledger = self._ledgers.get(store)
        if ledger is None:
            ledger = self._ledgers[store] = Ledger(store)
            self._listeners[store] = partial(self.edited.emit, ledger)
            store.edited.connect(self._listeners[store])
            if self._journals is not None:
                inference = self._inference
                self._journals.attach(
                    ledger.history,
                    store,
                    lambda: inference.plane,
                    lambda: inference.computed_with,
                )
            self._look_through(ledger)
        return ledger

    def _look_through(self, ledger: Ledger) -> None:
        """Find the objects that there are: in gigabytes, that takes a while."""
        store = ledger.store
        before = self._surveys.get(store)
        if before is not None:
            before.cancel()
        ledger.inventory.extents.begin()
        self._surveys[store] = self._inference.run_aside(
            lambda cancel: (survey(store, cancel), store.notes()),
            lambda found: ledger.take_survey(*found),
        )

    def require(self, plane: Plane) -> Ledger:
        """Return the chosen ledger; without one, labels are made for the plane."""
        if self.chosen is None:
            self._choose(self._make_labels(plane))
        assert self.chosen is not None
        return self.chosen

    def for_click(self, click: Click) -> Ledger:
        """Return the ledger that a click is for, wherever the user is by now."""
        image, in_view = click.plane.image, self._inference.plane
        if click.store is not None and click.store in self._ledgers:
            return self._ledgers[click.store]
        if in_view is not None and in_view.image == image:
            return self.require(click.plane)
        # More clicks on that image may be on their way: they share these labels.
        if image not in self._late:
            self._late[image] = self._make_labels(click.plane)
        return self.of(self._late[image])

    def find(
        self, about: AnnotatedObject | None
    ) -> tuple[Ledger, AnnotatedObject] | tuple[None, None]:
        """Find what became of an object, and where, if it is in some labels."""
        if about is not None:
            for ledger in self._ledgers.values():
                for kept in ledger.objects.values():
                    if kept.prompts is about.prompts:
                        return ledger, kept
        return None, None

    def close(self) -> None:
        """Listen to no labels any longer."""
        self._ignore_chosen()
        for store in list(self._listeners):
            self._deafen(store)

    def _ignore_chosen(self) -> None:
        if self.chosen is not None:
            self.chosen.touched.disconnect(self._on_touched, missing_ok=True)

    def _deafen(self, store: LabelStore) -> None:
        listener = self._listeners.pop(store, None)
        if listener is not None:
            store.edited.disconnect(listener)

    def _on_touched(self, labels: set[int] | None) -> None:
        self.touched.emit(labels)
