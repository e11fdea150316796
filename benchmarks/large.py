"""First mask and hover on images of any size.

The same nuclei, repeated without end, as a lazy pyramid of 1,000, 10,000 and 100,000
pixels a side: nothing is stored, a pixel is computed when it is read. Each image is
opened in a napari of its own, with a canvas of 1000 x 800 pixels and the tool docked
and ready.

first mask
    From adding the image, the mouse resting in the middle of it, to the mask being
    handed to the preview.
zoomed in
    From the end of a jump to full resolution, one pixel of the image for one of the
    screen, to a mask as sharp as that under the resting mouse.
hover
    From a mouse move, after a rest, to the mask being handed to the preview.
click
    From a click on a nucleus under its mask to the label being written: into
    an array where it fits into one, else into chunks on disk.
peak memory
    Of the process, from its start to the last hover; *with labels*: to the last click.
    Labels of 10,000 pixels a side are an array that napari's brush can paint on.

Run with ``python -m benchmarks large``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.timing import Timing

__all__ = ["SIDES", "Endless", "measure"]

SIDES = (1_000, 10_000, 100_000)
_TILE = 1024
_REPEATS = 5
_MOVES = 40

Figures = dict[str, list[float]]
"""Milliseconds or mebibytes, by what was measured."""


class Endless:
    """A lazy array that repeats a tile, at one level of a pyramid.

    Parameters
    ----------
    tile : ndarray, shape (n, n)
        What is repeated, at this level.
    side : int
        Of the array.
    """

    def __init__(self, tile: np.ndarray[Any, Any], side: int) -> None:
        self._tile = tile
        self.shape = (side, side)
        self.ndim = 2
        self.dtype = tile.dtype
        self.size = side * side

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        index = index if isinstance(index, tuple) else (index,)
        full = [*index, *[slice(None)] * (2 - len(index))]
        rows, cols = (
            np.arange(*part.indices(length)) if isinstance(part, slice) else part
            for part, length in zip(full, self.shape, strict=True)
        )
        period = len(self._tile)
        tile = self._tile.take(np.asarray(rows) % period, axis=0)
        return tile.take(np.asarray(cols) % period, axis=-1)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self[:, :].astype(dtype or self.dtype)


def pyramid(side: int) -> list[Endless]:
    """Return the levels of an image, the full resolution first."""
    from napari_sam2.synthesis import generate

    tile = generate("nuclei", (_TILE, _TILE), seed=1).image
    levels = [Endless(tile, side)]
    while levels[-1].shape[0] > 500:
        half = len(tile) // 2
        if half:
            blocks = tile[: 2 * half, : 2 * half].reshape(half, 2, half, 2)
            tile = blocks.mean((1, 3)).astype(tile.dtype)
        levels.append(Endless(tile, -(-levels[-1].shape[0] // 2)))
    return levels


def measure(repeats: int = _REPEATS) -> dict[int, Figures]:
    """Open each image again and again, in turns, on a screen; virtual on Linux."""
    from napari_sam2.demo.screen import virtual_screen

    found: dict[int, Figures] = {side: {} for side in SIDES}
    linux = sys.platform.startswith("linux")
    with virtual_screen() if linux else nullcontext():
        for turn in range(repeats + 1):
            for side in SIDES:
                command = [sys.executable, "-m", "benchmarks.large", "--side"]
                done = subprocess.run(
                    [*command, str(side)], stdout=subprocess.PIPE, text=True, check=True
                )
                # The first one fills the caches of the disk.
                if turn:
                    figures = json.loads(done.stdout.splitlines()[-1])
                    for name, values in figures.items():
                        found[side].setdefault(name, []).extend(values)
    return found


def _scene(side: int) -> Figures:
    from benchmarks.memory import peak_of_this
    from benchmarks.stage import Stage
    from napari_sam2.demo.robot import Robot
    from napari_sam2.viewer.controller import controller_for

    stage = Stage(plugin=True)
    viewer = stage.viewer
    controller = controller_for(viewer)
    session = controller.session
    stage.until(lambda: session.status.phase.name == "READY")
    handed: list[tuple[float, Any]] = []
    original = controller.preview.display.show

    def show(drawing: Any, image: Any) -> None:
        original(drawing, image)
        handed.append((time.perf_counter(), drawing.preview.prediction.view))

    controller.preview.display.show = show  # type: ignore[method-assign]
    # The tool has worked before: what is measured is a new image, not a new tool.
    stage.robot.move(500, 500)
    stage.until(lambda: handed)
    viewer.layers.clear()
    stage.until(lambda: not session.busy)

    handed.clear()
    start = time.perf_counter()
    layer = viewer.add_image(
        pyramid(side), multiscale=True, contrast_limits=(0, 65535), name="large"
    )
    viewer.reset_view()
    stage.robot = Robot(viewer, layer)
    middle = side // 2
    stage.rest(0.0)
    stage.robot.move(middle, middle)
    stage.until(lambda: handed)
    figures: Figures = {"first mask": [1e3 * (handed[-1][0] - start)]}

    handed.clear()
    start = time.perf_counter()
    viewer.scene.camera.center = (0, middle, middle)
    viewer.scene.camera.zoom = 1
    stage.robot.move(middle + 5, middle + 5)
    stage.until(lambda: handed and handed[-1][1].width <= 2000)
    figures["zoomed in"] = [1e3 * (handed[-1][0] - start)]
    stage.until(lambda: not session.busy)

    hovers: list[float] = []
    for row, col in np.random.default_rng(0).integers(-350, 350, (_MOVES, 2)):
        stage.rest()
        count = len(handed)
        start = time.perf_counter()
        stage.robot.move(middle + row, middle + col)
        stage.until(partial(_longer, handed, count))
        hovers.append(1e3 * (handed[count][0] - start))
    figures["hover"] = hovers[5:]
    figures["peak memory"] = [peak_of_this()]
    figures["click"] = [_click(stage, session, place) for place in _nuclei(middle, 8)]
    figures["with labels"] = [peak_of_this()]
    stage.close()
    return figures


def _nuclei(middle: int, count: int) -> list[tuple[float, float]]:
    """Return where the nuclei nearest to a place are."""
    from skimage.measure import regionprops

    from napari_sam2.synthesis import generate

    labels = generate("nuclei", (_TILE, _TILE), seed=1).labels
    found = [
        (
            row + _TILE * round((middle - row) / _TILE),
            col + _TILE * round((middle - col) / _TILE),
        )
        for row, col in (one.centroid for one in regionprops(labels))
    ]
    return sorted(found, key=lambda at: np.hypot(at[0] - middle, at[1] - middle))[
        :count
    ]


def _click(stage: Any, session: Any, place: tuple[float, float]) -> float:
    stage.robot.move(*place)
    stage.rest(0.3)
    stage.until(lambda: not session.busy)
    told: list[float] = []

    def note(*_: object) -> None:
        told.append(time.perf_counter())

    session.objects_changed.connect(note)
    session.notice.connect(note)
    start = time.perf_counter()
    stage.robot.click(*place)
    stage.until(lambda: told)
    session.objects_changed.disconnect(note)
    session.notice.disconnect(note)
    return 1e3 * (told[0] - start)


def _longer(handed: list[Any], count: int) -> bool:
    return len(handed) > count


def show(found: dict[int, Figures]) -> None:
    """Print a table, the smallest image being the measure of the others."""
    print(f"{'':<14}" + "".join(f"{f'{side:,}²':>18}" for side in SIDES))
    for name in found[SIDES[0]]:
        medians = [statistics.median(found[side][name]) for side in SIDES]
        unit = "MiB" if name in ("peak memory", "with labels") else "ms"
        cells = [
            f"{value:.0f} {unit}" + f" ({value / medians[0]:.2f})" for value in medians
        ]
        print(f"{name:<14}" + "".join(f"{cell:>18}" for cell in cells))
    for side in SIDES:
        print(f"hover, {side:,}²: {Timing(tuple(found[side]['hover']))}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks large")
    parser.add_argument("--repeats", type=int, default=_REPEATS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is not None:
        print(json.dumps(_scene(options.side)))
        return
    machine = describe()
    print(f"{machine['processor']}, {machine['cores']} cores\n")
    found = measure(options.repeats)
    show(found)
    if options.json is not None:
        text = json.dumps({"machine": machine, "figures": found}, indent=2)
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
