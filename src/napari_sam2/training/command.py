"""`python -m napari_sam2.training`: train, and export what was trained."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from napari_sam2.training.data import Sample


def train(
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of *_image.* and *_labels.* pairs; repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = ...,  # type: ignore[assignment]
    config: Annotated[
        Path | None, typer.Option(help="YAML of what differs from the recipe.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget of time.")] = None,
    steps: Annotated[int | None, typer.Option(help="Budget of steps.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights and data.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run's checkpoint.")
    ] = False,
) -> None:
    """Train a starter model from scratch on your images and synthetic scenes."""
    from napari_sam2.training.config import load_config
    from napari_sam2.training.data import read_folder
    from napari_sam2.training.loop import Budget
    from napari_sam2.training.parallel import train_together

    try:
        budget = Budget(steps, minutes * 60 if minutes is not None else None)
        groups: dict[str, list[Sample]] = {}
        for folder in data or []:
            groups |= read_folder(folder)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    for name, samples in groups.items():
        typer.echo(f"{name}: {len(samples)} images")
    train_together(out, groups, load_config(config), budget, seed, resume, typer.echo)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    target: Annotated[Path, typer.Argument(help="File to write, *.safetensors.")],
) -> None:
    """Write a run's averaged weights in half precision."""
    from napari_sam2.training.export import export as write

    step = write(run, target)
    size = target.stat().st_size / 2**20
    typer.echo(f"{target}: step {step}, {size:.1f} MiB")


def app() -> typer.Typer:
    """Build the command with its two subcommands.

    `train` is the default when no subcommand is named.
    """
    program = typer.Typer(add_completion=False, no_args_is_help=True)
    program.command()(train)
    program.command()(export)
    return program
