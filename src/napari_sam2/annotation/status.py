"""What the session is doing, in words that are always true."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Phase", "Status", "encoding", "ready"]

_DEVICES = {"cpu": "CPU", "cuda": "GPU", "mps": "Apple GPU"}


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


def encoding(name: str, progress: float | None, left: float | None = None) -> Status:
    """Say that an image is being encoded.

    Parameters
    ----------
    name : str
        Of the image.
    progress : float, optional
        Fraction done, 0 to 1; None while it is still being read.
    left : float, optional
        Seconds that it will take from now on, where they are known.
    """
    if progress is None:
        return Status(Phase.ENCODING, f"Reading {name}", None, cancellable=True)
    text = f"Encoding {name}"
    if left is not None:
        text += f" · about {max(left, 0.1):.1g} s left"
    return Status(Phase.ENCODING, text, progress, cancellable=True)


def ready(
    device: str,
    seconds: float | None,
    *,
    looking: bool,
    preparing: tuple[int, int] | None,
) -> Status:
    """Say that the tool is ready, and what it does beside that.

    Parameters
    ----------
    device : str
        What computes, as torch calls it.
    seconds : float, optional
        That a view takes it, where that is known.
    looking : bool
        Whether another view is on its way.
    preparing : tuple of int, optional
        How many planes of a stack are prepared, of how many.
    """
    facts = [_DEVICES.get(device.split(":")[0], device)]
    if seconds is not None:
        time = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
        facts.append(f"{time} a view")
    if looking:
        facts.append("looking at what is in view")
    elif preparing is not None:
        done, total = preparing
        text = f"Ready · preparing {done} of {total} planes"
        return Status(Phase.READY, text, done / total, cancellable=True)
    return Status(Phase.READY, " · ".join(["Ready", *facts]))
