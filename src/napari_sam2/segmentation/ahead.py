"""Views that are encoded before anybody looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.errors import CacheError

if TYPE_CHECKING:
    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import PlanePixels
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.embeddings import EmbeddingCache
    from napari_sam2.segmentation.view import View

__all__ = ["Ahead"]

# Share of the disk's bound that is filled ahead: the rest is for what is looked at.
_SHARE = 0.95

# Seconds after which somebody who waits for the disk looks whether he is still wanted.
_PATIENCE = 0.1


class Ahead:
    """Encodes views and keeps them on the disk, as many as it may hold.

    What is there already is not encoded again, so what was stopped goes on where it
    was. Not to be used by two threads at a time.

    Parameters
    ----------
    engine : Engine
        What computes.
    files : EmbeddingFiles
        The disk.
    memory : EmbeddingCache, optional
        What need not be encoded, only written.

    Attributes
    ----------
    ready : int
        Views that are there.
    """

    def __init__(
        self,
        engine: Engine,
        files: EmbeddingFiles,
        memory: EmbeddingCache | None = None,
    ) -> None:
        self._engine = engine
        self._files = files
        self._memory = memory
        self.ready = 0

    def prepare(
        self, pixels: PlanePixels, view: View, cancel: CancelToken | None = None
    ) -> bool:
        """Have a view ready for whoever looks at it.

        Parameters
        ----------
        pixels : PlanePixels
            The plane, which is read.
        view : View
            What of it.
        cancel : CancelToken, optional
            Ends it.

        Returns
        -------
        bool
            Whether it was not on the disk before.

        Raises
        ------
        CacheError
            If the disk is full, cannot be written, or holds as many as it may.
        ImageError
            If the image cannot be segmented.
        Cancelled
            If ``cancel`` was raised before the end.
        OutOfMemoryError, EngineError
            If the device fails.
        """
        files, engine = self._files, self._engine
        if files.max_bytes == 0:
            raise CacheError(
                "What the model saw is not kept on the disk: switch that on in "
                "Preferences ▸ SAM 2, or take NAPARI_SAM2_CACHE_GB away."
            )
        key = pixels.key(view, engine)
        if files.has(key, engine):
            self.ready += 1
            return False
        if cancel is not None:
            cancel.raise_if_cancelled()
        embedding = None if self._memory is None else self._memory.get(key)
        if embedding is None:
            embedding = engine.encode(pixels.seen(view), cancel=cancel)
        room = int(files.max_bytes * _SHARE // embedding.nbytes)
        if self.ready >= room:
            # Else it would drive out what was prepared just before.
            gigabytes = files.max_bytes / 1e9
            raise CacheError(
                f"The {gigabytes:g} GB for what the model saw hold {room} views of "
                "this model: no more are prepared. Preferences ▸ SAM 2 gives it more."
            )
        while not files.put(key, engine, embedding):
            if cancel is not None:
                cancel.raise_if_cancelled()
            files.wait_for_room(_PATIENCE)
        while not files.flush(_PATIENCE):
            if cancel is not None:
                cancel.raise_if_cancelled()
        if not files.has(key, engine):
            raise files.problem or CacheError(
                "What this model sees cannot be kept on the disk: choose another one."
            )
        self.ready += 1
        return True
