"""Which model computes, with which engine, and how it gets there.

A model is fetched (downloaded, and exported if its engine wants that) while the old one
works on; only loading it takes a turn on the thread that computes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.engine_preparation import EnginePreparation
from napari_sam2.annotation.requests import Lane, RequestThreads
from napari_sam2.annotation.status import Phase, Status
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.engines.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.embeddings import EmbeddingCache
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["ModelLoader"]


@dataclass(frozen=True)
class Setup:
    """A model, and how it is to be computed."""

    spec: ModelSpec
    device: str = "auto"
    engine: str = "auto"


class ModelLoader:
    """Gets a model ready; never blocks, and the one before works until then.

    Everything here is called on, and signals on, the session's own thread.

    Parameters
    ----------
    threads : RequestThreads
        Where the model will compute; it is loaded there, after the clicks that wait.
    wake : callable
        See :class:`~napari_sam2.annotation.requests.RequestThreads`.
    factory : callable, optional
        ``factory(spec, device)`` makes the segmenter, there.
    files : EmbeddingFiles, optional
        What models saw on other days.
    """

    changed = Signal()
    loading = Signal()
    """The thread that computes is about to be needed."""
    loaded = Signal(object)
    """The segmenter to go on with."""
    improved = Signal(object)
    """A segmenter with a better engine, for the next image."""
    failed = Signal(Exception)
    gave_up = Signal()
    """The one before stays."""

    def __init__(
        self,
        threads: RequestThreads,
        wake: Callable[[], None],
        factory: Callable[[ModelSpec, str], Segmenter] | None = None,
        files: EmbeddingFiles | None = None,
    ) -> None:
        self._threads = threads
        self._fetching = RequestThreads(wake, "napari-sam2-fetch")
        self._preparation = EnginePreparation(wake)
        self._factory = factory
        self._files = files
        # One for all models: going back to one is as quick as going back to an image.
        self._cache: EmbeddingCache | None = None
        # What is to compute, and what does meanwhile.
        self._wanted: Setup | None = None
        self._working: Setup | None = None
        self._token = CancelToken()
        self._status: Status | None = None

    # ------------------------------------------------------------------ state

    @property
    def status(self) -> Status | None:
        """What is being done; None while there is nothing to do."""
        return self._status

    @property
    def engine(self) -> str:
        """Name of the engine that is asked for."""
        setup = self._wanted or self._working
        return "auto" if setup is None else setup.engine

    @property
    def busy(self) -> bool:
        """Whether a model is being fetched."""
        return self._fetching.busy

    # ---------------------------------------------------------------- requests

    def set_model(self, model: str | Path | ModelSpec, device: str | None) -> None:
        """Work with another model, once it is here.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        """
        from napari_sam2.models.catalog import get_model

        spec = get_model(model)
        before = self._wanted or self._working or Setup(spec)
        self._want(Setup(spec, device or before.device, before.engine))

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
        if setup is not None:
            self._want(replace(setup, engine=engine))

    def cancel(self) -> bool:
        """Stop fetching; the model before stays. False if nothing was fetched."""
        if self._status is None or not self._status.cancellable:
            return False
        self._fetching.cancel(Lane.ENCODE)
        # It may just have arrived: nobody waits for it any more.
        self._wanted, self._status = self._working, None
        self.gave_up.emit()
        return True

    def look_for_better(self, computes: str) -> None:
        """Find the best engine for the model, now that nobody waits."""
        setup = self._working
        if self._factory is None and setup is not None and setup.engine == "auto":
            self._preparation.start(
                setup.spec, setup.device, lambda: self._improve(setup, computes)
            )

    def process(self) -> None:
        """Hand out the answers that wait."""
        self._fetching.process()
        self._preparation.process()

    def wait_for_answer(self, timeout: float) -> None:
        """Block until there is something to process, or nothing to wait for."""
        self._fetching.wait_for_answer(timeout)

    def close(self) -> None:
        """Stop everything; returns at once."""
        self._fetching.close()
        self._preparation.close()

    # ----------------------------------------------------------------- at work

    def _want(self, setup: Setup) -> None:
        from napari_sam2.models.catalog import is_available

        spec = setup.spec
        same = self._wanted is not None and self._wanted.spec is spec
        downloads = self._status is not None and self._status.phase is Phase.DOWNLOADING
        self._wanted = setup
        if same and downloads:
            # Only the engine is another: it goes on.
            return
        self._fetching.cancel(Lane.ENCODE)
        # Who makes the segmenter need not want the weights on this machine. What
        # cannot be downloaded is loaded, too, which says best why it is missing.
        if self._factory is None and spec.url is not None and not is_available(spec):
            self._download(spec)
        else:
            self._export(setup)
        self.changed.emit()

    def _download(self, spec: ModelSpec) -> None:
        from napari_sam2.models.download import download

        def say(done: int, total: int) -> None:
            megabytes = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
            text = f"Downloading {spec.title} · {megabytes}"
            share = done / total if total else None
            self._status = Status(Phase.DOWNLOADING, text, share, cancellable=True)
            self.changed.emit()

        def wanted() -> bool:
            return self._wanted is not None and self._wanted.spec is spec

        def report(done: int, total: int) -> None:
            self._fetching.post(lambda: say(done, total) if wanted() else None)

        def done(_: object) -> None:
            if self._wanted is not None and wanted():
                self._export(self._wanted)

        def failed(error: Exception) -> None:
            if wanted():
                self._give_up(error)

        say(0, spec.size or 0)
        self._fetching.submit(
            Lane.ENCODE,
            lambda token: download(spec, cancel=token, progress=report),
            done,
            failed,
        )

    def _export(self, setup: Setup) -> None:
        """Export the model if its engine wants that; then load it."""
        from napari_sam2.engines.exports import find_export, make_export

        way = None if setup.engine == "auto" else Variant.parse(setup.engine)
        if (
            self._factory is not None
            or way is None
            or way.exported != "fp32"
            or find_export(setup.spec) is not None
        ):
            self._load(setup)
            return

        def done(_: object) -> None:
            if self._wanted is setup:
                self._load(setup)

        def failed(error: Exception) -> None:
            if self._wanted is setup:
                self._give_up(error)

        text = f"Preparing {setup.spec.title} for {way.title}"
        self._status = Status(Phase.PREPARING, text, None, cancellable=True)
        self._fetching.submit(
            Lane.ENCODE,
            lambda token: make_export(setup.spec, cancel=token),
            done,
            failed,
        )
        self.changed.emit()

    def _load(self, setup: Setup) -> None:
        self._status = Status(Phase.LOADING, f"Loading {setup.spec.title}")
        self._token.cancel()
        self.loading.emit()

        def work(_: CancelToken) -> Segmenter | None:
            # Somebody who flips through the models waits for the last one only.
            return self._make(setup) if self._wanted is setup else None

        def done(segmenter: Segmenter | None) -> None:
            if segmenter is not None and self._wanted is setup:
                self._working, self._status = setup, None
                self.loaded.emit(segmenter)

        def failed(error: Exception) -> None:
            if self._wanted is setup:
                self._give_up(error)

        self._token = self._threads.submit(Lane.QUEUE, work, done, failed)
        self.changed.emit()

    def _make(self, setup: Setup) -> Segmenter:
        if self._factory is not None:
            return self._factory(setup.spec, setup.device)
        from napari_sam2.segmentation.embeddings import EmbeddingCache
        from napari_sam2.segmentation.segmenter import Segmenter

        if self._cache is None:
            self._cache = EmbeddingCache(files=self._files)
        return Segmenter(
            setup.spec, setup.device, compute_with=setup.engine, cache=self._cache
        )

    def _improve(self, setup: Setup, computes: str) -> None:
        """Make the segmenter that the next image is encoded with."""

        def work(_: CancelToken) -> Segmenter | None:
            from napari_sam2.engines.chooser import best_way

            best = best_way(setup.spec, setup.device).title
            if self._working is not setup or best == computes:
                return None
            return self._make(setup)

        def done(segmenter: Segmenter | None) -> None:
            if segmenter is not None and self._working is setup:
                self.improved.emit(segmenter)

        self._threads.submit(Lane.QUEUE, work, done, lambda _: None)

    def _give_up(self, error: Exception) -> None:
        # A device or an engine that failed must not spoil the next model.
        self._wanted, self._status = self._working, None
        self.failed.emit(error)
        self.gave_up.emit()
