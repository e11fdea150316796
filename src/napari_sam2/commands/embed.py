"""The commands about images that are ready before they are opened."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_sam2.commands.stopping import ctrl_c_cancels
from napari_sam2.errors import CacheError, ImageError, NapariSam2Error, PromptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.ahead import Ahead
    from napari_sam2.segmentation.view import PlaneIndex

__all__ = ["cache", "embed"]

_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".zarr")


def embed(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Images: TIFF, PNG, JPEG, NumPy, zarr; or folders of them."
        ),
    ],
    model: Annotated[
        str, typer.Option(help="A name of `models list`, or a checkpoint of your own.")
    ] = "starter",
    engine: Annotated[
        str, typer.Option(help="What computes; by default what napari will use.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    plane: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this plane of stacks: its place along the axes before rows and "
            "columns, as 12 or 0,12. May be given again."
        ),
    ] = None,
) -> None:
    """Encode images, so that napari has them ready at once.

    Of a stack, every plane is encoded; of a plane, the view of the whole. What is ready
    is skipped: after Ctrl+C the same command goes on from there.
    """
    from napari_sam2.segmentation.ahead import Ahead
    from napari_sam2.viewer.preferences import embedding_files

    chosen = [_place(text) for text in plane or ()]
    paths = list(_expanded(files))
    if not paths:
        raise ImageError(f"There is no image of a known kind in {files[0]}.")
    disk = embedding_files()
    with ctrl_c_cancels() as cancel:
        computing = _engine(model, engine, device, cancel)
        ahead = Ahead(computing, disk)
        try:
            failed = _embed_all(paths, chosen, computing, ahead, cancel)
        finally:
            disk.flush()
    typer.echo(f"{ahead.ready} views are ready in {disk.folder}")
    if failed:
        raise typer.Exit(1)


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all that is kept.")
    ] = False,
) -> None:
    """Say what is kept of what models saw, or remove it."""
    from napari_sam2.viewer.preferences import embedding_files

    disk = embedding_files()
    if clear:
        disk.clear()
    usage = disk.usage
    most = f"at most {disk.max_bytes / 1e9:g} GB" if disk.max_bytes else "switched off"
    plural = "s" if usage.count != 1 else ""
    typer.echo(
        f"{usage.count} view{plural}, {usage.nbytes / 1e9:.2f} GB ({most}), in "
        f"{disk.folder}"
    )


def planes_of(shape: tuple[int, ...]) -> list[PlaneIndex]:
    """Return the planes of an image as napari shows them, in their order.

    Parameters
    ----------
    shape : tuple of int
        Of the array, with its channels if it is RGB.
    """
    import numpy as np

    from napari_sam2.analysis.reading import is_rgb
    from napari_sam2.segmentation.view import PlaneIndex

    rows = len(shape) - (3 if is_rgb(shape) else 2)
    return [
        PlaneIndex((*map(int, place), 0, 0), rows, rows + 1)
        for place in np.ndindex(*shape[:rows])
    ]


def _embed_all(
    paths: Sequence[Path],
    chosen: Sequence[tuple[int, ...]],
    engine: Engine,
    ahead: Ahead,
    cancel: CancelToken,
) -> int:
    """Encode files, saying how far it is; returns how many could not be."""
    from rich import progress

    failed = 0
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=len(paths))
        for number, path in enumerate(paths):
            try:
                levels, planes = _opened(path, chosen)
                encoded = 0
                for done, index in enumerate(planes):
                    told = f"{path.name}, plane {done + 1} of {len(planes)}"
                    bar.update(
                        task,
                        description=told if len(planes) > 1 else path.name,
                        completed=number + done / len(planes),
                    )
                    encoded += _embed_plane(levels, index, path, engine, ahead, cancel)
            except CacheError:
                raise
            except NapariSam2Error as error:
                failed += 1
                named = "" if path.name in str(error) else f"“{path}”: "
                typer.echo(f"Error: {named}{error}", err=True)
                continue
            there = len(planes) - encoded
            plural = "s" if len(planes) != 1 else ""
            skipped = f", {there} of them before" if there else ""
            typer.echo(f"{path}: {len(planes)} plane{plural} ready{skipped}")
    return failed


def _embed_plane(
    levels: Sequence[Any],
    index: PlaneIndex,
    path: Path,
    engine: Engine,
    ahead: Ahead,
    cancel: CancelToken,
) -> bool:
    from napari_sam2.segmentation.embedded import PlanePixels
    from napari_sam2.segmentation.source import ArraySource
    from napari_sam2.segmentation.viewport import view_for

    pixels = PlanePixels(ArraySource(levels, index))
    view = view_for(pixels.shape, None, engine.image_size)
    try:
        # All that is needed of it is read for that.
        pixels.key(view, engine)
    except NapariSam2Error:
        raise
    except Exception as error:  # every library has its own
        raise ImageError(f"“{path}” cannot be read: {error}") from error
    return ahead.prepare(pixels, view, cancel)


def _opened(
    path: Path, chosen: Sequence[tuple[int, ...]]
) -> tuple[list[Any], list[PlaneIndex]]:
    from napari_sam2.analysis.reading import open_image

    levels = open_image(path)
    planes = planes_of(levels[0].shape)
    if chosen:
        planes = [one for one in planes if one.position[:-2] in chosen]
        if not planes:
            raise ImageError(
                f"“{path}” has no such plane: its shape is {levels[0].shape}."
            )
    return levels, planes


def _engine(model: str, engine: str, device: str, cancel: CancelToken) -> Engine:
    import os

    from napari_sam2.engines import create_engine
    from napari_sam2.engines.chooser import prepare
    from napari_sam2.engines.variant import ENGINE_VARIABLE
    from napari_sam2.models.catalog import get_model

    spec = get_model(model)
    if engine == "auto" and ENGINE_VARIABLE not in os.environ:
        # What the window finds out in the background, and computes with from then on.
        prepare(spec, device, cancel=cancel)
    return create_engine(spec, device, engine)


def _expanded(files: Sequence[Path]) -> Iterator[Path]:
    """Replace folders by the images in them."""
    for path in files:
        if path.is_dir() and path.suffix.lower() != ".zarr":
            # Beside each file on a disk that it shares, macOS keeps a hidden one.
            found = (one for one in path.iterdir() if not one.name.startswith("."))
            yield from sorted(one for one in found if one.suffix.lower() in _SUFFIXES)
        else:
            yield path


def _place(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise PromptError(
            f"--plane takes places as 12 or 0,12, not “{text}”."
        ) from None
