"""Measure what each choice of the training recipe brings, in short runs.

Every run has the same seed and number of steps, and differs from the recipe in one
choice. Finished runs are kept in the folder, so that the script can be interrupted.

    python scripts/ablations.py data/train data/dev runs/ablations --steps 800
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer
import yaml

SMALL = {"size": 256, "images": 6, "objects": 6}
VIEW = {"size": 512, "images": 2, "objects": 10}
# Of the recipe in `napari_sam2.training.config`, what is taken away.
CHOICES: dict[str, dict[str, object]] = {
    "the recipe": {},
    "attention not tied at the start": {"tie": 0.0},
    "no dense targets": {"dense": 0.0},
    "no synthetic scenes": {"synthetic": 0.0},
    "data sets drawn by their size": {"balance": 1.0},
    "windows only": {"schedule": [{"batches": [SMALL], "whole_view": 0.0}]},
    "whole views only": {"schedule": [{"batches": [VIEW], "whole_view": 1.0}]},
    "positions of one frequency": {"frequencies": [1.0, 1.0]},
    "no boxes": {"boxes": 0.0},
    "no moving average": {"average": 0.0},
}
FIGURES = ("iou_1", "iou_3", "iou_box")


def ablate(
    train: Annotated[Path, typer.Argument(help="Images to train on.")],
    dev: Annotated[Path, typer.Argument(help="Images to measure on.")],
    out: Annotated[Path, typer.Argument(help="Folder for the runs.")],
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 800,
    objects: Annotated[int, typer.Option(help="Most objects of an image.")] = 5,
) -> None:
    """Train, measure, and print the table as it is in the documentation."""
    out.mkdir(parents=True, exist_ok=True)
    print("| choice | one click | three clicks | box |\n|---|---:|---:|---:|")
    for choice, changes in CHOICES.items():
        run = out / choice.replace(" ", "-")
        if not run.with_suffix(".json").exists():
            _train(run, train, changes, steps)
            _measure(run, dev, objects)
        found = json.loads(run.with_suffix(".json").read_text())["macro"]
        cells = " | ".join(f"{found[figure]:.3f}" for figure in FIGURES)
        print(f"| {choice} | {cells} |", flush=True)


def _train(run: Path, data: Path, changes: dict[str, object], steps: int) -> None:
    recipe = run.with_suffix(".yaml")
    recipe.write_text(yaml.safe_dump(changes))
    command = ["--data", data, "--out", run, "--config", recipe, "--steps", steps]
    if (run / "checkpoint.pt").exists():
        command.append("--resume")
    _python("-m", "napari_sam2.training", "train", *command)
    _python("-m", "napari_sam2.training", "export", run, _weights(run))


def _measure(run: Path, dev: Path, objects: int) -> None:
    _python(
        *("-m", "napari_sam2.evaluation", dev, "--model", _weights(run), "--no-zoom"),
        *("--clicks", 3, "--max-objects", objects, "--json", run.with_suffix(".json")),
    )


def _weights(run: Path) -> Path:
    return run.with_suffix(".safetensors")


def _python(*arguments: object) -> None:
    command = [sys.executable, *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    typer.run(ablate)
