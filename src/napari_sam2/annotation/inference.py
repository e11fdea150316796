"""The computing half of a session: which model, plane and view, is it ready?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.decoding import Decoding
from napari_sam2.annotation.encoding import Encoding
from napari_sam2.annotation.failures import typed
from napari_sam2.annotation.loading import ModelLoader
from napari_sam2.annotation.recorder import ComputedWith
from napari_sam2.annotation.requests import Lane, RequestThreads
from napari_sam2.annotation.status import Phase, Status, encoding, ready
from napari_sam2.annotation.view_preparation import Looked, ViewPreparation
from napari_sam2.annotation.wanted import WantedView
from napari_sam2.segmentation.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.annotation.decoding import Encoded
    from napari_sam2.annotation.planes import Plane
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.points import Box
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.segmentation.shown import Shown
    from napari_sam2.segmentation.view import BBox

__all__ = ["Inference"]


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
        self.decoding = Decoding(self._threads)
        self._preparing = ViewPreparation(self._threads, files)
        self._segmenter: Segmenter | None = None
        # With a better engine, for the next image: the one in view stays as it is.
        self._next_segmenter: Segmenter | None = None
        self._wanted = WantedView()
        self._encoding = Encoding(self._threads, files)
        self.generation = 0
        self._enabled = True
        self._problem: Status | None = None
        self._encoding.changed.connect(self.changed)
        self._preparing.changed.connect(self.changed)
        self._preparing.ended.connect(self.notice)
        self._preparing.failed.connect(self._on_failed)
        self._loader.changed.connect(self.changed)
        self._loader.loading.connect(self._encoding.stop)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.improved.connect(self._on_improved)
        self._loader.failed.connect(self._on_failed)
        self._loader.gave_up.connect(self._on_gave_up)

    # ------------------------------------------------------------------ state

    @property
    def plane(self) -> Plane | None:
        """The plane that is worked on."""
        return self._wanted.plane

    @property
    def encoded(self) -> Encoded | None:
        """What answers now: the view that is wanted, or the one before."""
        return self._wanted.encoded

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
            not self._wanted.settled
            and self._enabled
            and (self._encoding.running or self._loader.status is not None)
        )

    def encoded_showing(self, extent: Box) -> Encoded | None:
        """Return what answers for a part of the plane now; None if nothing does.

        A view that is on its way is waited for where the old one shows nothing, or
        next to nothing because the user has zoomed in a long way.
        """
        return self._wanted.answering(extent, coming=self.coming)

    def coming_for(self, extent: Box) -> bool:
        """Whether what is on its way will answer for a part of the plane."""
        return self.coming and self._wanted.shows(extent)

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
        running, progress = self._encoding.running, self._encoding.progress
        telling = running and (progress is not None or self.plane.lazy)
        if telling and self.encoded is None:
            return encoding(self.plane.name, progress, self._encoding.left)
        if self._segmenter is None:
            return Status(Phase.FAILED, "No model is loaded: choose one")
        return ready(
            self._segmenter.device,
            self._encoding.seconds,
            looking=telling,
            preparing=self.preparing,
        )

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
        wanted, old = self._wanted, self.plane
        wanted.plane = plane
        self._preparing.leave(plane)
        wanted.visible = visible
        same = plane is not None and old is not None and plane.place == old.place
        if plane is None or not same or wanted.encoded is None:
            self._restart()
            return
        self._problem = None
        self._choose_view()
        if wanted.settled:
            # Back to how it was shown.
            wanted.pixels = wanted.encoded.image.pixels
            self._encoding.stop()
            self._prepare_neighbours()
        else:
            wanted.pixels = plane.pixels()
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
        wanted = self._wanted
        if visible == wanted.visible:
            return
        wanted.visible = visible
        before = wanted.view
        if wanted.pixels is None or self._segmenter is None or before is None:
            return
        self._choose_view()
        if wanted.view == before:
            return
        if wanted.settled:
            # Back to where it was.
            self._encoding.stop()
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
            self._encoding.stop()
        elif self.encoded is None:
            self._restart()
        elif not self._wanted.settled:
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
        elif self._encoding.running:
            self._encoding.stop()
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
        wanted, segmenter = self._wanted, self._segmenter
        plane, pixels = wanted.plane, wanted.pixels
        if plane is None or pixels is None or segmenter is None:
            return False
        if not self._enabled or self._problem is not None or wanted.view is None:
            return False
        view = wanted.around(extent, segmenter.engine.image_size)
        self._encoding.encode_aside(
            plane, pixels, view, segmenter, self.generation, done, failed
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
        self._wanted.plane = self._wanted.pixels = self._wanted.encoded = None
        self._segmenter = self._next_segmenter = None

    # ----------------------------------------------------------------- at work

    def _restart(self) -> None:
        self.generation += 1
        self._wanted.forget()
        self._problem = None
        self._threads.cancel(Lane.HOVER)
        self._encoding.stop()
        if self._next_segmenter is not None:
            self._segmenter, self._next_segmenter = self._next_segmenter, None
            self._encoding.seconds = None
        if self.plane is not None and self._segmenter is not None and self._enabled:
            # Read anew: its pixels may have changed.
            self._wanted.pixels = self.plane.pixels()
            self._choose_view()
            self._encode_wanted()
        self.changed.emit()

    def _choose_view(self) -> None:
        assert self._segmenter is not None
        self._wanted.choose(self._segmenter.engine.image_size)

    def _encode_wanted(self) -> None:
        wanted, segmenter = self._wanted, self._segmenter
        plane, pixels, view = wanted.plane, wanted.pixels, wanted.view
        if plane is None or pixels is None or segmenter is None or view is None:
            return
        self._encoding.stop()
        self.generation += 1
        generation = self.generation
        self._encoding.start(
            plane,
            pixels,
            view,
            segmenter,
            generation,
            awaited=lambda: generation == self.generation,
            done=self._on_encoded,
            failed=self._report,
        )

    def _on_encoded(self, encoded: Encoded) -> None:
        self._wanted.encoded = encoded
        self.changed.emit()
        self.ready.emit()
        self._prepare_neighbours()
        self._loader.look_for_better(self.computes)

    def _prepare_neighbours(self) -> None:
        """Encode, when nobody asks for anything, what may be looked at next."""
        wanted, segmenter = self._wanted, self._segmenter
        plane, pixels, view = wanted.plane, wanted.pixels, wanted.view
        if plane is None or pixels is None or segmenter is None or view is None:
            return
        self._preparing.rest_on(Looked(plane, pixels, view, wanted.visible, segmenter))

    def _on_loaded(self, segmenter: Segmenter) -> None:
        self._segmenter, self._next_segmenter = segmenter, None
        self._encoding.seconds = None
        self.model_changed.emit(segmenter.model)
        self._restart()

    def _on_improved(self, segmenter: Segmenter) -> None:
        self._next_segmenter = segmenter

    def _on_failed(self, error: Exception) -> None:
        self.failed.emit(typed(error))

    def _on_gave_up(self) -> None:
        # The chooser has to go back to the model that works on.
        self.model_changed.emit(self.model or "")
        if self.encoded is None and not self._encoding.running:
            self._restart()
        elif not self._wanted.settled and not self._encoding.running and self._enabled:
            self._encode_wanted()
        self.changed.emit()

    def _report(self, error: Exception) -> None:
        failure = typed(error)
        self._problem = Status(Phase.FAILED, str(failure))
        self.failed.emit(failure)
        self.changed.emit()
