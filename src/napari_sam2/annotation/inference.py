"""The computing half of a session: which model, which plane, is it ready?"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.loading import ModelLoader
from napari_sam2.annotation.requests import Lane, RequestThread
from napari_sam2.annotation.status import Phase, Status
from napari_sam2.errors import EngineError, ImageError, NapariSam2Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["Encoded", "Inference"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """A plane that is ready, and the model that it is ready for."""

    plane: Plane
    image: EmbeddedImage
    segmenter: Segmenter
    generation: int


class Inference:
    """Loads the model, encodes the plane in view, decodes prompts; never blocks.

    Everything here is called on, and signals on, the session's own thread. The
    ``generation`` counts up whenever plane or model change, so that an answer
    to an older one can be told.

    Parameters
    ----------
    wake : callable
        See :class:`~napari_sam2.annotation.requests.RequestThread`.
    factory : callable, optional
        ``factory(spec, device)`` makes the segmenter, on the computing thread.
    """

    changed = Signal()
    ready = Signal()
    model_changed = Signal(str)
    failed = Signal(Exception)

    def __init__(
        self,
        wake: Callable[[], None],
        factory: Callable[[ModelSpec, str], Segmenter] | None = None,
    ) -> None:
        self._thread = RequestThread(wake)
        self._aside = RequestThread(wake, "napari-sam2-aside")
        self._loader = ModelLoader(self._thread, wake, factory)
        self._segmenter: Segmenter | None = None
        # With a better engine, for the next image: the one in view stays as it is.
        self._next_segmenter: Segmenter | None = None
        self.plane: Plane | None = None
        self.encoded: Encoded | None = None
        self.generation = 0
        self._enabled = True
        self._encoding = False
        self._progress: float | None = None
        self._problem: Status | None = None
        self._encode_seconds: float | None = None
        self.decode_seconds = 0.0
        self._loader.changed.connect(self.changed)
        self._loader.loading.connect(self._stop_encoding)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.improved.connect(self._on_improved)
        self._loader.failed.connect(self._on_load_failed)
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
    def coming(self) -> bool:
        """Whether the plane will be ready without anybody doing anything."""
        return (
            self.encoded is None
            and self._enabled
            and (self._encoding or self._loader.status is not None)
        )

    @property
    def busy(self) -> bool:
        """Whether any request waits, runs or was not answered."""
        return self._thread.busy or self._loader.busy or self._aside.busy

    @property
    def status(self) -> Status:
        """What is going on."""
        if self._loader.status is not None:
            return self._loader.status
        if self.plane is None:
            return Status(Phase.NO_IMAGE, "Open or select an image to begin")
        if self._problem is not None:
            return self._problem
        if self._encoding and (self._progress is not None or self.plane.lazy):
            return self._encoding_status()
        if self._segmenter is None:
            return Status(Phase.FAILED, "No model is loaded: choose one")
        return Status(Phase.READY, " · ".join(["Ready", *self._facts()]))

    def _encoding_status(self) -> Status:
        assert self.plane is not None
        if self._progress is None:
            text = f"Reading {self.plane.name}"
            return Status(Phase.ENCODING, text, None, cancellable=True)
        text = f"Encoding {self.plane.name}"
        if self._encode_seconds is not None:
            left = self._encode_seconds * (1 - self._progress)
            text += f" · about {max(left, 0.1):.1g} s left"
        return Status(Phase.ENCODING, text, self._progress, cancellable=True)

    def _facts(self) -> list[str]:
        assert self._segmenter is not None
        device = self._segmenter.device
        names = {"cpu": "CPU", "cuda": "GPU", "mps": "Apple GPU"}
        facts = [names.get(device.split(":")[0], device)]
        if self._encode_seconds is not None:
            seconds = self._encode_seconds
            time = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
            facts.append(f"{time} a view")
        return facts

    # ---------------------------------------------------------------- requests

    def process(self) -> None:
        """Hand out the answers that wait."""
        self._thread.process()
        self._loader.process()
        self._aside.process()

    def wait_for_answer(self, timeout: float) -> None:
        """Block until there is something to process, or nothing to wait for."""
        threads = (self._thread, self._loader, self._aside)
        thread = next((one for one in threads if one.busy), self._thread)
        # Several can be at work: look at the others now and then.
        thread.wait_for_answer(min(timeout, 0.1))

    def set_plane(self, plane: Plane | None) -> None:
        """Work on another plane: read and encode it, and stop the last one."""
        self.plane = plane
        self._restart()

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
            self._thread.cancel(Lane.HOVER)
            self._stop_encoding()
        elif self.encoded is None:
            self._restart()
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the download, the export or the encode that runs."""
        if not self._loader.cancel() and self._encoding:
            self._stop_encoding()
            self._problem = Status(
                Phase.STOPPED, "Stopped. Click on the image to encode it"
            )
        self.changed.emit()

    def resume(self) -> None:
        """Try again to encode, after :meth:`cancel` or a failure."""
        if self._problem is not None:
            self._restart()

    def forget_hovers(self) -> None:
        """Drop the hover request that waits."""
        self._thread.cancel(Lane.HOVER)

    def decode(
        self,
        lane: Lane,
        encoded: Encoded,
        prompts: Prompts,
        done: Callable[[Prediction], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Ask for the mask that some prompts give on an encoded plane."""

        def work(_: CancelToken) -> tuple[Prediction, float]:
            start = perf_counter()
            prediction = encoded.segmenter.predict_prompts(encoded.image, prompts)
            if lane is Lane.QUEUE:
                # Cut the mask out here: the session's thread shall only write it.
                prediction.cut()
            return prediction, perf_counter() - start

        def answer(result: tuple[Prediction, float]) -> None:
            self.decode_seconds = result[1]
            done(result[0])

        self._thread.submit(lane, work, answer, lambda error: failed(_typed(error)))

    def look_closer(
        self,
        encoded: Encoded,
        prompts: Prompts,
        prediction: Prediction,
        done: Callable[[Prediction], None],
        failed: Callable[[Exception], None],
    ) -> CancelToken:
        """Ask for a sharper mask of an object; the token takes that back.

        The answer is the same prediction if there is no sharper one.
        """

        def work(token: CancelToken) -> Prediction:
            sharper = encoded.segmenter.look_closer(
                encoded.image, prompts, prediction, cancel=token
            )
            sharper.cut()
            return sharper

        return self._thread.submit(
            Lane.QUEUE, work, done, lambda error: failed(_typed(error))
        )

    def run_aside(
        self, work: Callable[[CancelToken], Any], done: Callable[[Any], None]
    ) -> CancelToken:
        """Run something else on a thread of its own; the token takes that back."""

        def failed(error: Exception) -> None:
            self.failed.emit(_typed(error))

        return self._aside.submit(Lane.QUEUE, work, done, failed)

    def close(self) -> None:
        """Stop everything; returns at once."""
        self._thread.close()
        self._loader.close()
        self._aside.close()
        self.plane = None
        self.encoded = None
        self._segmenter = self._next_segmenter = None

    # ----------------------------------------------------------------- at work

    def _restart(self) -> None:
        self.generation += 1
        self.encoded = None
        self._problem = None
        self._thread.cancel(Lane.HOVER)
        self._stop_encoding()
        if self._next_segmenter is not None:
            self._segmenter, self._next_segmenter = self._next_segmenter, None
            self._encode_seconds = None
        if self.plane is not None and self._segmenter is not None and self._enabled:
            self._encode(self.plane, self._segmenter, self.generation)
        self.changed.emit()

    def _stop_encoding(self) -> None:
        self._thread.cancel(Lane.ENCODE)
        self._encoding = False
        self._progress = None

    def _encode(self, plane: Plane, segmenter: Segmenter, generation: int) -> None:
        self._encoding = True

        def report(fraction: float) -> None:
            self._thread.post(lambda: self._on_progress(generation, fraction))

        def work(token: CancelToken) -> tuple[EmbeddedImage, float]:
            try:
                image = plane.read()
            except NapariSam2Error:
                raise
            except Exception as error:
                raise ImageError(
                    f"“{plane.name}” could not be read ({error}). Check that its "
                    "file is still there, then select it again."
                ) from error
            token.raise_if_cancelled()
            start = perf_counter()
            embedded = segmenter.embed(
                image, limits=plane.limits, cancel=token, progress=report
            )
            return embedded, perf_counter() - start

        def done(result: tuple[EmbeddedImage, float]) -> None:
            if generation != self.generation:
                return
            # Without progress it came out of the cache: no time to learn from.
            if self._progress is not None:
                self._encode_seconds = result[1]
            self.encoded = Encoded(plane, result[0], segmenter, generation)
            self._encoding = False
            self._progress = None
            self.changed.emit()
            self.ready.emit()
            self._loader.look_for_better(self.computes)

        def failed(error: Exception) -> None:
            if generation != self.generation:
                return
            self._encoding = False
            self._progress = None
            self._report(error)

        self._thread.submit(Lane.ENCODE, work, done, failed)

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

    def _on_load_failed(self, error: Exception) -> None:
        self.failed.emit(_typed(error))

    def _on_gave_up(self) -> None:
        # The chooser has to go back to the model that works on.
        self.model_changed.emit(self.model or "")
        if self.encoded is None and not self._encoding:
            self._restart()
        self.changed.emit()

    def _report(self, error: Exception) -> None:
        typed = _typed(error)
        self._problem = Status(Phase.FAILED, str(typed))
        self.failed.emit(typed)
        self.changed.emit()


def _typed(error: Exception) -> NapariSam2Error:
    """Give every failure a type of ours, so that it is shown once, in words."""
    if isinstance(error, NapariSam2Error):
        return error
    typed = EngineError(
        f"The computation failed: {type(error).__name__}: {error}. The session "
        "goes on; choose another model or image if it happens again."
    )
    typed.__cause__ = error
    return typed
