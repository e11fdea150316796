"""How soon the inference thread is free when an encode is cancelled.

Run with ``python -m benchmarks cancel``.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.models import spec_of
from benchmarks.timing import Timing
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.engines.chooser import make_engine
from napari_sam2.engines.variant import variants_here
from napari_sam2.errors import Cancelled, NapariSam2Error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sam2.engines.base import Engine

__all__ = ["measure"]

_MOMENTS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8)  # shares of the encode


def measure(device: str = "cpu") -> Iterator[tuple[str, Timing, float]]:
    """Cancel encodes of SAM 2.1 tiny at several moments.

    Yields
    ------
    str, Timing, float
        Engine; milliseconds from cancelling to the end of the call; and how long an
        encode takes that nobody cancels.
    """
    spec = spec_of("sam2.1-tiny")
    image = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), np.uint8)
    for way in variants_here(device):
        try:
            engine = make_engine(spec, way, device)
        except NapariSam2Error as error:
            print(f"{way.name} is left out: {error}")
            continue
        engine.encode(image)
        start = time.perf_counter()
        engine.encode(image)
        whole = time.perf_counter() - start
        freed = [_freed(engine, image, share * whole) for share in _MOMENTS]
        yield way.title, Timing(tuple(freed)), 1e3 * whole


def _freed(engine: Engine, image: np.ndarray, after: float) -> float:
    token = CancelToken()
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.perf_counter())
        token.cancel()

    timer = threading.Timer(after, cancel)
    timer.start()
    try:
        engine.encode(image, cancel=token)
    except Cancelled:
        return 1e3 * (time.perf_counter() - asked[0])
    timer.cancel()
    return 0.0


def main() -> None:
    """Measure, and print."""
    print("milliseconds from cancelling an encode of SAM 2.1 tiny to its end")
    for engine, timing, whole in measure():
        print(
            f"{engine:<16} median {timing.median:6.1f}  longest "
            f"{max(timing.samples):6.1f}  (not cancelled: {whole:.0f})"
        )


if __name__ == "__main__":
    main()
