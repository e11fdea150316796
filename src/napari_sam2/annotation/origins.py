"""Which image a session is about, so that it can be found again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - read back by the annotation
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ImageOrigin", "LabelsOrigin", "sample_of"]

_SAMPLES = 4096


@dataclass(frozen=True)
class ImageOrigin:
    """What is known of an image, without reading it.

    Attributes
    ----------
    name : str
        Of the layer; users change it.
    shape : tuple of int
        Of the whole image, without its channels.
    dtype : str
        Of its pixels, as numpy names it; empty if nobody has asked.
    path : Path, optional
        File or folder that it was read from.
    sample : str
        Digest of some of its pixels, if it is in memory; empty else.
    scale : tuple of float
        Of the layer's axes.
    limits : tuple of float, optional
        Intensities that the layer shows as black and white.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = ""
    path: Path | None = None
    sample: str = ""
    scale: tuple[float, ...] = ()
    limits: tuple[float, float] | None = None

    @property
    def key(self) -> str:
        """Sixteen letters, the same for all images that could be this one."""
        text = f"{self.shape} {self.dtype}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def is_same(self, other: ImageOrigin) -> bool:
        """Whether another image is most probably this one.

        A file that was moved keeps its name; pixels in memory keep their values.
        """
        if (self.shape, self.dtype) != (other.shape, other.dtype):
            return False
        if self.sample and other.sample:
            return self.sample == other.sample
        if self.path is not None and other.path is not None:
            if self.path == other.path:
                return True
            moved = not (self.path.exists() and other.path.exists())
            return self.path.name == other.path.name and moved
        return self.name == other.name


@dataclass(frozen=True)
class LabelsOrigin:
    """What is known of the labels that objects were kept in.

    Attributes
    ----------
    name : str
        Of the layer.
    shape : tuple of int
        Of the array.
    dtype : str
        Of the ids.
    path : Path, optional
        File that they were read from.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: Path | None = None


def sample_of(array: npt.NDArray[Any]) -> str:
    """Name an array in memory by some of its pixels, in a fraction of a millisecond."""
    steps = [1] * array.ndim
    counts = list(array.shape)
    while np.prod(counts, dtype=float) > _SAMPLES:
        longest = int(np.argmax(counts))
        steps[longest] *= 2
        counts[longest] = -(-array.shape[longest] // steps[longest])
    some = array[tuple(slice(None, None, one) for one in steps)]
    # A file may be read with its bytes the other way round.
    some = np.ascontiguousarray(some, array.dtype.newbyteorder("<"))
    return hashlib.blake2b(some.tobytes(), digest_size=8).hexdigest()
