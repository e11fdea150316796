"""Finding the best engine for a model while nobody waits for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_sam2.annotation.requests import Lane, RequestThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["EnginePreparation"]


class EnginePreparation:
    """Exports a model and measures the engines on it, in a process of its own.

    Done once for each model and machine. Until then the model works on torch; nothing
    that goes wrong here is more than a missed chance.

    Parameters
    ----------
    wake : callable
        See :class:`~napari_sam2.annotation.requests.RequestThreads`.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._thread = RequestThreads(wake, "napari-sam2-prepare")
        self._asked: set[tuple[ModelSpec, str]] = set()

    def start(self, spec: ModelSpec, device: str, done: Callable[[], None]) -> None:
        """Prepare a model; ``done`` is called when the best engine is known."""
        from napari_sam2.engines.variant import ENGINE_VARIABLE

        if ENGINE_VARIABLE in os.environ or (spec, device) in self._asked:
            return
        self._asked.add((spec, device))

        def work(cancel: CancelToken) -> None:
            from napari_sam2.engines.chooser import is_prepared
            from napari_sam2.engines.exports import model_arguments, run_aside

            if not is_prepared(spec, device):
                arguments = [*model_arguments(spec), "--device", device]
                run_aside("prepare", *arguments, cancel=cancel)

        self._thread.submit(Lane.QUEUE, work, lambda _: done(), lambda _: None)

    def process(self) -> None:
        """Hand out the answers that wait."""
        self._thread.process()

    def close(self) -> None:
        """Stop; returns at once."""
        self._thread.close()
