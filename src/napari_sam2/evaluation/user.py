"""The simulated user: prompts for one object, looks at the answer, corrects it."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari_sam2.evaluation.clicks import Aim, deepest_point, error_click
from napari_sam2.evaluation.cut import Cut, joint_window, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sam2.evaluation.protocol import Predicted, Segments

GOOD = 0.90
"""IoU at which a patient user is content."""

PATIENCE = 10
"""Clicks that are given even where the mask is good."""

USUAL = 20
"""Clicks at which the literature gives up counting."""

BOX_CLICKS = 3
"""Clicks that correct what a box brought."""

NOISY_CLICKS = 3
"""Clicks of a user who does not aim well."""


@dataclass(frozen=True, eq=False)
class Step:
    """A prompt and its answer.

    Attributes
    ----------
    click : tuple of int or None
        Row, column and label of the click (1 on the object, 0 beside it); None if
        the prompt was a box.
    prediction : Predicted
        What the segmenter answered.
    cut : Cut
        Its mask.
    iou : float
        Intersection over union with the truth.
    seconds : float
        Time until the mask was there.
    """

    click: tuple[int, int, int] | None
    prediction: Predicted
    cut: Cut
    iou: float
    seconds: float


def use(
    segmenter: Segments,
    truth: Cut,
    *,
    box: bool = False,
    aim: Aim = deepest_point,
) -> Iterator[Step]:
    """Prompt for one object of the image that was set.

    The first prompt is a tight box or a click into the object. Every further one is
    a click into the largest error, given with all prompts before and with the mask
    that they brought.

    Parameters
    ----------
    segmenter : Segments
        With the image set.
    truth : Cut
        The object, not empty.
    box : bool
        Begin with a box instead of a click.
    aim : callable
        Where a click goes, within the object or the error.

    Yields
    ------
    Step
        Until the mask is perfect, or every wrong pixel was clicked.
    """
    r0, c0, r1, c1 = truth.window
    corners = (r0, c0, r1 - 1, c1 - 1) if box else None
    clicks: list[tuple[int, int, int]] = []
    if not box:
        first = aim(truth.pixels)
        if first is None:
            return
        clicks.append((r0 + first[0], c0 + first[1], 1))
    prediction: Predicted | None = None
    while True:
        begin = perf_counter()
        prediction = _ask(segmenter, clicks, corners, prediction)
        mask = prediction.mask
        seconds = perf_counter() - begin
        cut = Cut.of(mask)
        click = clicks[-1] if clicks else None
        yield Step(click, prediction, cut, overlap(cut, truth), seconds)
        correction = _correction(cut, truth, clicks, aim)
        if correction is None:
            return
        clicks.append(correction)


def patient(steps: Iterator[Step], most: int) -> list[Step]:
    """Take steps until there are enough, or the mask is good after 10.

    Ten are always given, so that IoU after so many is what it is called. Beyond, only
    the number of clicks to a good mask is of interest.

    Parameters
    ----------
    steps : iterator of Step
        From `use`.
    most : int
        Most steps, at least 1.

    Returns
    -------
    list of Step
        At least one. Fewer than ten, and fewer than `most`, only if the last mask
        leaves nothing to click.
    """
    taken: list[Step] = []
    for step in steps:
        taken.append(step)
        content = len(taken) >= PATIENCE and max(s.iou for s in taken) >= GOOD
        if len(taken) >= most or content:
            break
    return taken


def _ask(
    segmenter: Segments,
    clicks: list[tuple[int, int, int]],
    box: tuple[int, int, int, int] | None,
    before: Predicted | None,
) -> Any:
    prompts: dict[str, Any] = {}
    if clicks:
        prompts["points"] = [click[:2] for click in clicks]
        prompts["labels"] = [click[2] for click in clicks]
    if box is not None:
        prompts["box"] = box
    if before is not None:
        prompts["mask"] = before
    return segmenter.predict(**prompts)


def _correction(
    mask: Cut, truth: Cut, clicks: list[tuple[int, int, int]], aim: Aim
) -> tuple[int, int, int] | None:
    r0, c0, *_ = window = joint_window(mask, truth)
    click = error_click(
        mask.within(window),
        truth.within(window),
        aim=aim,
        taken=[(row - r0, column - c0) for row, column, _ in clicks],
    )
    return None if click is None else (r0 + click[0], c0 + click[1], click[2])
