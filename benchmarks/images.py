"""Memory while image after image is opened, annotated and closed.

Run with ``python -m benchmarks images [--count 300] [--plot FILE]``.
"""

from __future__ import annotations

import argparse
import gc
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import psutil

__all__ = ["measure"]

_SIDE = 1024
_CLICKS = 2


def measure(count: int) -> list[float]:
    """Open images one after the other in one window, keep two objects of each.

    Returns
    -------
    list of float
        Memory of the process after each image, in mebibytes.
    """
    from qtpy.QtCore import QEvent
    from qtpy.QtWidgets import QApplication

    from benchmarks.stage import Stage
    from napari_sam2.demo.robot import Robot
    from napari_sam2.synthesis import generate
    from napari_sam2.viewer.controller import controller_for

    stage = Stage(plugin=True)
    session = controller_for(stage.viewer).session
    process = psutil.Process()
    found: list[float] = []
    # Not more scenes than needed: they take longer to paint than to segment.
    scenes = [generate("nuclei", (_SIDE, _SIDE), seed=seed) for seed in range(4)]
    for number in range(count):
        stage.viewer.layers.clear()
        scene = scenes[number % len(scenes)]
        # Pixels that were never seen before: nothing may come out of a cache.
        image = scene.image.copy()
        image[0, 0] = number
        layer = stage.viewer.add_image(image, name=f"image {number}")
        robot = Robot(stage.viewer, layer)
        stage.viewer.reset_view()
        stage.until(lambda: _ready(session))
        for label in _in_view(scene.labels)[:_CLICKS]:
            places = np.argwhere(scene.labels == label)
            robot.click(*places[len(places) // 2])
            stage.until(lambda: not session.busy)
        del layer, robot, image
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        found.append(process.memory_info().rss / 2**20)
        if (number + 1) % 25 == 0:
            print(f"{number + 1:>5} images {found[-1]:8.0f} MiB", flush=True)
    stage.close()
    return found


def _ready(session: Any) -> bool:
    return session.status.phase.name == "READY" and session.plane is not None


def _in_view(labels: Any) -> list[int]:
    """Ids of the objects around the middle, which is in view in every window."""
    middle = labels[_SIDE // 3 : -_SIDE // 3, _SIDE // 3 : -_SIDE // 3]
    return [int(label) for label in np.unique(middle) if label]


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks images")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--plot", type=Path, help="draw the curve there")
    options = parser.parse_args()
    from napari_sam2.demo.screen import virtual_screen

    linux = sys.platform.startswith("linux")
    with virtual_screen() if linux else nullcontext():
        found = measure(options.count)
    half = len(found) // 2
    slope = np.polyfit(np.arange(half, len(found)), found[half:], 1)[0]
    print(f"second half: {1e3 * slope:+.0f} KiB an image")
    if options.plot is not None:
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
        axes.plot(np.arange(1, len(found) + 1), found)
        axes.set(xlabel="images opened", ylabel="memory in MiB", ylim=(0, None))
        figure.savefig(options.plot, dpi=120)


if __name__ == "__main__":
    main()
