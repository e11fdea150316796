"""The commands about engines: export a model, prepare it, ask for advice."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam2.engines.calibration import Measured
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["doctor", "export", "prepare", "quantize"]

Model = Annotated[
    str, typer.Argument(help="A name of `models list`, or a checkpoint of your own.")
]
Config = Annotated[
    str | None, typer.Option(help="Architecture of a checkpoint: a YAML file.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]

_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".npy")
_MOST_IMAGES = 64


class _Precision(StrEnum):
    fp32 = "fp32"
    fp16 = "fp16"


class _Pixels(StrEnum):
    uint8 = "uint8"
    float32 = "float32"


def export(
    model: Model,
    folder: Annotated[Path, typer.Argument(help="Is made for the ONNX files.")],
    config: Config = None,
    precision: Annotated[
        _Precision, typer.Option(help="Of weights and computation.")
    ] = _Precision.fp32,
    pixels: Annotated[
        _Pixels, typer.Option(help="What the encoder takes; 0 to 255 in both.")
    ] = _Pixels.uint8,
) -> None:
    """Export a model to ONNX: encoder, decoder, and the parts of a faster decoder."""
    from napari_sam2.engines.export import export_model

    made = export_model(
        _spec(model, config),
        folder,
        precision=precision.value,
        pixels=pixels.value,
        progress=lambda graph: typer.echo(f"{graph}.onnx …"),
    )
    total = sum(file.stat().st_size for file in made.folder.iterdir())
    typer.echo(f"{made.folder}: {total / 1e6:.0f} MB")


def quantize(
    model: Model,
    images: Annotated[
        list[Path] | None,
        typer.Argument(help="Images, or folders of images, of the kind to be seen."),
    ] = None,
    config: Config = None,
) -> None:
    """Make an int8 version of a model's encoder, and say what it brings and costs.

    Half of the images calibrate it, on the other half its masks are compared with those
    of fp32. Without images, those are taken that come with the program.
    """
    from napari_sam2.engines.chooser import quantize_model

    spec = _spec(model, config)
    _report(quantize_model(spec, _pixels(images or [])))


def prepare(
    model: Model = "starter", config: Config = None, device: Device = "auto"
) -> None:
    """Export a model for this machine, and find out what computes it best.

    The plugin does the same in the background when a model is used for the first time.
    """
    from napari_sam2.engines.chooser import prepare as prepare_engine

    _report(prepare_engine(_spec(model, config), device))


def _report(measured: list[Measured]) -> None:
    for one in measured:
        if one.problem:
            typer.echo(f"{one.engine:<18} {one.problem}")
            continue
        agreement = "" if one.agreement is None else f"{one.agreement:10.3f}"
        typer.echo(
            f"{one.engine:<18} encode {one.encode_ms:7.1f} ms  decode "
            f"{one.decode_ms:6.1f} ms  IoU with fp32 {agreement}"
        )


def doctor(model: Model = "starter", config: Config = None) -> None:
    """Say what this machine has, what is used of it and why, and what would help."""
    from napari_sam2.engines.doctor import examine

    for line in examine(_spec(model, config)):
        typer.echo(line)


def _pixels(images: list[Path]) -> list[npt.NDArray[np.uint8]]:
    from napari_sam2.analysis.reading import read_image
    from napari_sam2.segmentation.intensity import to_rgb

    if not images:
        from napari_sam2.synthesis import KINDS, generate

        return [to_rgb(generate(kind, (768, 768), seed=0).image) for kind in KINDS]
    files: list[Path] = []
    for path in images:
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    readable = [file for file in files if file.suffix.lower() in _SUFFIXES]
    return [to_rgb(read_image(file)) for file in readable[:_MOST_IMAGES]]


def _spec(model: str, config: str | None) -> ModelSpec:
    from napari_sam2.models.catalog import get_model

    return get_model(model, config)
