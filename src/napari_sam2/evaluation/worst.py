"""The objects that went worst, kept to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.evaluation.cut import joint_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_sam2.evaluation.cut import Cut, Window
    from napari_sam2.evaluation.result import ObjectResult
    from napari_sam2.evaluation.user import Step

MOST = 24
"""Objects that fit on a screen."""

EACH = 4
"""Of one data set, so that a bad one does not hide the others."""

CLICKS = 3
"""Clicks after which objects are compared: some are only worth a second click."""

MARGIN = 0.35
"""What is shown around an object, of the longer side of its box."""

NEAR = 12
"""The same in pixels, at least."""

WIDEST = 3
"""How much of a leak is shown, in sides of the object's box."""


@dataclass(frozen=True, eq=False)
class View:
    """An object as it was after some clicks, cut out of the image.

    Attributes
    ----------
    mask : numpy.ndarray
        bool of shape (rows, columns).
    clicks : tuple of tuple of int
        Row and column within the cutout, and label.
    iou : float
        Intersection over union.
    """

    mask: NDArray[np.bool_]
    clicks: tuple[tuple[int, int, int], ...]
    iou: float


@dataclass(frozen=True, eq=False)
class Exhibit:
    """An object to be looked at.

    Attributes
    ----------
    result : ObjectResult
        What it scored.
    pixels : numpy.ndarray
        uint8 of shape (rows, columns, 3).
    truth : numpy.ndarray
        bool of shape (rows, columns).
    views : tuple of View
        After the first click, and after the third.
    """

    result: ObjectResult
    pixels: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    views: tuple[View, ...]

    @property
    def iou(self) -> float:
        """IoU after the last click that is shown."""
        return self.views[-1].iou


class Gallery:
    """Collects the worst objects, not too many of one data set.

    Parameters
    ----------
    most : int
        Objects in all.
    most_of_dataset : int
        Objects of a data set.
    """

    def __init__(self, most: int = MOST, most_of_dataset: int = EACH) -> None:
        self._most = most
        self._most_of_dataset = most_of_dataset
        self._exhibits: dict[str, list[Exhibit]] = {}
        self._image: Any = None
        self._rgb: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)

    def show(
        self, image: Any, truth: Cut, steps: Sequence[Step], result: ObjectResult
    ) -> None:
        """Keep an object if it is among the worst so far.

        Parameters
        ----------
        image : numpy.ndarray
            The plane, of shape (rows, columns) or (rows, columns, channels).
        truth : Cut
            The object.
        steps : sequence of Step
            The clicks and their answers.
        result : ObjectResult
            What it scored.
        """
        kept = self._exhibits.setdefault(result.dataset, [])
        seen = steps[:CLICKS]
        if len(kept) >= self._most_of_dataset and seen[-1].iou >= kept[-1].iou:
            return
        window = _window(truth, seen, np.shape(image)[:2])
        views = tuple(_view(seen[:count], window) for count in sorted({1, len(seen)}))
        pixels = self._cutout(image, window)
        kept.append(Exhibit(result, pixels, truth.within(window), views))
        kept.sort(key=lambda exhibit: exhibit.iou)
        del kept[self._most_of_dataset :]

    def worst(self) -> list[Exhibit]:
        """Return what was kept, the worst first."""
        kept = [exhibit for group in self._exhibits.values() for exhibit in group]
        return sorted(kept, key=lambda exhibit: exhibit.iou)[: self._most]

    def _cutout(self, image: Any, window: Window) -> NDArray[np.uint8]:
        if image is not self._image:
            from napari_sam2.segmentation.intensity import to_rgb

            self._image, self._rgb = image, to_rgb(image)
        r0, c0, r1, c1 = window
        return self._rgb[r0:r1, c0:c1].copy()


def _window(truth: Cut, steps: Sequence[Step], shape: Sequence[int]) -> Window:
    """Window around object, clicks and most of what leaked; square if it can be."""
    r0, c0, r1, c1 = truth.window
    side = max(r1 - r0, c1 - c0)
    room = np.array([r0, c0, -r1, -c1]) - WIDEST * side
    seen = np.array([truth.window])
    for step in steps:
        seen = np.vstack([seen, joint_window(truth, step.cut)])
    near = np.concatenate([seen[:, :2].min(0), -seen[:, 2:].max(0)])
    near = np.maximum(near, room)
    for click in (step.click for step in steps if step.click):
        place = np.array([click[0], click[1], -click[0] - 1, -click[1] - 1])
        near = np.minimum(near, place)
    near = near - max(NEAR, int(MARGIN * side))
    # As wide as high, so that panels are well used.
    rows, columns = -near[2] - near[0], -near[3] - near[1]
    more = np.array([columns - rows, rows - columns, columns - rows, rows - columns])
    near = near - np.maximum(more, 0) // 2
    limits = np.array([0, 0, -shape[0], -shape[1]])
    r0, c0, r1, c1 = (np.maximum(near, limits) * (1, 1, -1, -1)).tolist()
    return r0, c0, r1, c1


def _view(steps: Sequence[Step], window: Window) -> View:
    clicks = tuple(
        (step.click[0] - window[0], step.click[1] - window[1], step.click[2])
        for step in steps
        if step.click
    )
    return View(steps[-1].cut.within(window), clicks, steps[-1].iou)
