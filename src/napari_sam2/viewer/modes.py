"""How the tool behaves: on or off, and what the user switches while working."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.overlap import OVERWRITE, PROTECT

if TYPE_CHECKING:
    from napari_sam2.annotation.overlap import Overlap
    from napari_sam2.annotation.session import AnnotationSession

__all__ = ["Modes"]


class Modes:
    """The switches of one session; once closed, they stay as they are.

    Parameters
    ----------
    session : AnnotationSession
        That behaves so.
    """

    switched = Signal(bool)
    """The tool was turned on or off; :attr:`changed` follows."""

    changed = Signal()
    """Tool on or off, collect, overlap, sharpen."""

    def __init__(self, session: AnnotationSession) -> None:
        self._session = session
        self._open = True

    @property
    def active(self) -> bool:
        """Whether the tool is on."""
        return self._session.active

    @active.setter
    def active(self, active: bool) -> None:
        if self._open and active != self._session.active:
            self._session.active = active
            self.switched.emit(active)
            self.changed.emit()

    @property
    def collect(self) -> bool:
        """Whether clicks refine one object until it is done."""
        return self._session.collect

    @collect.setter
    def collect(self, collect: bool) -> None:
        if self._open and collect != self._session.collect:
            self._session.collect = collect
            self.changed.emit()

    @property
    def overlap(self) -> Overlap:
        """Which pixels new objects may take."""
        return self._session.overlap

    @overlap.setter
    def overlap(self, overlap: Overlap) -> None:
        if self._open and overlap != self._session.overlap:
            self._session.overlap = overlap
            self.changed.emit()

    @property
    def overwrite(self) -> bool:
        """Whether new objects may take pixels of others."""
        return self._session.overwrite

    @overwrite.setter
    def overwrite(self, overwrite: bool) -> None:
        if overwrite != self._session.overwrite:
            self.overlap = OVERWRITE if overwrite else PROTECT

    @property
    def sharpen(self) -> bool:
        """Whether objects are looked at again after a click."""
        return self._session.sharpen

    @sharpen.setter
    def sharpen(self, sharpen: bool) -> None:
        if self._open and sharpen != self._session.sharpen:
            self._session.sharpen = sharpen
            self.changed.emit()

    def close(self) -> None:
        """Let nothing be switched any longer."""
        self._open = False
