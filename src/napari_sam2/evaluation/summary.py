"""From the scores of objects to those of data sets.

All numbers are means over the objects of a data set, and in `macro` means over data
sets, so that a data set with many objects does not outvote the others:

`iou_N`
    Intersection over union after N clicks.
`iou_box`, `iou_box_N`
    The same with a tight box, and after N clicks more.
`iou_noisy`, `iou_noisy_3`
    The same after one and after three noisy clicks, see `NoisyAim`.
`noc_80`, `noc_85`, `noc_90`
    Number of clicks until IoU is 0.80, 0.85, 0.90 for the first time, and as many as
    were allowed where it never is: Sofiiuk et al. 2020, "f-BRS: rethinking
    backpropagating refinement for interactive segmentation", who allow 20.
`boundary_f`, `boundary_f_box`
    F-score of the outline after one click, and with a box, see `boundary_f`.
`worse`
    Share of further clicks after which IoU is lower by more than 0.05.
`worse_objects`
    Share of objects to which this happens with any of their further clicks.
`worse_second`
    Share of objects to which it happens with the second click.
`oracle_gap`
    IoU of the best candidate of the first click minus that of the chosen one.
`box_is_click`
    Share of objects for which box and first click give the same IoU; near 1 if a
    model ignores its prompt.
`calibration`
    Expected calibration error of the predicted IoU, over all answers to clicks and
    boxes, see `calibration_error`; none if there is no such prediction.
`seconds`, `seconds_prompt`
    Time that the segmenter takes for all prompts of an object, and for one of them.
`objects`
    Number of objects (not in `macro`, which has `datasets`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.evaluation.calibration import calibration_error
from napari_sam2.evaluation.result import after
from napari_sam2.evaluation.user import BOX_CLICKS, NOISY_CLICKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sam2.evaluation.result import ObjectResult

SHOWN_CLICKS = (1, 2, 3, 5, 10)
GOALS = (80, 85, 90)


def summarize(results: Iterable[ObjectResult], clicks: int) -> dict[str, Any]:
    """Average the scores of objects.

    Parameters
    ----------
    results : iterable of ObjectResult
        Scores of all objects.
    clicks : int
        Most clicks that an object could get.

    Returns
    -------
    dict
        `macro` and `datasets`, of plain values. What cannot be known is None.
    """
    groups: dict[str, list[ObjectResult]] = {}
    for result in results:
        groups.setdefault(result.dataset, []).append(result)
    datasets = {name: _averages(found, clicks) for name, found in groups.items()}
    names = [name for name in next(iter(datasets.values()), {}) if name != "objects"]
    macro: dict[str, Any] = {
        name: _known(np.mean([_number(row[name]) for row in datasets.values()]))
        for name in names
    }
    return {"macro": {**macro, "datasets": len(datasets)}, "datasets": datasets}


def _averages(found: Sequence[ObjectResult], clicks: int) -> dict[str, Any]:
    counts = [n for n in SHOWN_CLICKS if n <= clicks]
    rows: dict[str, list[float]] = {
        f"iou_{n}": [after(r.clicks, n) for r in found] for n in counts
    }
    rows["iou_box"] = [r.boxed[0] for r in found]
    for n in range(1, min(clicks, 1 + BOX_CLICKS)):
        rows[f"iou_box_{n}"] = [after(r.boxed, 1 + n) for r in found]
    rows["iou_noisy"] = [r.noisy[0] for r in found]
    if clicks >= NOISY_CLICKS:
        name = f"iou_noisy_{NOISY_CLICKS}"
        rows[name] = [after(r.noisy, NOISY_CLICKS) for r in found]
    for goal in GOALS:
        rows[f"noc_{goal}"] = [r.clicks_to(goal / 100, clicks) for r in found]
    rows["boundary_f"] = [r.boundary for r in found]
    rows["boundary_f_box"] = [r.boundary_box for r in found]
    drops = [r.drops() for r in found]
    rows["worse"] = [drop for object_ in drops for drop in object_] or [False]
    rows["worse_objects"] = [any(object_) for object_ in drops]
    rows["worse_second"] = [any(object_[:1]) for object_ in drops]
    rows["oracle_gap"] = [r.best - r.clicks[0] for r in found]
    rows["box_is_click"] = [abs(r.boxed[0] - r.clicks[0]) <= 1e-6 for r in found]
    seconds, prompts = sum(r.seconds for r in found), sum(r.prompts for r in found)
    answers = [
        answer
        for r in found
        for answer in zip(r.scores, (*r.clicks, *r.boxed), strict=False)
    ]
    return {
        **{name: _known(np.mean(values)) for name, values in rows.items()},
        "calibration": _known(calibration_error(answers)),
        "seconds": seconds / len(found),
        "seconds_prompt": seconds / max(prompts, 1),
        "objects": len(found),
    }


def _known(value: float | np.floating[Any]) -> float | None:
    """Plain number, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else float(value)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
