"""Segment labelled objects with simulated prompts and compare."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

import numpy as np

from napari_sam2.evaluation.clicks import deepest_point, error_click, iou, tight_box
from napari_sam2.evaluation.folder import find_pairs, read_plane
from napari_sam2.evaluation.report import summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SMALLEST = 30  # pixels; smaller objects are mostly a matter of their outline


class Predicted(Protocol):
    """What is used of a prediction."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, of the image's size."""

    @property
    def alternatives(self) -> Sequence[Predicted]:
        """All candidates, if there were several."""


class Segments(Protocol):
    """What is used of `napari_sam2.segmentation.Segmenter`."""

    def set_image(self, image: Any) -> Any:
        """Choose the image to segment."""

    def predict(
        self,
        points: Any = None,
        labels: Any = None,
        box: Any = None,
        mask: Any = None,
    ) -> Any:
        """Segment one object."""


@dataclass(frozen=True)
class ObjectResult:
    """What one object scored.

    Attributes
    ----------
    area : int
        Pixels of the object.
    clicks : tuple of float
        IoU after 1, 2, ... clicks.
    box : float
        IoU with a tight box.
    best : float
        IoU of the best candidate of the first click.
    """

    area: int
    clicks: tuple[float, ...]
    box: float
    best: float


def evaluate(
    folder: Path,
    segmenter: Segments,
    *,
    clicks: int = 5,
    max_objects: int = 40,
    everything: bool = False,
    seed: int = 0,
    say: Callable[[str], Any] | None = None,
) -> dict[str, Any]:
    """Evaluate a segmenter on a folder of labelled images.

    Parameters
    ----------
    folder : pathlib.Path
        See `napari_sam2.evaluation.folder`.
    segmenter : napari_sam2.segmentation.Segmenter
        What is to be measured.
    clicks : int
        Clicks an object, at least 1.
    max_objects : int
        Most objects of an image; drawn at random if there are more.
    everything : bool
        Include labels that were not drawn by people, and simulated images.
    seed : int
        Seed of the choice of objects.
    say : callable, optional
        Gets a line of text for every image.

    Returns
    -------
    dict
        `macro`: means over data sets, `datasets`: means over the objects of each;
        see `napari_sam2.evaluation.report`.
    """
    results: dict[str, list[ObjectResult]] = defaultdict(list)
    for pair in find_pairs(folder):
        if not (everything or pair.is_truth):
            continue
        image, labels = read_plane(pair)
        # The choice depends on the image alone, not on what else is in the folder.
        rng = np.random.default_rng([seed, crc32(pair.image.name.encode())])
        numbers = choose_objects(labels, max_objects, rng)
        if not len(numbers):
            continue
        segmenter.set_image(image)
        found = [measure(segmenter, labels == number, clicks) for number in numbers]
        results[pair.dataset] += found
        if say is not None:
            first = np.mean([result.clicks[0] for result in found])
            say(f"{pair.dataset}/{pair.image.name}: {len(found)} objects, {first:.3f}")
    return summarise(results)


def choose_objects(
    labels: NDArray[Any], most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Numbers of the objects to measure, ascending.

    Parameters
    ----------
    labels : numpy.ndarray
        Integers of shape (rows, columns), 0 is background.
    most : int
        Most objects.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Labels of objects of at least 30 pixels.
    """
    numbers, areas = np.unique(labels, return_counts=True)
    numbers = numbers[(numbers > 0) & (areas >= SMALLEST)].astype(np.int64)
    if len(numbers) > most:
        numbers = np.sort(rng.choice(numbers, most, replace=False))
    return numbers


def measure(segmenter: Segments, truth: NDArray[np.bool_], clicks: int) -> ObjectResult:
    """Prompt for one object of the image that was set.

    Every further click is placed into the largest error and refines the mask before.

    Parameters
    ----------
    segmenter : napari_sam2.segmentation.Segmenter
        With the image set.
    truth : numpy.ndarray
        bool of the image's rows and columns.
    clicks : int
        Number of clicks, at least 1.

    Returns
    -------
    ObjectResult
        What the object scored.
    """
    points: list[tuple[int, int]] = [deepest_point(truth)]
    signs = [1]
    prediction = segmenter.predict(points=points, labels=signs)
    candidates = prediction.alternatives or (prediction,)
    best = max(iou(candidate.mask, truth) for candidate in candidates)
    scores = [iou(prediction.mask, truth)]
    for _ in range(1, clicks):
        click = error_click(prediction.mask, truth)
        if click is None:  # nothing left to correct
            scores.append(scores[-1])
            continue
        points.append(click[:2])
        signs.append(click[2])
        prediction = segmenter.predict(points=points, labels=signs, mask=prediction)
        scores.append(iou(prediction.mask, truth))
    boxed = segmenter.predict(box=tight_box(truth))
    return ObjectResult(
        int(np.count_nonzero(truth)), tuple(scores), iou(boxed.mask, truth), best
    )
