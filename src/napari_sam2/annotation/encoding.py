"""The view that is on its way from the encoder."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.decoding import Encoded
from napari_sam2.annotation.failures import typed
from napari_sam2.annotation.requests import Lane
from napari_sam2.annotation.view_preparation import embedded

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.requests import RequestThreads
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import EmbeddedImage, PlanePixels
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.segmentation.view import View

__all__ = ["Encoding"]


class Encoding:
    """Encodes one view at a time, tells how far that is, and how long it took.

    Used from, and signals on, the session's own thread.

    Parameters
    ----------
    threads : RequestThreads
        That compute.
    files : EmbeddingFiles, optional
        Where what was encoded is kept for another day.

    Attributes
    ----------
    running : bool
        Whether a view is on its way.
    progress : float or None
        Fraction of it that is done, 0 to 1; None while it is being read, or found in
        the cache.
    seconds : float or None
        That a view took last; None where that is not known.
    """

    changed = Signal()
    """It is further than before."""

    def __init__(
        self, threads: RequestThreads, files: EmbeddingFiles | None = None
    ) -> None:
        self._threads = threads
        self._files = files
        self.running = False
        self.progress: float | None = None
        self.seconds: float | None = None

    @property
    def left(self) -> float | None:
        """Seconds that it will take from now on, where they are known."""
        if self.progress is None or self.seconds is None:
            return None
        return self.seconds * (1 - self.progress)

    def stop(self) -> None:
        """Encode nothing more, and prepare nothing more either."""
        self._threads.cancel(Lane.ENCODE)
        self._threads.cancel(Lane.IDLE)
        self._rest()

    def start(
        self,
        plane: Plane,
        pixels: PlanePixels,
        view: View,
        segmenter: Segmenter,
        generation: int,
        *,
        awaited: Callable[[], bool],
        done: Callable[[Encoded], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Encode a view that is looked at.

        Parameters
        ----------
        plane, pixels, view, segmenter
            Which view, and for which model.
        generation : int
            What it will be the answer to.
        awaited : callable
            Whether it still is; if not, neither of the others is called.
        done, failed : callable
            Called with the view, or with what went wrong.
        """
        self.running = True

        def on_progress(fraction: float) -> None:
            if awaited() and self.running:
                self.progress = fraction
                self.changed.emit()

        def report(fraction: float) -> None:
            self._threads.post(lambda: on_progress(fraction))

        def work(token: CancelToken) -> tuple[Plane, EmbeddedImage, float]:
            start = perf_counter()
            image = embedded(segmenter, plane, pixels, view, token, report)
            if self._files is not None:
                self._files.put(image.key, segmenter.engine, image.embedding)
            return _seen(plane, pixels), image, perf_counter() - start

        def on_done(result: tuple[Plane, EmbeddedImage, float]) -> None:
            if not awaited():
                return
            # Without progress it came out of the cache: no time to learn from.
            if self.progress is not None:
                self.seconds = result[2]
            self._rest()
            done(Encoded(*result[:2], segmenter, generation))

        def on_failed(error: Exception) -> None:
            if awaited():
                self._rest()
                failed(error)

        self._threads.submit(Lane.ENCODE, work, on_done, on_failed)

    def encode_aside(
        self,
        plane: Plane,
        pixels: PlanePixels,
        view: View,
        segmenter: Segmenter,
        generation: int,
        done: Callable[[Encoded], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Encode a view that is not looked at, when it is its turn."""

        def work(token: CancelToken) -> tuple[Plane, EmbeddedImage]:
            image = embedded(segmenter, plane, pixels, view, token)
            return _seen(plane, pixels), image

        def on_done(found: tuple[Plane, EmbeddedImage]) -> None:
            done(Encoded(*found, segmenter, generation))

        self._threads.submit(
            Lane.QUEUE, work, on_done, lambda error: failed(typed(error))
        )

    def _rest(self) -> None:
        self.running = False
        self.progress = None


def _seen(plane: Plane, pixels: PlanePixels) -> Plane:
    """With the contrast in it, not to be found anew by whoever does it again."""
    return replace(plane, seen=pixels.contrast)
