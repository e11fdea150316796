"""The command `napari-sam2 evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="Folder of *_image.* and *_labels.* pairs.")
    ],
    model: Annotated[
        str, typer.Option(help="Name in the catalogue, or a checkpoint.")
    ] = "starter",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    clicks: Annotated[int, typer.Option(min=1, help="Clicks an object.")] = 5,
    max_objects: Annotated[
        int, typer.Option(min=1, help="Most objects an image.")
    ] = 40,
    everything: Annotated[
        bool,
        typer.Option(
            "--everything", help="Include automatic labels and simulated images."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the choice of objects.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the numbers.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing on the way.")
    ] = False,
) -> None:
    """Measure a model on labelled images: clicks, corrections and boxes."""
    from napari_sam2.errors import NapariSam2Error
    from napari_sam2.evaluation.measure import evaluate as run
    from napari_sam2.evaluation.report import table
    from napari_sam2.segmentation.segmenter import Segmenter

    try:
        checkpoint = Path(model)
        segmenter = Segmenter(
            model=checkpoint if checkpoint.is_file() else model, device=device
        )
        summary = run(
            folder,
            segmenter,
            clicks=clicks,
            max_objects=max_objects,
            everything=everything,
            seed=seed,
            say=None if quiet else lambda line: typer.echo(line, err=True),
        )
    except (NapariSam2Error, ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(table(summary))
    if json_file is not None:
        settings = {
            "model": model,
            "device": device,
            "clicks": clicks,
            "max_objects": max_objects,
            "everything": everything,
            "seed": seed,
        }
        json_file.write_text(json.dumps(summary | {"settings": settings}, indent=2))
