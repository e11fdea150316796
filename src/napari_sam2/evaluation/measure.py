"""Segment labeled objects with simulated prompts and compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from napari_sam2.evaluation.boundary import boundary_f
from napari_sam2.evaluation.clicks import NoisyAim
from napari_sam2.evaluation.cut import Cut, overlap
from napari_sam2.evaluation.folder import find_pairs, read_plane
from napari_sam2.evaluation.objects import SMALLEST, choose_objects
from napari_sam2.evaluation.result import ObjectResult
from napari_sam2.evaluation.scope import Scope
from napari_sam2.evaluation.summary import summarize
from napari_sam2.evaluation.user import (
    BOX_CLICKS,
    NOISY_CLICKS,
    Step,
    patient,
    use,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.evaluation.folder import Pair, Plane
    from napari_sam2.evaluation.protocol import Segments
    from napari_sam2.evaluation.worst import Gallery

CLICKS = 10


@dataclass(frozen=True)
class Settings:
    """What is fixed in an evaluation.

    Attributes
    ----------
    clicks : int
        Most clicks an object, at least 1.
    max_objects : int
        Most objects of an image; drawn at random if there are more.
    everything : bool
        Include labels that were not drawn by people, and simulated images.
    seed : int
        Seed of the choice of objects and of the noisy clicks.
    """

    clicks: int = CLICKS
    max_objects: int = 40
    everything: bool = False
    seed: int = 0


def evaluate(
    folder: Path,
    segmenter: Segments,
    *,
    clicks: int = CLICKS,
    max_objects: int = 40,
    everything: bool = False,
    seed: int = 0,
    say: Callable[[str], Any] | None = None,
) -> dict[str, Any]:
    """Evaluate a segmenter on a folder of labeled images.

    Parameters
    ----------
    folder : pathlib.Path
        See `napari_sam2.evaluation.folder`.
    segmenter : napari_sam2.segmentation.Segmenter
        What is to be measured.
    clicks : int
        Most clicks an object, at least 1.
    max_objects : int
        Most objects of an image; drawn at random if there are more.
    everything : bool
        Include labels that were not drawn by people, and simulated images.
    seed : int
        Seed of the choice of objects and of the noisy clicks.
    say : callable, optional
        Gets a line of text for every image.

    Returns
    -------
    dict
        `macro`: means over data sets, `datasets`: means over the objects of each;
        see `napari_sam2.evaluation.summary`. `scope`: what was counted; see
        `napari_sam2.evaluation.scope`.
    """
    settings = Settings(clicks, max_objects, everything, seed)
    results, scope = run(folder, segmenter, settings, say=say)
    return summarize(results, clicks) | {"scope": scope.to_json()}


def run(
    folder: Path,
    segmenter: Segments,
    settings: Settings,
    *,
    gallery: Gallery | None = None,
    say: Callable[[str], Any] | None = None,
) -> tuple[list[ObjectResult], Scope]:
    """Measure every object that counts.

    Parameters
    ----------
    folder : pathlib.Path
        See `napari_sam2.evaluation.folder`.
    segmenter : Segments
        What is to be measured.
    settings : Settings
        What is fixed.
    gallery : Gallery, optional
        Is shown every object.
    say : callable, optional
        Gets a line of text for every image.

    Returns
    -------
    results : list of ObjectResult
        In the order of the folder.
    scope : Scope
        What was counted, and what was left out.

    Raises
    ------
    ImageError
        If the folder holds no pairs, or a file cannot be used.
    """
    results: list[ObjectResult] = []
    scope = Scope()
    for pair in find_pairs(folder):
        reason = None if settings.everything else pair.doubt
        if reason is not None:
            scope.leave_out(pair, reason)
            continue
        plane = read_plane(pair)
        found = _measure_plane(segmenter, pair, plane, settings, scope, gallery)
        results += found
        if say is not None and found:
            first = np.mean([result.clicks[0] for result in found])
            say(f"{pair.name}: {len(found)} objects, {first:.3f}")
    return results, scope


def _measure_plane(
    segmenter: Segments,
    pair: Pair,
    plane: Plane,
    settings: Settings,
    scope: Scope,
    gallery: Gallery | None,
) -> list[ObjectResult]:
    # The choice depends on the image alone, not on what else is in the folder.
    key = crc32(pair.image.name.encode())
    rng = np.random.default_rng([settings.seed, key])
    chosen = choose_objects(plane.labels, settings.max_objects, rng)
    if not chosen.numbers:
        scope.leave_out(pair, f"no object of at least {SMALLEST} pixels")
        return []
    begin = perf_counter()
    segmenter.set_image(plane.image)
    scope.count(pair, plane, chosen, perf_counter() - begin)
    found = []
    for number in chosen.numbers:
        truth = Cut.of(plane.labels == number)
        noise = np.random.default_rng([settings.seed, key, number])
        result, steps = measure(
            segmenter, truth, plane.labels.shape, settings.clicks, noise
        )
        result = replace(
            result,
            dataset=pair.dataset,
            image=pair.image.name,
            plane=plane.index,
            label=number,
        )
        if gallery is not None:
            gallery.show(plane.image, truth, steps, result)
        found.append(result)
    return found


def measure(
    segmenter: Segments,
    truth: Cut,
    shape: tuple[int, ...],
    clicks: int,
    noise: np.random.Generator,
) -> tuple[ObjectResult, list[Step]]:
    """Prompt for one object of the image that was set: clicks, box, noisy clicks.

    Parameters
    ----------
    segmenter : Segments
        With the image set.
    truth : Cut
        The object.
    shape : tuple of int
        Rows and columns of the image.
    clicks : int
        Most clicks, at least 1.
    noise : numpy.random.Generator
        Where the noisy clicks come from.

    Returns
    -------
    result : ObjectResult
        What the object scored.
    steps : list of Step
        The clicks and their answers.
    """
    clicked = patient(use(segmenter, truth), clicks)
    boxed = patient(use(segmenter, truth, box=True), 1 + min(clicks - 1, BOX_CLICKS))
    noisy = patient(
        use(segmenter, truth, aim=NoisyAim(noise)), min(clicks, NOISY_CLICKS)
    )
    first = clicked[0]
    best = max(
        [first.iou]
        + [overlap(Cut.of(c.mask), truth) for c in first.prediction.alternatives]
    )
    size = (shape[0], shape[1])
    everything = [*clicked, *boxed, *noisy]
    result = ObjectResult(
        area=truth.area,
        clicks=tuple(step.iou for step in clicked),
        boxed=tuple(step.iou for step in boxed),
        noisy=tuple(step.iou for step in noisy),
        best=best,
        scores=tuple(float(step.prediction.score) for step in [*clicked, *boxed]),
        boundary=boundary_f(first.cut, truth, size),
        boundary_box=boundary_f(boxed[0].cut, truth, size),
        seconds=sum(step.seconds for step in everything),
        prompts=len(everything),
        place=first.click[:2] if first.click else (0, 0),
    )
    return result, clicked
