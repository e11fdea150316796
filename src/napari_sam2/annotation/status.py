"""What the session is doing, in words that are always true."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Phase", "Status"]


class Phase(Enum):
    """What the session is doing."""

    OFF = "off"
    NO_IMAGE = "no image"
    UNAVAILABLE = "unavailable"
    LOADING = "loading"
    DOWNLOADING = "downloading"
    PREPARING = "preparing"
    ENCODING = "encoding"
    SEGMENTING = "segmenting"
    READY = "ready"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """One line for the user.

    Attributes
    ----------
    phase : Phase
        What the session is doing.
    text : str
        The same in words, with device, duration or reason.
    progress : float, optional
        Fraction done, 0 to 1, where it is known.
    cancellable : bool
        Whether ``session.cancel()`` would stop it.
    """

    phase: Phase
    text: str
    progress: float | None = None
    cancellable: bool = False
