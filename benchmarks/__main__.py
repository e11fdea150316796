"""``python -m benchmarks``: measure everything, or only what is named."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import engines
from benchmarks.machine import describe
from benchmarks.models import MODELS

PARTS = {
    "engines": "encode and decode, each engine on each model",
    "hover": "how long the window takes to answer, and stands still",
    "start": "from starting napari to the first mask",
    "reopen": "how soon an image answers that was looked at before",
    "cancel": "how soon a cancelled encode ends",
    "memory": "peak memory of each engine",
    "large": "first mask, hover and memory on images of any size",
    "images": "memory over many images",
    "gestures": "how long the window stands still while a monkey plays with it",
    "annotate": "ten real images of a folder, annotated by a hand that knows the truth",
    "crash": "what is left of a session that is killed at random instants",
    "agreement": "how alike the masks of the engines are, on a folder of images",
}


def main() -> None:
    """Measure, print a table, and write what was asked for."""
    if len(sys.argv) > 1 and sys.argv[1] in PARTS and sys.argv[1] != "engines":
        # One part alone has options of its own.
        name = sys.argv.pop(1)
        import_module(f"benchmarks.{name}").main()
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure everything, against the official predictor.",
        epilog="One part alone: "
        + "; ".join(
            f"`python -m benchmarks {name}`: {text}" for name, text in PARTS.items()
        ),
    )
    parser.add_argument("part", nargs="?", choices=["engines"], help="engines only")
    parser.add_argument("--quick", action="store_true", help="engines, in few turns")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--models", nargs="+", default=list(MODELS), metavar="MODEL")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--plot", type=Path, help="draw the ratios there")
    options = parser.parse_args()

    machine = describe()
    gpu = machine["gpu"] or "no GPU"
    print(f"{machine['processor']}, {machine['cores']} cores, {gpu}\n")
    print(f"{'':<40} {'ms':>8} {'official':>9} {'ratio':>6}")
    rows = []
    for row in engines.measure(
        tuple(options.models), options.device, quick=options.quick
    ):
        print(
            f"{row.name:<40} {row.ms:8.1f} {row.baseline_ms:9.1f} {row.ratio:6.3f}  "
            f"{row.engine}",
            flush=True,
        )
        rows.append(row)
    results: list[dict[str, Any]] = engines.as_json(rows)
    if not options.quick and options.part is None:
        results += _others(options.device)
    if options.json is not None:
        text = json.dumps({"machine": machine, "results": results}, indent=2)
        options.json.write_text(text + "\n")
    if options.plot is not None:
        from benchmarks.plot import draw

        draw(rows, machine, options.plot)


def _others(device: str) -> list[dict[str, Any]]:
    """Measure what needs a window, or processes of its own."""
    from benchmarks import cancel, hover, memory, start
    from benchmarks.timing import Timing

    found: list[dict[str, Any]] = []

    def note(name: str, ms: float, baseline: float | None = None) -> None:
        row: dict[str, Any] = {"name": name, "ms": ms}
        if baseline is not None:
            row |= {"baseline_ms": baseline, "ratio": ms / baseline}
        found.append(row)

    print()
    for engine, timing, whole in cancel.measure(device):
        print(f"cancel an encode of SAM 2.1 tiny, {engine:<14} {timing}")
        note(f"cancel/sam2.1-tiny/{engine}", timing.median, whole)
    print()
    scenes = hover.play(100)
    hover.show(scenes, describe())
    for model, ours, theirs in (
        ("starter", "plugin", "peers"),
        ("sam2.1-tiny", "tiny", "peers_tiny"),
    ):
        mine, other = (
            Timing(tuple(1e3 * value for value in scenes[scene]["handed"])).median
            for scene in (ours, theirs)
        )
        note(f"hover/{model}/best", mine, other)
        kept = Timing(tuple(1e3 * value for value in scenes[ours]["kept"]))
        note(f"commit/{model}/best", kept.median)
    print()
    for name, timing in start.on_screen().items():
        print(f"start: {name:<14} {timing}")
        note(f"start/{name}", timing.median)
    print()
    peaks = memory.measure(MODELS, device)
    for name, peak in peaks.items():
        print(f"peak memory {name:<32} {peak:7.0f} MiB")
        found.append({"name": f"memory/{name}", "mib": peak})
    return found


if __name__ == "__main__":
    main()
