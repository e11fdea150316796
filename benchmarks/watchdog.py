"""What the main thread is at while the event loop of the window stands still."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from benchmarks.stage import Ticks

__all__ = ["Block", "Watchdog"]

_EVERY = 0.005  # seconds between two looks

# Where time goes that is spent in Python, by what a file of the stack is called; the
# first that is found counts, from the innermost call outwards.
_OWNERS = (
    ("napari_sam2/", "plugin"),
    ("qt_main_window.py:event", "Qt paints"),
    ("_on_draw", "painting"),
    ("napari/_vispy", "napari's painting"),
    ("vispy/", "painting"),
    ("napari/layers", "napari's layers"),
    ("napari/", "napari"),
)


@dataclass
class Block:
    """A time without a turn of the event loop.

    Attributes
    ----------
    milliseconds : float
        How long.
    gesture : str
        What was being done to the window.
    owners : Counter of str
        Whose the innermost call was, how many times it was looked at.
    places, of_plugin : Counter of str
        Which line that was; the innermost line of the plugin, where there was one.
    collecting : float
        Milliseconds in which Python collected garbage.
    """

    milliseconds: float = 0.0
    gesture: str = ""
    owners: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    of_plugin: Counter[str] = field(default_factory=Counter)
    collecting: float = 0.0

    @property
    def in_plugin(self) -> float:
        """Milliseconds in the plugin and in what it called, about."""
        return self.of_plugin.total() / max(self.places.total(), 1) * self.milliseconds

    def __str__(self) -> str:
        looks = max(self.owners.total(), 1)
        shares = [
            f"{owner} {100 * n / looks:.0f} %" for owner, n in self.owners.most_common()
        ]
        if self.collecting >= 1:
            shares.append(f"garbage {self.collecting:.0f} ms")
        places = self.of_plugin or self.places
        shares.append(f"in calls of the plugin {self.in_plugin:.0f} ms")
        what = f"{self.milliseconds:5.0f} ms  {self.gesture:<16}"
        return f"{what} {', '.join(shares)}; {places.most_common(1)[0][0]}"


class Watchdog:
    """Looks at the main thread while the event loop takes no turn.

    Parameters
    ----------
    ticks : Ticks
        Of the event loop.
    gesture : callable
        Says what is being done to the window.
    patience : float
        Seconds after which it is a block.
    """

    def __init__(
        self, ticks: Ticks, gesture: Callable[[], str], patience: float = 0.01
    ) -> None:
        self._ticks, self._gesture, self._patience = ticks, gesture, patience
        self._blocks: dict[int, Block] = {}
        self._collections: list[tuple[float, float]] = []
        self._main = threading.main_thread().ident
        self._over = threading.Event()
        gc.callbacks.append(self._on_garbage)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> list[Block]:
        """Look no longer; return what was seen, the longest block first."""
        self._over.set()
        self._thread.join()
        gc.callbacks.remove(self._on_garbage)
        moments = self._ticks.moments
        for turn, block in self._blocks.items():
            if turn >= len(moments):
                continue
            start, end = moments[turn - 1], moments[turn]
            block.milliseconds = 1e3 * (end - start)
            block.collecting = 1e3 * sum(
                seconds for at, seconds in self._collections if start <= at <= end
            )
        return sorted(self._blocks.values(), key=lambda block: -block.milliseconds)

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            turn = len(self._ticks.moments)
            if (
                not turn
                or time.perf_counter() - self._ticks.moments[-1] < self._patience
            ):
                continue
            block = self._blocks.setdefault(turn, Block(gesture=self._gesture()))
            stack = _stack(sys._current_frames().get(self._main or 0))
            owner, place = _owner_of(stack)
            block.owners[owner] += 1
            block.places[place] += 1
            ours = [line for line in stack if "napari_sam2/" in line]
            if ours:
                block.of_plugin[ours[0]] += 1

    def _on_garbage(self, phase: str, _: dict[str, Any]) -> None:
        if threading.get_ident() != self._main:
            return
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._collections.append((self._began, time.perf_counter() - self._began))


def _stack(frame: FrameType | None) -> list[str]:
    """Say what is being called, from the innermost call outwards."""
    calls = []
    while frame is not None:
        code = frame.f_code
        path = "/".join(code.co_filename.split("/")[-4:])
        if "/demo/" not in path:
            calls.append(f"{path}:{code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return calls


def _owner_of(stack: list[str]) -> tuple[str, str]:
    for call in stack:
        for part, owner in _OWNERS:
            if part in call:
                return owner, call
    return "Qt", "an event of Qt"
