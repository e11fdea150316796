"""From starting napari to the first mask, and the plugin's share of it.

A process of its own opens napari with an image of 1024 x 1024, with or without the
plugin. The mouse rests on a nucleus from the moment at which the window shows.

Run with ``python -m benchmarks start``. What is measured is every start but the
first, in which the model is exported in the background.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import nullcontext

import numpy as np

from benchmarks.timing import Timing

__all__ = ["measure"]

_REPEATS = 5
_LARGE = 80  # pixels


def measure(repeats: int = _REPEATS) -> dict[str, Timing]:
    """Start napari again and again, in turns with and without the plugin.

    Returns
    -------
    dict of str to Timing
        ``"window"`` and ``"window alone"``: from the start of the process until the
        window shows; ``"first mask"``: from there to the mask in the preview layer;
        ``"plugin"``: time that the plugin itself took until the window showed.
    """
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        for scene in ("with", "without"):
            command = [sys.executable, "-m", "benchmarks.start", scene]
            begin = time.time()
            done = subprocess.run(
                [*command, repr(begin)], stdout=subprocess.PIPE, text=True, check=True
            )
            for name, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                found.setdefault(name, []).append(1e3 * seconds)
    return {name: Timing(tuple(values)) for name, values in found.items()}


def on_screen(repeats: int = _REPEATS) -> dict[str, Timing]:
    """Call :func:`measure` on a screen, a virtual one on Linux."""
    from benchmarks.models import prepare_all
    from napari_sam2.demo.screen import virtual_screen

    prepare_all()
    linux = sys.platform.startswith("linux")
    with virtual_screen() if linux else nullcontext():
        return measure(repeats)


def _scene(plugin: bool, begin: float) -> dict[str, float]:
    import napari

    from napari_sam2.synthesis import generate

    scene = generate("nuclei", (1024, 1024), seed=1)
    viewer = napari.Viewer(show=False)
    layer = viewer.add_image(scene.image, name="image")
    own = 0.0
    if plugin:
        start = time.perf_counter()
        viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
        own = time.perf_counter() - start
    viewer.show()
    from qtpy.QtTest import QTest

    # Typed as a method of a class that nobody makes.
    hand: object = QTest
    hand.qWait(1)  # type: ignore[attr-defined]
    shown, shown_at = time.perf_counter(), time.time()
    if not plugin:
        return {"window alone": shown_at - begin}

    from skimage.measure import regionprops

    from napari_sam2.demo.robot import Robot
    from napari_sam2.viewer.controller import controller_for

    # One that is in view, however small the window is.
    middle = np.array(scene.labels.shape) / 2
    nucleus = min(
        (one for one in regionprops(scene.labels) if one.area > _LARGE),
        key=lambda one: float(np.linalg.norm(one.centroid - middle)),
    )
    session = controller_for(viewer).session
    masks: list[float] = []
    session.preview_changed.connect(
        lambda preview: masks.append(time.perf_counter()) if preview else None
    )
    robot = Robot(viewer, layer)
    while not masks and time.perf_counter() - shown < 60:
        # As a hand that does not lie quite still.
        for step in (0.0, 1.0):
            robot.move(nucleus.centroid[0] + step, nucleus.centroid[1])
            hand.qWait(20)  # type: ignore[attr-defined]
    if not masks:
        raise SystemExit("There was no mask within a minute.")
    return {
        "window": shown_at - begin,
        "plugin": own,
        "first mask": masks[0] - shown,
    }


def main() -> None:
    """Measure, and print."""
    if len(sys.argv) > 2 and sys.argv[1] in ("with", "without"):
        print(json.dumps(_scene(sys.argv[1] == "with", float(sys.argv[2]))))
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks start")
    parser.add_argument("--repeats", type=int, default=_REPEATS)
    options = parser.parse_args()
    for name, timing in on_screen(options.repeats).items():
        print(f"{name:<14} {timing}")


if __name__ == "__main__":
    main()
