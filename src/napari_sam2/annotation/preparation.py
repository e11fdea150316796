"""Finding the best engine for a model while nobody waits for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_sam2.annotation.requests import Lane, RequestThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["Preparation"]


class Preparation:
    """Exports a model and measures the engines on it, in a process of its own.

    Done once for each model and machine. Until then the model works on torch; nothing
    that goes wrong here is more than a missed chance.

    Parameters
    ----------
    wake : callable
        See :class:`~napari_sam2.annotation.requests.RequestThread`.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._thread = RequestThread(wake, "napari-sam2-prepare")
        self._asked: set[tuple[ModelSpec, str]] = set()

    def start(
        self, spec: ModelSpec, device: str, done: Callable[[ModelSpec], None]
    ) -> None:
        """Prepare a model unless it is; ``done`` is called if something was found."""
        from napari_sam2.engines.variant import ENGINE_VARIABLE

        if ENGINE_VARIABLE in os.environ or (spec, device) in self._asked:
            return
        self._asked.add((spec, device))

        def work(cancel: CancelToken) -> bool:
            from napari_sam2.engines.chooser import is_prepared
            from napari_sam2.engines.exports import model_arguments, run_aside

            if is_prepared(spec, device):
                return False
            arguments = [*model_arguments(spec), "--device", device]
            run_aside("prepare", *arguments, cancel=cancel)
            return True

        def answer(found: bool) -> None:
            if found:
                done(spec)

        self._thread.submit(Lane.QUEUE, work, answer, lambda _: None)

    def process(self) -> None:
        """Hand out the answers that wait."""
        self._thread.process()

    def close(self) -> None:
        """Stop; returns at once."""
        self._thread.close()
