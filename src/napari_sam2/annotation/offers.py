"""Earlier sessions on the image in view, to go on with."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.recovery import recover
from napari_sam2.annotation.sessions import find_sessions
from napari_sam2.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from napari_sam2.annotation.inference import Inference
    from napari_sam2.annotation.ledgers import Ledgers
    from napari_sam2.annotation.origins import ImageOrigin
    from napari_sam2.annotation.planes import Plane

__all__ = ["Offer", "Offers"]

_MOST = 5
"""Sessions on one image that are read through for something to offer."""


@dataclass(frozen=True)
class Offer:
    """A session that can be restored.

    Attributes
    ----------
    path : Path
        Of its journal.
    count : int
        Objects that it has kept.
    unfinished : bool
        Whether a draft was open.
    ended : datetime
        When something was written last, in local time.
    """

    path: Path
    count: int
    unfinished: bool
    ended: datetime

    def text(self, now: datetime | None = None) -> str:
        """Say what there is, in a few words: ``"Yesterday's 12 objects"``."""
        days = ((now or datetime.now()).date() - self.ended.date()).days
        what = f"{self.count} objects"
        if self.count < 2:
            what = "object" if self.count else "unfinished object"
        if days < 7:
            day = {0: "Today", 1: "Yesterday"}.get(days, f"{self.ended:%A}")
            return f"{day}'s {what}"
        return f"The {what} of {self.ended.day} {self.ended:%B %Y}"


class Offers:
    """Looks for earlier sessions whenever another image is looked at.

    There is something to go on with only as long as nothing was done: objects are
    never mixed with those of another day.

    Parameters
    ----------
    inference : Inference
        Beside which journals are read.
    ledgers : Ledgers
        Whether something was done.
    """

    changed = Signal()

    def __init__(self, inference: Inference, ledgers: Ledgers) -> None:
        self._inference = inference
        self._ledgers = ledgers
        self._image: Hashable = None
        self._found: list[Offer] = []

    @property
    def all(self) -> list[Offer]:
        """What can be gone on with now, the latest first."""
        chosen = self._ledgers.chosen
        begun = chosen is not None and (chosen.history.done or chosen.history.undone)
        return [] if begun else list(self._found)

    def look_at(self, plane: Plane | None) -> None:
        """Look for sessions on the image of a plane."""
        image = None if plane is None else plane.image
        if plane is None or image == self._image:
            return
        self._image = image
        self._found = []
        self.changed.emit()
        origin = plane.origin

        def done(found: list[Offer]) -> None:
            if image == self._image:
                self._found = found
                self.changed.emit()

        self._inference.run_aside(lambda _: _offers(origin), done)

    def dismiss(self) -> None:
        """Offer nothing more on this image; the journals stay."""
        self._found = []
        self.changed.emit()


def _offers(origin: ImageOrigin) -> list[Offer]:
    offers = []
    for file in find_sessions(origin)[:_MOST]:
        with suppress(JournalError):
            session = recover(file.path)
            if session.objects or session.draft is not None:
                offers.append(
                    Offer(
                        file.path,
                        len(session.objects),
                        session.draft is not None,
                        session.ended,
                    )
                )
    return offers
