"""One row for each object, for those who want to look closer."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from napari_sam2.evaluation.result import after
from napari_sam2.evaluation.summary import GOALS
from napari_sam2.evaluation.user import BOX_CLICKS, NOISY_CLICKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_sam2.evaluation.result import ObjectResult


def write_csv(
    path: Path, results: Mapping[str, Sequence[ObjectResult]], clicks: int
) -> None:
    """Write a row for each object that a model was asked for.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    results : mapping
        Scores by model.
    clicks : int
        Most clicks that an object could get.
    """
    rows = [
        {"model": model, **_row(result, clicks)}
        for model, found in results.items()
        for result in found
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["model"])
        writer.writeheader()
        writer.writerows(rows)


def _row(result: ObjectResult, clicks: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "dataset": result.dataset,
        "image": result.image,
        "plane": "" if result.plane is None else result.plane,
        "label": result.label,
        "area": result.area,
        "row": result.place[0],
        "column": result.place[1],
    }
    for n in range(1, clicks + 1):
        row[f"iou_{n}"] = after(result.clicks, n)
    row["iou_box"] = result.boxed[0]
    for n in range(1, min(clicks, 1 + BOX_CLICKS)):
        row[f"iou_box_{n}"] = after(result.boxed, 1 + n)
    for n in range(1, min(clicks, NOISY_CLICKS) + 1):
        row[f"iou_noisy_{n}"] = after(result.noisy, n)
    for goal in GOALS:
        row[f"noc_{goal}"] = result.clicks_to(goal / 100, clicks)
    row |= {
        "iou_best_candidate": result.best,
        "score_1": result.scores[0] if result.scores else "",
        "boundary_f": result.boundary,
        "boundary_f_box": result.boundary_box,
        "clicks": len(result.clicks),
        "worse": sum(result.drops()),
        "seconds": result.seconds,
        "prompts": result.prompts,
    }
    return {
        name: f"{value:.6g}" if isinstance(value, float) else value
        for name, value in row.items()
    }
