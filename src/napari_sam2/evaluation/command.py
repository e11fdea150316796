"""The command `napari-sam2 evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Path | None


def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="Folder of *_image.* and *_labels.* pairs.")
    ],
    model: Annotated[
        str, typer.Option(help="Name in the catalog, or a checkpoint.")
    ] = "starter",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    engine: Annotated[
        str, typer.Option(help="What computes: torch, onnxruntime, openvino, auto.")
    ] = "torch",
    precision: Annotated[
        str, typer.Option(help="Of the engine: fp32, bf16, fp16, int8.")
    ] = "fp32",
    zoom: Annotated[
        bool | None,
        typer.Option(
            "--zoom/--no-zoom",
            help="Look at objects again, closely; by default as the model is used.",
        ),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(help="Another model, put side by side; repeatable."),
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines", help="Flood fill, random walker and watershed as well."
        ),
    ] = False,
    clicks: Annotated[
        int, typer.Option(min=1, help="Most clicks an object; the literature has 20.")
    ] = 10,
    max_objects: Annotated[
        int, typer.Option(min=1, help="Most objects an image.")
    ] = 40,
    everything: Annotated[
        bool,
        typer.Option(
            "--everything", help="Include automatic labels and simulated images."
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the choice of objects and of noise.")
    ] = 0,
    json_file: Annotated[
        Output, typer.Option("--json", help="File for the numbers.")
    ] = None,
    csv_file: Annotated[
        Output, typer.Option("--csv", help="File for a row for each object.")
    ] = None,
    plot_file: Annotated[
        Output, typer.Option("--plot", help="Picture of IoU over prompts.")
    ] = None,
    worst_file: Annotated[
        Output, typer.Option("--worst", help="Picture of the worst objects.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing on the way.")
    ] = False,
) -> None:
    """Measure a model on labeled images: clicks, corrections and boxes."""
    from napari_sam2.errors import NapariSam2Error
    from napari_sam2.evaluation.candidates import Candidates
    from napari_sam2.evaluation.measure import Settings
    from napari_sam2.evaluation.outcome import evaluate_all
    from napari_sam2.evaluation.outputs import Outputs

    try:
        outputs = Outputs(json_file, csv_file, plot_file, worst_file)
        outputs.check()
        others = tuple(compare or ())
        candidates = Candidates(
            model, others, baselines, device, engine, precision, zoom
        )
        evaluation = evaluate_all(
            folder,
            candidates,
            Settings(clicks, max_objects, everything, seed),
            exhibit=worst_file is not None,
            say=None if quiet else lambda line: typer.echo(line, err=True),
        )
        typer.echo(evaluation.text())
        outputs.write(evaluation)
    except (NapariSam2Error, ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
