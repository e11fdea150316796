"""The command that does a session again without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_sam2.commands.pictures import Pictures
from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from napari_sam2.annotation.recall import RecalledPrediction
    from napari_sam2.annotation.replaying import Asked, Replay
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["Players", "replay", "replay_on"]


def replay(
    session: Annotated[Path, typer.Argument(help="A journal: ends in .sam2.jsonl.")],
    image: Annotated[
        Path | None,
        typer.Option(help="The image, if it is not where it was."),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FILE of a channel, if it is not where it was."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Another model: its labels, from the same prompts."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="What computes; by default what computed then."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Labels: .tif, .zarr, .png or .npy.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
) -> None:
    """Do a session again from its prompts, and compare.

    Exit code 1 means that the same model gave other labels.
    """
    from napari_sam2.analysis.reading import open_image, read_image
    from napari_sam2.annotation.recovery import recover

    path = image or recover(session).image.path
    if path is None:
        raise ImageError(
            f"{session} does not say where its image is: give it with --image."
        )
    players = Players(model, engine, device)
    pictures = Pictures(open_image(path), _channels(channel or ()), read_image)
    made = replay_on(session, pictures, players, progress=typer.echo)
    if out is not None:
        from napari_sam2.analysis.export import save_labels

        save_labels(out, made.labels)
        typer.echo(f"{out}: shape {made.labels.shape}, {made.labels.dtype}")
    for line in _told(made):
        typer.echo(line)
    if model is None and not made.identical:
        raise typer.Exit(1)


class Players:
    """Who answers in place of those who answered then.

    Parameters
    ----------
    model, engine : str, optional
        Instead of those of the session.
    device : str
        What computes.
    """

    def __init__(
        self,
        model: str | None = None,
        engine: str | None = None,
        device: str = "auto",
    ) -> None:
        self._model = model
        self._engine = engine
        self._device = device
        self._segmenters: dict[tuple[str, str], Segmenter] = {}
        self._seen: dict[tuple[object, object], EmbeddedImage] = {}

    def embed(
        self, asked: Asked, answer: RecalledPrediction
    ) -> tuple[Segmenter, EmbeddedImage]:
        """Return who answers, and what it is shown."""
        from dataclasses import replace

        segmenter = self._segmenter(asked)
        key = (asked.plane, segmenter)
        if key not in self._seen:
            # Planes are mostly done one after the other: one is enough to hold.
            self._seen.clear()
            view = replace(answer.view, image_size=segmenter.engine.image_size)
            self._seen[key] = segmenter.embed_plane(asked.plane.pixels(), view)
        return segmenter, self._seen[key]

    def _segmenter(self, asked: Asked) -> Segmenter:
        from napari_sam2.engines.variant import named
        from napari_sam2.segmentation.segmenter import Segmenter

        model = self._model or asked.model or "starter"
        engine = self._engine or named(asked.engine)
        if (model, engine) not in self._segmenters:
            self._segmenters[model, engine] = Segmenter(
                model, self._device, compute_with=engine
            )
        return self._segmenters[model, engine]


def replay_on(
    session: Path,
    image: npt.NDArray[Any] | list[Any] | Pictures,
    players: Players,
    progress: Any = None,
) -> Replay:
    """Do a session again on an image that is there.

    Parameters
    ----------
    session : Path
        Its journal.
    image : ndarray, list of array_like, or Pictures
        That it is about: in memory, in several resolutions, or with the channels that
        the model saw.
    players : Players
        Who answers.
    progress : callable, optional
        Told the title of each edit.

    Raises
    ------
    ImageError
        If the image has another shape than that of the session, or if a channel of
        it is missing.
    """
    from napari_sam2.annotation.recovery import recover
    from napari_sam2.annotation.replaying import replay as again

    pictures = image if isinstance(image, Pictures) else Pictures(image)
    origin = recover(session).image
    pictures.image(origin)
    return again(
        session, lambda plane: pictures.plane(plane, origin), players.embed, progress
    )


def _channels(given: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    from napari_sam2.analysis.reading import read_image

    found = {}
    for one in given:
        name, equals, path = one.rpartition("=")
        if not equals:
            raise ImageError(f"A channel is given as NAME=FILE, not as {one}.")
        found[name] = read_image(Path(path))
    return found


def _told(made: Replay) -> list[str]:
    lines = [f"{made.alike} of {made.answers} answers have the same logits."]
    if made.differing:
        lines.append(f"The first that differs: {made.differing[0]}")
    lines += [f"Could not be done again: {one}" for one in made.missing]
    if made.identical:
        lines.append("The labels are identical.")
    else:
        lines.append(f"{made.pixels} pixels of the labels differ.")
    return lines
