"""The computing half of a session: which model, which plane, is it ready?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.annotation.preparation import Preparation
from napari_sam2.annotation.requests import Lane, RequestThread
from napari_sam2.annotation.status import Phase, Status
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.engines.variant import Variant
from napari_sam2.errors import EngineError, ImageError, NapariSam2Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.embeddings import EmbeddingCache
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


@dataclass(frozen=True)
class Setup:
    """A model, and how it is to be computed."""

    spec: ModelSpec
    device: str = "auto"
    engine: str = "auto"


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
        self._downloads = RequestThread(wake, "napari-sam2-download")
        self._preparation = Preparation(wake)
        self._factory = factory
        self._cache: EmbeddingCache | None = None
        self._segmenter: Segmenter | None = None
        # With a better engine, for the next image: the one in view stays as it is.
        self._next_segmenter: Segmenter | None = None
        # What is loaded or being loaded, and what computes meanwhile.
        self._wanted: Setup | None = None
        self._working: Setup | None = None
        self.plane: Plane | None = None
        self.encoded: Encoded | None = None
        self.generation = 0
        self._enabled = True
        self._load_token = CancelToken()
        self._loading: str | None = None
        self._download: tuple[str, int, int] | None = None
        self._encoding = False
        self._progress: float | None = None
        self._problem: Status | None = None
        self._encode_seconds: float | None = None
        self.decode_seconds = 0.0

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
        setup = self._wanted or self._working
        return "auto" if setup is None else setup.engine

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
            and (
                self._encoding
                or self._loading is not None
                or self._download is not None
            )
        )

    @property
    def busy(self) -> bool:
        """Whether any request waits, runs or was not answered."""
        return self._thread.busy or self._downloads.busy

    @property
    def status(self) -> Status:
        """What is going on."""
        if self._download is not None:
            title, done, total = self._download
            share = done / total if total else None
            megabytes = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
            text = f"Downloading {title} · {megabytes}"
            return Status(Phase.DOWNLOADING, text, share, cancellable=True)
        if self._loading is not None:
            return Status(Phase.LOADING, f"Loading {self._loading}")
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
        self._downloads.process()
        self._preparation.process()

    def wait_for_answer(self, timeout: float) -> None:
        """Block until there is something to process, or nothing to wait for."""
        thread = self._thread if self._thread.busy else self._downloads
        # Both threads can be at work: look at the other one now and then.
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
        from napari_sam2.models.catalog import get_model, is_available

        spec = get_model(model)
        before = self._wanted or self._working or Setup(spec)
        setup = Setup(spec, device or before.device, before.engine)
        self._wanted = setup
        self._downloads.cancel(Lane.ENCODE)
        self._download = None
        # Who makes the segmenter need not want the weights on this machine. What
        # cannot be downloaded is loaded, too, which says best why it is missing.
        if self._factory is not None or spec.url is None or is_available(spec):
            self._load(setup)
        else:
            self._fetch(spec)
        self.changed.emit()

    def set_engine(self, engine: str) -> None:
        """Compute with another engine; the model is loaded anew.

        Raises
        ------
        EngineError
            If there is no such engine.
        """
        if engine != "auto":
            Variant.parse(engine)
        setup = self._wanted or self._working
        if setup is None:
            return
        self._wanted = setup = replace(setup, engine=engine)
        if self._download is None:
            self._load(setup)
        self.changed.emit()

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
        """Stop the download or the encode that runs."""
        if self._download is not None:
            self._downloads.cancel(Lane.ENCODE)
            self._download = None
            # It may just have arrived: nobody waits for it any more.
            self._wanted = self._working
            # The chooser has to go back to the model that works on.
            self.model_changed.emit(self.model or "")
        elif self._encoding:
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

    def run(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run something else on the computing thread, after what waits there."""

        def failed(error: Exception) -> None:
            self.failed.emit(_typed(error))

        self._thread.submit(Lane.QUEUE, lambda _: work(), done, failed)

    def close(self) -> None:
        """Stop everything; returns at once."""
        self._thread.close()
        self._downloads.close()
        self._preparation.close()
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
            self._look_for_better()

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

    def _fetch(self, spec: ModelSpec) -> None:
        from napari_sam2.models.download import download

        self._download = (spec.title, 0, spec.size or 0)

        def report(done: int, total: int) -> None:
            def show() -> None:
                if self._download is not None and self._wants(spec):
                    self._download = (spec.title, done, total)
                    self.changed.emit()

            self._downloads.post(show)

        def done(_: object) -> None:
            if self._wanted is not None and self._wants(spec):
                self._download = None
                self._load(self._wanted)
                self.changed.emit()

        def failed(error: Exception) -> None:
            if self._wants(spec):
                self._download = None
                self._give_up_model(error)

        self._downloads.submit(
            Lane.ENCODE,
            lambda token: download(spec, cancel=token, progress=report),
            done,
            failed,
        )

    def _wants(self, spec: ModelSpec) -> bool:
        return self._wanted is not None and self._wanted.spec is spec

    def _load(self, setup: Setup) -> None:
        self._loading = setup.spec.title
        self._stop_encoding()
        self._load_token.cancel()

        def work(token: CancelToken) -> Segmenter | None:
            # Somebody who flips through the models waits for the last one only.
            if self._wanted is not setup:
                return None
            return self._make_segmenter(setup, token)

        def done(segmenter: Segmenter | None) -> None:
            if segmenter is None or self._wanted is not setup:
                return
            self._segmenter, self._next_segmenter = segmenter, None
            self._working = setup
            self._encode_seconds = None
            self._loading = None
            self.model_changed.emit(segmenter.model)
            self._restart()

        def failed(error: Exception) -> None:
            if self._wanted is setup:
                self._loading = None
                self._give_up_model(error)

        self._load_token = self._thread.submit(Lane.QUEUE, work, done, failed)

    def _make_segmenter(self, setup: Setup, cancel: CancelToken) -> Segmenter:
        if self._factory is not None:
            return self._factory(setup.spec, setup.device)
        from napari_sam2.engines.exports import make_export
        from napari_sam2.segmentation.embeddings import EmbeddingCache
        from napari_sam2.segmentation.segmenter import Segmenter

        # One cache for all models: going back to one is as quick as to an image.
        if self._cache is None:
            self._cache = EmbeddingCache()
        if setup.engine != "auto":
            exported = Variant.parse(setup.engine).exported
            if exported == "fp32":
                # Takes half a minute where there is none yet: can be called off.
                make_export(setup.spec, cancel=cancel)
        return Segmenter(
            setup.spec, setup.device, compute_with=setup.engine, cache=self._cache
        )

    def _look_for_better(self) -> None:
        """Find the best engine for the model, now that nobody waits."""
        setup = self._working
        if self._factory is not None or setup is None or setup.engine != "auto":
            return
        self._preparation.start(setup.spec, setup.device, lambda: self._improve(setup))

    def _improve(self, setup: Setup) -> None:
        """Make the segmenter that the next image is encoded with."""

        def work(token: CancelToken) -> Segmenter | None:
            from napari_sam2.engines.chooser import best_way

            best = best_way(setup.spec, setup.device).title
            if self._working is not setup or best == self.computes:
                return None
            return self._make_segmenter(setup, token)

        def done(segmenter: Segmenter | None) -> None:
            if segmenter is not None and self._working is setup:
                self._next_segmenter = segmenter

        self._thread.submit(Lane.QUEUE, work, done, lambda _: None)

    def _give_up_model(self, error: Exception) -> None:
        # A device or an engine that failed must not spoil the next model.
        self._wanted = self._working
        self.failed.emit(_typed(error))
        self.model_changed.emit(self.model or "")
        if self.encoded is None:
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
