"""The command ``napari-sam2``: what can be done without a window, and the demo.

Only what parses the command line is imported here, so that ``--help`` answers at
once; each command imports the rest for itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_sam2 import __version__
from napari_sam2.commands.embed import cache, embed
from napari_sam2.commands.engines import doctor, export, prepare, quantize
from napari_sam2.commands.replay import replay
from napari_sam2.commands.stopping import ctrl_c_cancels
from napari_sam2.errors import Cancelled, ImageError, NapariSam2Error, PromptError
from napari_sam2.evaluation.command import evaluate
from napari_sam2.training.command import train

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from rich.console import Console

    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.prediction import Prediction

__all__ = ["app", "main"]

app = typer.Typer(
    name="napari-sam2",
    help="Point at a cell, get its label: interactive segmentation with SAM 2.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
models = typer.Typer(help="List and download models.", no_args_is_help=True)
app.add_typer(models, name="models")
app.command()(evaluate)
app.command()(train)
app.command()(export)
app.command()(prepare)
app.command()(quantize)
app.command()(doctor)
app.command()(replay)
app.command()(embed)
app.command()(cache)

_INTERRUPTED = 130  # what a shell reports of a program that Ctrl+C has ended

Model = Annotated[
    str, typer.Option(help="A name of `models list`, or a checkpoint of your own.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
PixelSize = Annotated[
    float | None, typer.Option(help="Distance of neighboring pixels.")
]
Unit = Annotated[str, typer.Option(help="Unit of the pixel size: µm, nm, mm …")]


def main() -> None:
    """Run the command; one line says what went wrong, if anything."""
    try:
        app()
    except NapariSam2Error as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except Cancelled:
        typer.echo("Stopped.", err=True)
        sys.exit(_INTERRUPTED)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"napari-sam2 {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    pass


@models.command("list")
def list_models() -> None:
    """Show the models, and which of them are on this machine."""
    from rich.table import Table

    from napari_sam2.models.catalog import CATALOG, is_available, models_folder

    table = Table("Name", "Size", "Here", "About", box=None, pad_edge=False)
    for spec in CATALOG.values():
        here = "bundled" if spec.weights else "yes" if is_available(spec) else "no"
        table.add_row(spec.name, _size(spec), here, spec.description)
    console = _console()
    console.print(table)
    console.print(f"\nDownloads go to {models_folder()}", soft_wrap=True)


@models.command("download")
def download_model(
    name: Annotated[str, typer.Argument(help="A name of `models list`.")],
) -> None:
    """Download a model; an interrupted download goes on where it stopped."""
    from rich import progress

    from napari_sam2.models.catalog import get_model, is_available, weights_path
    from napari_sam2.models.download import download

    spec = get_model(name)
    if is_available(spec):
        typer.echo(f"{spec.title} is here already: {weights_path(spec)}")
        return
    bar = progress.Progress(
        progress.TextColumn(spec.title),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=_console(),
    )
    with bar, ctrl_c_cancels() as cancel:
        task = bar.add_task("", total=spec.size)
        path = download(
            spec,
            cancel=cancel,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    typer.echo(f"{spec.title} is ready: {path}")


@app.command()
def labels(
    source: Annotated[Path, typer.Argument(help="Labels: TIFF, PNG or NumPy array.")],
    target: Annotated[Path, typer.Argument(help="Ends in .tif, .tiff, .png or .npy.")],
    pixel_size: PixelSize = None,
    unit: Unit = "µm",
) -> None:
    """Convert labels to another format, or give them a pixel size."""
    from napari_sam2.analysis.export import save_labels
    from napari_sam2.analysis.reading import read_image

    array = read_image(source)
    save_labels(target, array, pixel_size=pixel_size, unit=unit)
    typer.echo(f"{target}: shape {array.shape}, {array.dtype}")


@app.command()
def segment(
    image: Annotated[Path, typer.Argument(help="One plane, gray or RGB(A).")],
    point: Annotated[
        list[str] | None,
        typer.Option(help="ROW,COL on an object; once for each object."),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(help="ROW,COL,ROW,COL around an object; once for each object."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Labels: .tif, .png or .npy.")
    ] = Path("labels.tif"),
    model: Model = "starter",
    device: Device = "auto",
    pixel_size: PixelSize = None,
    unit: Unit = "µm",
) -> None:
    """Segment the objects at some points or in some boxes of an image.

    Each point and each box makes one object, numbered in this order: points
    first. An object does not paint over those before it.
    """
    points = [_numbers(text, 2, "--point takes ROW,COL") for text in point or ()]
    boxes = [_numbers(text, 4, "--box takes ROW,COL,ROW,COL") for text in box or ()]
    if not points and not boxes:
        raise PromptError("Give at least one --point ROW,COL or --box ROW,COL,ROW,COL.")

    from napari_sam2.analysis.export import save_labels
    from napari_sam2.analysis.reading import read_image
    from napari_sam2.segmentation.segmenter import Segmenter

    pixels = read_image(image)
    if pixels.ndim < 2:
        raise ImageError(f"“{image}” is no image: its shape is {pixels.shape}.")
    segmenter = Segmenter(model, device).set_image(pixels)
    predictions = [segmenter.predict(points=[place]) for place in points]
    predictions += [segmenter.predict(box=corners) for corners in boxes]
    for number, prediction in enumerate(predictions, start=1):
        typer.echo(
            f"object {number}: {prediction.area} pixels, score {prediction.score:.2f}"
        )
    made = _painted(predictions, pixels.shape[:2])
    save_labels(output, made, pixel_size=pixel_size, unit=unit)
    typer.echo(f"{output}: shape {made.shape}, {made.dtype}")


@app.command()
def demo(
    headless: Annotated[
        bool,
        typer.Option(
            "--headless", help="Drive the window on a virtual screen, and leave."
        ),
    ] = False,
) -> None:
    """Open napari with the tool on a microscopy image.

    Without a screen, a virtual one is started and the window is driven by mouse
    and key events; `demo/labels.tif` and `demo/screenshot.png` are left behind.
    """
    from napari_sam2.demo import run

    raise typer.Exit(run(headless=headless))


def _console() -> Console:
    from rich.console import Console

    return Console()


def _size(spec: ModelSpec) -> str:
    size = spec.size
    if size is None and spec.weights is not None and spec.weights.is_file():
        size = spec.weights.stat().st_size
    return "?" if size is None else f"{size / 1e6:.0f} MB"


def _numbers(text: str, count: int, usage: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise PromptError(f"{usage}, not “{text}”.")
    return numbers


def _painted(
    predictions: list[Prediction], shape: tuple[int, ...]
) -> npt.NDArray[np.uint16]:
    import numpy as np

    made = np.zeros(shape, dtype=np.uint16)
    for number, prediction in enumerate(predictions, start=1):
        r0, c0, r1, c1 = prediction.bbox
        part = made[r0:r1, c0:c1]
        part[prediction.crop & (part == 0)] = number
    return made
