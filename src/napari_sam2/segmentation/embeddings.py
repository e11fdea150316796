"""Embeddings that were computed once and may be wanted again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.engines.base import Embedding, Engine
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.view import View

__all__ = ["EmbeddingCache", "embedding_key", "pixels_name"]


class EmbeddingCache:
    """Keeps the embeddings used last, within a bound of memory.

    Several segmenters, and threads, may share one.

    Parameters
    ----------
    max_bytes : int
        What all embeddings together may take. One of SAM 2.1 takes some 20 MB, one
        of the starter model 3 MB. An embedding that is larger than the bound
        is not kept at all.
    files : EmbeddingFiles, optional
        Those on a disk, which outlive the program.
    """

    def __init__(
        self, max_bytes: int = 1 << 29, files: EmbeddingFiles | None = None
    ) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes must not be negative, but is {max_bytes}.")
        self.max_bytes = max_bytes
        self.files = files
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Embedding | None:
        """Return the embedding of that key, and count it as used just now."""
        with self._lock:
            embedding = self._kept.get(key)
            if embedding is not None:
                self._kept.move_to_end(key)
            return embedding

    def find(self, key: str, engine: Engine) -> Embedding | None:
        """Return the embedding of that key, from the disk if it is not in memory.

        Raises
        ------
        OutOfMemoryError, EngineError
            If the device cannot take what was on the disk.
        """
        embedding = self.get(key)
        if embedding is None and self.files is not None:
            embedding = self.files.get(key, engine)
            if embedding is not None:
                self.put(key, embedding)
        return embedding

    def put(self, key: str, embedding: Embedding) -> None:
        """Keep an embedding, and let go of those not used for longest."""
        with self._lock:
            replaced = self._kept.pop(key, None)
            if replaced is not None:
                self._nbytes -= replaced.nbytes
            if embedding.nbytes > self.max_bytes:
                return
            self._kept[key] = embedding
            self._nbytes += embedding.nbytes
            while self._nbytes > self.max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._nbytes -= oldest.nbytes

    def clear(self) -> None:
        """Let go of all embeddings."""
        with self._lock:
            self._kept.clear()
            self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """Memory that the embeddings take, in bytes."""
        return self._nbytes

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        return key in self._kept


def pixels_name(
    image: npt.NDArray[Any],
    limits: tuple[float, float] | None = None,
    gamma: float = 1.0,
) -> str:
    """Name pixels by what they are.

    Equal pixels have equal names, wherever they come from and however they lie
    in memory.

    Parameters
    ----------
    image : ndarray, shape (rows, cols[, channels])
        A plane, or a part of it.
    limits : tuple of float, optional
        The contrast limits that were asked for.
    gamma : float
        And the gamma.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=32)
    # Files of Fiji, mapped into memory, have their bytes the other way round.
    kind = image.dtype.newbyteorder("<")
    settings = (
        image.shape,
        kind.str,
        None if limits is None else tuple(map(float, limits)),
        float(gamma),
    )
    digest.update(repr(settings).encode())
    for rows in _in_pieces(image):
        digest.update(np.ascontiguousarray(rows, kind).data)
    return digest.hexdigest()


def embedding_key(pixels: str, view: View, engine: Engine) -> str:
    """Name what the model sees, and which model sees it.

    Parameters
    ----------
    pixels : str
        Their name, see :func:`pixels_name`.
    view : View
        The part of the plane that is seen.
    engine : Engine
        What computes the embedding.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    settings = (
        pixels,
        view,
        engine.name,
        engine.precision,
        engine.device,
        engine.model,
    )
    return hashlib.blake2b(repr(settings).encode(), digest_size=32).hexdigest()


def _in_pieces(image: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Cut a plane in rows where its bytes must be copied to lie in order."""
    if image.flags.c_contiguous and image.dtype == image.dtype.newbyteorder("<"):
        return [image]
    if image.ndim == 3 and image.strides[2] == 0:
        # Gray that was broadcast: all its channels are the same.
        return [image[..., 0]]
    step = max(1, (1 << 24) // max(1, image[0].nbytes))
    return [image[start : start + step] for start in range(0, len(image), step)]
