"""Fair comparisons of how long things take."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Timing", "bursts", "measured"]


@dataclass(frozen=True)
class Timing:
    """How long something took, each time, in milliseconds."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median, in milliseconds."""
        return statistics.median(self.samples)

    def percentile(self, percent: float) -> float:
        """Return the nearest-rank percentile, in milliseconds."""
        rank = round(percent / 100 * (len(self.samples) - 1))
        return sorted(self.samples)[rank]

    def __str__(self) -> str:
        return (
            f"median {self.median:.1f} ms, 95th percentile {self.percentile(95):.1f} "
            f"ms, n = {len(self.samples)}"
        )


def measured(action: Callable[[], object]) -> float:
    """Run once and return the wall-clock time, in milliseconds."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def bursts(
    actions: Mapping[str, Callable[[], object]], *, turns: int, counted: int
) -> dict[str, Timing]:
    """Time several runtimes against each other, each for a while before the next.

    The threads of a runtime spin for some time after a call, in which they take the
    cores from the runtime that comes next; nobody mixes runtimes from call to call. So
    in each turn every action runs once for nothing, and then ``counted`` times.
    """
    samples: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(turns):
        for name, action in actions.items():
            action()
            samples[name] += [measured(action) for _ in range(counted)]
    return {name: Timing(tuple(taken)) for name, taken in samples.items()}
