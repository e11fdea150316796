"""The computing half of a session: which model, plane and view, is it ready?"""

from __future__ import annotations

import math
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.decoding import Decoding, Encoded
from napari_sam2.annotation.failures import typed
from napari_sam2.annotation.loading import ModelLoader
from napari_sam2.annotation.recorder import ComputedWith
from napari_sam2.annotation.requests import Lane, RequestThreads
from napari_sam2.annotation.status import Phase, Status, encoding, facts_of
from napari_sam2.annotation.view_preparation import Looked, ViewPreparation, embedded
from napari_sam2.segmentation.shown import shown
from napari_sam2.segmentation.viewport import view_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.embedded import EmbeddedImage, PlanePixels
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.points import Box
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.segmentation.shown import Shown
    from napari_sam2.segmentation.view import BBox, View

__all__ = ["Inference"]

# A view that is this much larger than the one on its way answers no longer.
_COARSEST = 3


class Inference:
    """Loads the model, encodes what is looked at, decodes prompts; never blocks.

    Everything here is called on, and signals on, the session's own thread. The
    ``generation`` counts up whenever plane, model or view change, so that an answer
    to an older one can be told. While a new view of a plane is on its way, the old
    one still answers.

    Parameters
    ----------
    wake : callable
        See :class:`~napari_sam2.annotation.requests.RequestThreads`.
    factory : callable, optional
        ``factory(spec, device)`` makes the segmenter, on the computing thread.
    files : EmbeddingFiles, optional
        Where what was looked at is kept for another day.
    """

    changed = Signal()
    ready = Signal()
    model_changed = Signal(str)
    failed = Signal(Exception)
    notice = Signal(str)

    def __init__(
        self,
        wake: Callable[[], None],
        factory: Callable[[ModelSpec, str], Segmenter] | None = None,
        files: EmbeddingFiles | None = None,
    ) -> None:
        self._threads = RequestThreads(wake)
        self._aside = RequestThreads(wake, "napari-sam2-aside")
        self._loader = ModelLoader(self._threads, wake, factory, files)
        self._files = files
        self.decoding = Decoding(self._threads)
        self._preparing = ViewPreparation(self._threads, files)
        self._segmenter: Segmenter | None = None
        # With a better engine, for the next image: the one in view stays as it is.
        self._next_segmenter: Segmenter | None = None
        self.plane: Plane | None = None
        self._pixels: PlanePixels | None = None
        self._visible: BBox | None = None
        self._wanted: View | None = None
        self.encoded: Encoded | None = None
        self.generation = 0
        self._enabled = True
        self._encoding = False
        self._progress: float | None = None
        self._problem: Status | None = None
        self._encode_seconds: float | None = None
        self._preparing.changed.connect(self.changed)
        self._preparing.ended.connect(self.notice)
        self._preparing.failed.connect(self._on_failed)
        self._loader.changed.connect(self.changed)
        self._loader.loading.connect(self._stop_encoding)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.improved.connect(self._on_improved)
        self._loader.failed.connect(self._on_failed)
        self._loader.gave_up.connect(self._on_gave_up)

    # ------------------------------------------------------------------ state

    @property
    def model(self) -> str | None:
        """Name of the model that computes; None until one is loaded."""
        return None if self._segmenter is None else self._segmenter.model

    @property
    def zoom(self) -> bool:
        """Whether another look at an object pays with the model."""
        return self._segmenter is not None and self._segmenter.zoom

    @property
    def engine(self) -> str:
        """Name of the engine that is asked for."""
        return self._loader.engine

    @property
    def computes(self) -> str:
        """What really computes, in words; empty while there is no model."""
        return "" if self._segmenter is None else self._segmenter.computes

    @property
    def computed_with(self) -> ComputedWith | None:
        """What computes, for those who ask later; None while there is no model."""
        if self._segmenter is None:
            return None
        return ComputedWith(
            self._segmenter.model,
            self._segmenter.engine.model,
            self._segmenter.computes,
            self._segmenter.device,
        )

    @property
    def coming(self) -> bool:
        """Whether what is looked at will be ready without anybody doing anything."""
        return (
            not self._settled
            and self._enabled
            and (self._encoding or self._loader.status is not None)
        )

    @property
    def _settled(self) -> bool:
        """Whether the view that is wanted is there."""
        encoded, plane = self.encoded, self.plane
        return (
            encoded is not None
            and encoded.image.view == self._wanted
            and (plane is None or encoded.plane.key == plane.key)
        )

    def encoded_showing(self, extent: Box) -> Encoded | None:
        """Return what answers for a part of the plane now; None if nothing does.

        A view that is on its way is waited for where the old one shows nothing, or
        next to nothing because the user has zoomed in a long way.
        """
        encoded, wanted = self.encoded, self._wanted
        if encoded is None or not _shows(encoded.image.view, extent):
            return None
        view = encoded.image.view
        if wanted is not None and self.coming:
            longest, enough = (max(one.height, one.width) for one in (view, wanted))
            if longest > _COARSEST * enough:
                return None
        return encoded

    def coming_for(self, extent: Box) -> bool:
        """Whether what is on its way will answer for a part of the plane."""
        # Before there is a model, nobody knows its views.
        wanted = self._wanted
        return self.coming and (wanted is None or _shows(wanted, extent))

    @property
    def busy(self) -> bool:
        """Whether any request waits, runs or was not answered."""
        return self._threads.busy or self._loader.busy or self._aside.busy

    @property
    def status(self) -> Status:
        """What is going on."""
        if self._loader.status is not None:
            return self._loader.status
        if self.plane is None:
            return Status(Phase.NO_IMAGE, "Open or select an image to begin")
        if self._problem is not None:
            return self._problem
        telling = self._progress is not None or self.plane.lazy
        if self._encoding and telling and self.encoded is None:
            left = None
            if self._progress is not None and self._encode_seconds is not None:
                left = self._encode_seconds * (1 - self._progress)
            return encoding(self.plane.name, self._progress, left)
        if self._segmenter is None:
            return Status(Phase.FAILED, "No model is loaded: choose one")
        facts = facts_of(self._segmenter.device, self._encode_seconds)
        if self._encoding and telling:
            facts.append("looking at what is in view")
        elif self.preparing is not None:
            ready, total = self.preparing
            text = f"Ready · preparing {ready} of {total} planes"
            return Status(Phase.READY, text, ready / total, cancellable=True)
        return Status(Phase.READY, " · ".join(["Ready", *facts]))

    # ---------------------------------------------------------------- requests

    def process(self) -> None:
        """Hand out the answers that wait."""
        self._threads.process()
        self._loader.process()
        self._aside.process()

    def wait_for_answer(self, timeout: float) -> None:
        """Block until there is something to process, or nothing to wait for."""
        threads = (self._threads, self._loader, self._aside)
        thread = next((one for one in threads if one.busy), self._threads)
        # Several can be at work: look at the others now and then.
        thread.wait_for_answer(min(timeout, 0.1))

    def set_plane(self, plane: Plane | None, visible: BBox | None = None) -> None:
        """Work on another plane: read and encode it, and stop the last one.

        If it is the same one, shown in another way, the last way answers until then.

        Parameters
        ----------
        plane : Plane, optional
            The plane.
        visible : tuple of int, optional
            What of it is on the canvas, see :meth:`look_at`.
        """
        old, self.plane = self.plane, plane
        self._preparing.leave(plane)
        self._visible = visible
        same = plane is not None and old is not None and plane.place == old.place
        if plane is None or not same or self.encoded is None:
            self._restart()
            return
        self._problem = None
        self._wanted = self._view_for(visible, self._wanted)
        if self._settled:
            # Back to how it was shown.
            self._pixels = self.encoded.image.pixels
            self._stop_encoding()
            self._prepare_neighbours()
            self.changed.emit()
        else:
            self._pixels = plane.pixels()
            if self._enabled:
                self._encode_wanted()
            self.changed.emit()

    def look_at(self, visible: BBox | None) -> None:
        """Say what of the plane is on the canvas; mostly, that changes nothing.

        Parameters
        ----------
        visible : tuple of int, optional
            ``(row_start, col_start, row_stop, col_stop)``, half-open. None: nobody
            knows, then all of it.
        """
        if visible == self._visible:
            return
        self._visible = visible
        if self._pixels is None or self._segmenter is None or self._wanted is None:
            return
        wanted = self._view_for(visible, self._wanted)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if self._settled:
            # Back to where it was.
            self._stop_encoding()
            self._prepare_neighbours()
            self.changed.emit()
        elif self._enabled and self._problem is None:
            self._encode_wanted()
            self.changed.emit()

    def set_model(self, model: str | Path | ModelSpec, device: str | None) -> None:
        """Work with another model, once it is here; until then with the old one.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        """
        self._loader.set_model(model, device)

    def set_engine(self, engine: str) -> None:
        """Compute with another engine; the model is loaded anew.

        Raises
        ------
        EngineError
            If there is no such engine.
        """
        self._loader.set_engine(engine)

    def set_enabled(self, enabled: bool) -> None:
        """Stop computing, or take it up again."""
        if enabled == self._enabled:
            return
        self._enabled = enabled
        if not enabled:
            self._threads.cancel(Lane.HOVER)
            self._stop_encoding()
        elif self.encoded is None:
            self._restart()
        elif not self._settled:
            self._encode_wanted()
        else:
            self._prepare_neighbours()
        self.changed.emit()

    @property
    def preparing(self) -> tuple[int, int] | None:
        """How many planes of the stack are ready, of how many; None: none is asked."""
        return self._preparing.progress

    def prepare_stack(self) -> None:
        """Encode every plane of the image while nobody asks for anything.

        Raises
        ------
        CacheError
            If nothing is kept on the disk.
        """
        if self.plane is not None:
            self._preparing.begin(self.plane)

    def cancel(self) -> None:
        """Stop the download, the export, the encode, or the stack being prepared."""
        if self._loader.cancel():
            pass
        elif self._encoding:
            self._stop_encoding()
            self._problem = Status(
                Phase.STOPPED, "Stopped. Click on the image to encode it"
            )
        else:
            self._preparing.stop()
        self.changed.emit()

    def resume(self) -> None:
        """Try again to encode, after :meth:`cancel` or a failure."""
        if self._problem is not None:
            self._restart()

    def forget_hovers(self) -> None:
        """Drop the hover request that waits."""
        self._threads.cancel(Lane.HOVER)

    def encode_around(
        self,
        extent: Box,
        done: Callable[[Encoded], None],
        failed: Callable[[Exception], None],
    ) -> bool:
        """Encode a view of a part of the plane that the view in use does not show.

        What is looked at stays. Clicks that wait need it after the user has gone on,
        and so do scripts, which look nowhere.

        Returns
        -------
        bool
            Whether it is possible; if not, nothing was asked for.
        """
        plane, pixels, segmenter = self.plane, self._pixels, self._segmenter
        if plane is None or pixels is None or segmenter is None:
            return False
        if not self._enabled or self._problem is not None or self._wanted is None:
            return False
        # About as much as is looked at, and what was drawn in any case.
        height, width = self._wanted.height // 4, self._wanted.width // 4
        around = (
            math.floor(extent.row_min) - height,
            math.floor(extent.col_min) - width,
            math.ceil(extent.row_max) + height + 1,
            math.ceil(extent.col_max) + width + 1,
        )
        view = self._view_for(around, self._wanted)
        generation = self.generation

        def work(token: CancelToken) -> tuple[Plane, EmbeddedImage]:
            image = embedded(segmenter, plane, pixels, view, token)
            return replace(plane, seen=pixels.contrast), image

        def answer(found: tuple[Plane, EmbeddedImage]) -> None:
            done(Encoded(*found, segmenter, generation))

        self._threads.submit(
            Lane.QUEUE, work, answer, lambda error: failed(typed(error))
        )
        return True

    def see(self, done: Callable[[Shown], None]) -> bool:
        """Ask for what the model was shown of the view in use.

        Returns
        -------
        bool
            Whether there is any; if not, nothing was asked for.
        """
        encoded = self.encoded
        if encoded is None:
            return False
        self.run_aside(lambda _: shown(encoded.image), done)
        return True

    def run_aside(
        self,
        work: Callable[[CancelToken], Any],
        done: Callable[[Any], None],
        failed: Callable[[], None] | None = None,
    ) -> CancelToken:
        """Run something else on a thread of its own; the token takes that back."""

        def on_failed(error: Exception) -> None:
            self.failed.emit(typed(error))
            if failed is not None:
                failed()

        return self._aside.submit(Lane.QUEUE, work, done, on_failed)

    def close(self) -> None:
        """Stop everything; returns at once."""
        self._threads.close()
        self._loader.close()
        self._aside.close()
        self.plane = None
        self._pixels = None
        self.encoded = None
        self._segmenter = self._next_segmenter = None

    # ----------------------------------------------------------------- at work

    def _restart(self) -> None:
        self.generation += 1
        self.encoded = None
        self._wanted = None
        self._pixels = None
        self._problem = None
        self._threads.cancel(Lane.HOVER)
        self._stop_encoding()
        if self._next_segmenter is not None:
            self._segmenter, self._next_segmenter = self._next_segmenter, None
            self._encode_seconds = None
        if self.plane is not None and self._segmenter is not None and self._enabled:
            # Read anew: its pixels may have changed.
            self._pixels = self.plane.pixels()
            self._wanted = self._view_for(self._visible, None)
            self._encode_wanted()
        self.changed.emit()

    def _view_for(self, visible: BBox | None, current: View | None) -> View:
        assert self.plane is not None
        assert self._segmenter is not None
        size = self._segmenter.engine.image_size
        return view_for(self.plane.shape, visible, size, current)

    def _stop_encoding(self) -> None:
        self._threads.cancel(Lane.ENCODE)
        self._threads.cancel(Lane.IDLE)
        self._encoding = False
        self._progress = None

    def _encode_wanted(self) -> None:
        plane, pixels, segmenter = self.plane, self._pixels, self._segmenter
        view = self._wanted
        if plane is None or pixels is None or segmenter is None or view is None:
            return
        self._stop_encoding()
        self.generation += 1
        self._encode(plane, pixels, view, segmenter, self.generation)

    def _encode(
        self,
        plane: Plane,
        pixels: PlanePixels,
        view: View,
        segmenter: Segmenter,
        generation: int,
    ) -> None:
        self._encoding = True

        def report(fraction: float) -> None:
            self._threads.post(lambda: self._on_progress(generation, fraction))

        def work(token: CancelToken) -> tuple[Plane, EmbeddedImage, float]:
            start = perf_counter()
            image = embedded(segmenter, plane, pixels, view, token, report)
            if self._files is not None:
                self._files.put(image.key, segmenter.engine, image.embedding)
            # Not to be found anew by whoever does it again.
            seen = replace(plane, seen=pixels.contrast)
            return seen, image, perf_counter() - start

        def done(result: tuple[Plane, EmbeddedImage, float]) -> None:
            if generation != self.generation:
                return
            # Without progress it came out of the cache: no time to learn from.
            if self._progress is not None:
                self._encode_seconds = result[2]
            self.encoded = Encoded(*result[:2], segmenter, generation)
            self._encoding = False
            self._progress = None
            self.changed.emit()
            self.ready.emit()
            self._prepare_neighbours()
            self._loader.look_for_better(self.computes)

        def failed(error: Exception) -> None:
            if generation != self.generation:
                return
            self._encoding = False
            self._progress = None
            self._report(error)

        self._threads.submit(Lane.ENCODE, work, done, failed)

    def _prepare_neighbours(self) -> None:
        """Encode, when nobody asks for anything, what may be looked at next."""
        plane, pixels, segmenter = self.plane, self._pixels, self._segmenter
        if plane is None or pixels is None or segmenter is None:
            return
        if self._wanted is None:
            return
        self._preparing.rest_on(
            Looked(plane, pixels, self._wanted, self._visible, segmenter)
        )

    def _on_progress(self, generation: int, fraction: float) -> None:
        if generation == self.generation and self._encoding:
            self._progress = fraction
            self.changed.emit()

    def _on_loaded(self, segmenter: Segmenter) -> None:
        self._segmenter, self._next_segmenter = segmenter, None
        self._encode_seconds = None
        self.model_changed.emit(segmenter.model)
        self._restart()

    def _on_improved(self, segmenter: Segmenter) -> None:
        self._next_segmenter = segmenter

    def _on_failed(self, error: Exception) -> None:
        self.failed.emit(typed(error))

    def _on_gave_up(self) -> None:
        # The chooser has to go back to the model that works on.
        self.model_changed.emit(self.model or "")
        if self.encoded is None and not self._encoding:
            self._restart()
        elif not self._settled and not self._encoding and self._enabled:
            self._encode_wanted()
        self.changed.emit()

    def _report(self, error: Exception) -> None:
        failure = typed(error)
        self._problem = Status(Phase.FAILED, str(failure))
        self.failed.emit(failure)
        self.changed.emit()


def _shows(view: View, extent: Box) -> bool:
    return view.contains(*extent[:2]) and view.contains(*extent[2:])
