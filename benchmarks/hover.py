"""How long the window takes to answer, and how long it stands still.

Everything is measured in the real window, at a canvas of 1000 x 800 pixels, with
an image of 1024 x 1024, from mouse events that enter Qt at the window. Each scene
runs in a process of its own:

plugin
    The tool with the starter model. From the mouse move to the mask being handed
    to the preview, and to the end of the draw event that shows it; the mouse
    rests before each move. Then the same while the mouse keeps moving. Then from
    a click to the label being written.
control
    napari alone: the mouse moves, and its callback asks for a redraw.
peers
    The official predictor on the window's thread, then ``layer.data = mask``.
encode
    While the architecture of SAM 2.1 tiny, with random weights, encodes in the
    plugin and the mouse moves: the longest time without a turn of the event loop.
meanwhile
    The mouse moves over a large image, with the same model: when all is encoded, and
    while the view that the user has just gone to is.
idle
    The same as encode, without the plugin.

Run with ``python -m benchmarks hover``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.scenes import SCENES, WARM_UP, Samples
from benchmarks.timing import Timing


def main() -> None:
    """Play the scenes, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks hover")
    parser.add_argument("--moves", type=int, default=100, help="of the mouse")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--scene", choices=SCENES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.scene is not None:
        samples = SCENES[options.scene](options.moves)
        print(json.dumps(samples))
        return

    results = play(options.moves)
    machine = describe()
    show(results, machine)
    if options.json is not None:
        text = json.dumps({"machine": machine, "seconds": results}, indent=2)
        options.json.write_text(text + "\n")


def play(moves: int) -> dict[str, Samples]:
    """Play every scene on a screen, a virtual one on Linux."""
    from benchmarks.models import prepare_all
    from napari_sam2.demo.screen import virtual_screen

    prepare_all()
    linux = sys.platform.startswith("linux")
    with virtual_screen() if linux else nullcontext():
        return {name: _run(name, moves) for name in SCENES}


def _run(scene: str, moves: int) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "benchmarks.hover", "--scene", scene]
    # No settings of the user's: a fresh napari each time.
    environment = {**os.environ, "NAPARI_CONFIG": ""}
    done = subprocess.run(
        [*command, "--moves", str(moves)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    found: Samples = json.loads(done.stdout.splitlines()[-1])
    repeated = {"handed", "drawn", "kept"}
    return {
        name: values[WARM_UP:] if name in repeated else values
        for name, values in found.items()
    }


ROWS = (
    ("mouse move → mask handed to the preview", "plugin", "handed"),
    ("  peers' way: → mask assigned", "peers", "handed"),
    ("the same with SAM 2.1 tiny", "tiny", "handed"),
    ("  peers' way", "peers_tiny", "handed"),
    ("mouse move → drawn", "plugin", "drawn"),
    ("  with SAM 2.1 tiny", "tiny", "drawn"),
    ("  peers' way", "peers", "drawn"),
    ("  napari alone", "control", "drawn"),
    ("the mouse keeps moving: → mask handed", "plugin", "handed moving"),
    ("  peers' way: → mask assigned", "peers", "handed moving"),
    ("SAM 2.1 tiny, a large image: → mask handed", "meanwhile", "at rest"),
    ("  while the next view is encoded", "meanwhile", "handed"),
    ("click → label written", "plugin", "kept"),
    ("longest block, the mouse keeps moving", "plugin", "longest block moving"),
    ("  peers' way", "peers", "longest block moving"),
    ("  napari alone", "control", "longest block moving"),
    ("longest block, SAM 2.1 tiny encodes", "encode", "longest block"),
    ("  napari alone", "idle", "longest block"),
)


def show(results: dict[str, Samples], machine: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{machine['processor']}, {machine['cores']} cores"
    table = Table("", "median ms", "95 % ms", "n", title=title)
    for text, scene, name in ROWS:
        timing = Timing(tuple(1e3 * value for value in results[scene][name]))
        table.add_row(
            text,
            f"{timing.median:.1f}",
            f"{timing.percentile(95):.1f}" if len(timing.samples) > 1 else "",
            str(len(timing.samples)),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
