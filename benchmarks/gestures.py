"""How long the window stands still while a monkey plays with it.

The same seed plays with the plugin and, as a control, without it: then what the plugin
would have done to the labels is missing, of course. Run with
``python -m benchmarks gestures [--count 1000] [--seeds 3]``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import nullcontext
from typing import Any

import numpy as np

__all__ = ["measure"]

_ROUND = 50
_TOLD = 15
"""Blocks of which it is said what they come from."""


def measure(count: int, seeds: int) -> dict[str, list[float]]:
    """Let monkeys play, in turns with and without the plugin.

    Returns
    -------
    dict of str to list of float
        ``"with"`` and ``"without"``: how long each block of the event loop beyond 20 ms
        took, in milliseconds, the longest first.
    """
    found: dict[str, list[float]] = {"with": [], "without": []}
    for seed in range(seeds):
        for scene, blocks in found.items():
            command = [sys.executable, "-m", "benchmarks.gestures", "--scene", scene]
            done = subprocess.run(
                [*command, "--count", str(count), "--seed", str(seed)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            blocks += json.loads(done.stdout.splitlines()[-1])
    return {scene: sorted(blocks, reverse=True) for scene, blocks in found.items()}


def _scene(plugin: bool, count: int, seed: int) -> list[float]:
    from qtpy.QtCore import Qt

    from benchmarks.monkey import Monkey
    from benchmarks.stage import Stage, Ticks
    from benchmarks.watchdog import Watchdog
    from napari_sam2.viewer.controller import controller_for

    stage = Stage(plugin=plugin)
    none, control = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
    keys = (
        (Qt.Key.Key_Return, none),
        (Qt.Key.Key_Escape, none),
        (Qt.Key.Key_G, none),
        (Qt.Key.Key_W, none),
        (Qt.Key.Key_Z, control),
        (Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier),
    )
    stage.viewer.add_labels(np.zeros(stage.image.data.shape, dtype=np.uint16))
    session: Any = None
    if plugin:
        session = controller_for(stage.viewer).session
        stage.until(lambda: session.status.phase.name == "READY")
    monkey = Monkey(stage.viewer, seed, keys=keys)
    ticks = Ticks()
    watchdog = Watchdog(ticks, lambda: monkey.done[-1] if monkey.done else "")
    start = time.perf_counter()
    for _ in range(0, count, _ROUND):
        monkey.play(_ROUND)
        stage.rest()
        if session is not None:
            # A tool that is frozen would never be done.
            stage.until(lambda: not session.busy)
    end = time.perf_counter()
    blocks = watchdog.stop()
    ticks.stop()
    gaps = 1e3 * np.diff([start, *ticks.moments, end])
    print(
        f"{'with' if plugin else 'without'} the plugin, seed {seed}:", file=sys.stderr
    )
    for block in blocks[:_TOLD]:
        print(f"  {block}", file=sys.stderr)
    if plugin:
        print("  longest in calls of the plugin:", file=sys.stderr)
        for block in sorted(blocks, key=lambda block: -block.in_plugin)[:_TOLD]:
            print(f"  {block}", file=sys.stderr)
    owners: Counter[str] = Counter()
    for block in blocks:
        owners += block.owners
    told = ", ".join(f"{name} {n}" for name, n in owners.most_common())
    print(f"  all blocks, looks: {told}", file=sys.stderr)
    return [float(gap) for gap in gaps if gap > 20]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gestures")
    parser.add_argument("--count", type=int, default=1000, help="gestures of a seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scene", choices=["with", "without"], help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.scene is not None:
        blocks = _scene(options.scene == "with", options.count, options.seed)
        print(json.dumps(blocks))
        return
    from napari_sam2.demo.screen import virtual_screen

    linux = sys.platform.startswith("linux")
    with virtual_screen() if linux else nullcontext():
        found = measure(options.count, options.seeds)
    print(f"{'block of the event loop, ms':<30} {'plugin':>8} {'alone':>8}")
    for name, place in (("longest", 0), ("10th", 9), ("100th", 99)):
        row = [
            f"{blocks[place]:8.0f}" if len(blocks) > place else f"{'-':>8}"
            for blocks in found.values()
        ]
        print(f"{name:<30} {row[0]} {row[1]}")
    sums = [sum(blocks) / 1e3 for blocks in found.values()]
    print(f"{'all beyond 20 ms, s':<30} {sums[0]:8.1f} {sums[1]:8.1f}")


if __name__ == "__main__":
    main()
