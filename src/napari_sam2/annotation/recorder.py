"""Writes a session down: every step of the history of every labels array."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2 import __version__
from napari_sam2.annotation.journal import FORMAT, JournalWriter
from napari_sam2.annotation.plain import pack_plain
from napari_sam2.annotation.serialization import Packer
from napari_sam2.annotation.sessions import JournalPlace, new_path
from napari_sam2.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_sam2.annotation.changes import PixelChange
    from napari_sam2.annotation.history import Edit, History
    from napari_sam2.annotation.labels import LabelStore
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.planes import Plane

__all__ = ["ComputedWith", "Journals", "Recorder"]


@dataclass(frozen=True)
class ComputedWith:
    """What computes while something is recorded.

    Attributes
    ----------
    model : str
        Its name.
    weights : str
        Identifies them.
    engine, device : str
        What really computes, and where.
    """

    model: str
    weights: str
    engine: str
    device: str


class Journals:
    """Opens a journal for each labels array, when something happens to it first.

    Parameters
    ----------
    place : callable, optional
        Returns where new journals go; by default to the user's folder.
    """

    failed = Signal(Exception)

    def __init__(self, place: Callable[[], JournalPlace] | None = None) -> None:
        self._place = place or (lambda: JournalPlace.USER)
        self._recorders: dict[History, Recorder] = {}

    def attach(
        self,
        history: History,
        store: LabelStore,
        plane: Callable[[], Plane | None],
        computed_with: Callable[[], ComputedWith | None],
    ) -> None:
        """Record a history from now on.

        Parameters
        ----------
        history : History
            Of some labels.
        store : LabelStore
            Their pixels.
        plane : callable
            Returns the plane in view.
        computed_with : callable
            Returns what computes; None while there is no model.
        """

        def open_new() -> JournalWriter | None:
            seen = plane()
            if seen is None:
                return None
            image = seen.origin
            writer = JournalWriter(new_path(image, self._place()))
            header = {
                "do": "open",
                "format": FORMAT,
                "package": __version__,
                "started": _now(),
                "image": pack_plain(image),
                "labels": pack_plain(store.origin),
            }
            writer.append(header)
            return writer

        recorder = Recorder(history, open_new, computed_with)
        recorder.failed.connect(self.failed)
        self._recorders[history] = history.recorder = recorder

    def path_of(self, history: History) -> Path | None:
        """Return the journal of a history, if it has been written to."""
        recorder = self._recorders.get(history)
        return None if recorder is None else recorder.path

    @contextmanager
    def going_on(self, history: History, path: Path, packer: Packer) -> Iterator[None]:
        """Record a history, once it was restored, at the end of its own journal.

        Raises
        ------
        JournalError
            If somebody else is writing to it; then nothing is restored.
        """
        writer = JournalWriter(path, mine=False)
        try:
            yield
        except BaseException:
            writer.close()
            raise
        self._recorders[history].go_on(writer, packer)

    def detach(self, history: History) -> None:
        """Record a history no longer."""
        recorder = self._recorders.pop(history, None)
        if recorder is not None:
            history.recorder = None
            recorder.close()

    def close(self) -> None:
        """Record nothing any longer."""
        for history in list(self._recorders):
            self.detach(history)


class Recorder:
    """Writes one history into one journal.

    If the disk is full, work goes on, and everything is written again from the
    beginning into another journal as soon as that can be done.

    Parameters
    ----------
    history : History
        That is recorded.
    open_new : callable
        Returns a new journal with its header; None if it is too early for that.
    computed_with : callable
        Returns what computes.
    """

    failed = Signal(Exception)

    def __init__(
        self,
        history: History,
        open_new: Callable[[], JournalWriter | None],
        computed_with: Callable[[], ComputedWith | None],
    ) -> None:
        self._history = history
        self._open_new = open_new
        self._computed_with = computed_with
        self._known: ComputedWith | None = None
        self._packer = Packer()
        self._writer: JournalWriter | None = None
        self._failing = False

    @property
    def path(self) -> Path | None:
        """Of the journal; None as long as there is none."""
        return None if self._writer is None else self._writer.path

    def added(self, edit: Edit) -> None:
        """An edit was made."""
        self._write("edit", edit=edit)

    def undone(self, edit: Edit) -> None:
        """The last edit was taken back."""
        self._write("undo", number=edit.number)

    def redone(self, edit: Edit) -> None:
        """The edit undone last was made again."""
        self._write("redo", number=edit.number)

    def amended(
        self,
        edit: Edit,
        old: AnnotatedObject,
        new: AnnotatedObject,
        changes: tuple[PixelChange, ...],
    ) -> None:
        """An edit has made something better than it did."""
        self._write("amend", number=edit.number, old=old, new=new, changes=changes)

    def forgot_drafts(self) -> None:
        """The steps of drafts were taken out."""
        self._write("forget drafts")

    def go_on(self, writer: JournalWriter, packer: Packer) -> None:
        """Go on at the end of a journal that all of the history was read from."""
        self.close()
        self._writer, self._packer = writer, packer
        self._try(
            lambda: self._append(
                {"do": "resume", "package": __version__, "started": _now()}
            )
        )

    def close(self) -> None:
        """Write no longer."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # ------------------------------------------------------------------ writing

    def _write(self, what: str, **content: Any) -> None:
        if self._writer is None:
            # Everything until now, this included.
            if self._history.done or self._history.undone:
                self._try(self._write_all)
        else:
            self._try(lambda: self._append({"do": what, **content}))

    def _write_all(self) -> None:
        """Write the whole history, as it is now, into a new journal."""
        writer = self._open_new()
        if writer is None:
            return
        self._writer, self._packer, self._known = writer, Packer(), None
        done, undone = self._history.done, self._history.undone
        for edit in (*done, *reversed(undone)):
            self._append({"do": "edit", "edit": edit})
        for edit in undone:
            self._append({"do": "undo", "number": edit.number})

    def _append(self, record: dict[str, Any]) -> None:
        assert self._writer is not None
        packed = {key: self._packer.pack(value) for key, value in record.items()}
        known = self._computed_with()
        if known is not None and known != self._known:
            self._known = known
            packed["with"] = asdict(known)
        defined = self._packer.take_defined()
        if defined:
            packed["defines"] = defined
        self._writer.append(packed)

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (JournalError, TypeError, ValueError) as error:
            # Nothing can be added to a journal that has a gap.
            with suppress(OSError):
                self.close()
            if not self._failing:
                self._failing = True
                self.failed.emit(_in_words(error))
        else:
            self._failing = False


def _in_words(error: Exception) -> JournalError:
    if isinstance(error, JournalError):
        return error
    told = JournalError(
        f"The session is not being recorded ({error}). Your labels are as they should "
        "be; save them, and report this."
    )
    told.__cause__ = error
    return told


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
