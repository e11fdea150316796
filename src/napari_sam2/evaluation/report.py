"""From the scores of objects to tables.

All numbers are means over objects within a data set, and means over data sets in
`macro`, so that a data set with many objects does not outvote the others:

`iou_N`
    Intersection over union after N clicks.
`iou_box`
    The same with a tight box.
`box_is_click`
    Share of objects for which box and first click give the same IoU; near 1 if a
    model ignores its prompt.
`worse`
    Share of further clicks after which IoU is lower by more than 0.05.
`oracle_gap`
    IoU of the best candidate of the first click minus that of the chosen one.
`objects`
    Number of objects (not in `macro`, which has `datasets`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_sam2.evaluation.measure import ObjectResult

SHOWN_CLICKS = (1, 2, 3, 5)
WORSE = 0.05


def summarise(results: Mapping[str, Sequence[ObjectResult]]) -> dict[str, Any]:
    """Average the scores of objects.

    Parameters
    ----------
    results : mapping
        Scores by data set.

    Returns
    -------
    dict
        `macro` and `datasets`.
    """
    datasets = {name: _summarise_one(found) for name, found in results.items()}
    names = [k for k in next(iter(datasets.values()), {}) if k != "objects"]
    macro: dict[str, float] = {
        name: float(np.mean([row[name] for row in datasets.values()])) for name in names
    }
    return {"macro": {**macro, "datasets": len(datasets)}, "datasets": datasets}


def _summarise_one(found: Sequence[ObjectResult]) -> dict[str, float]:
    clicks = np.array([result.clicks for result in found])
    boxes = np.array([result.box for result in found])
    best = np.array([result.best for result in found])
    further = np.diff(clicks, axis=1)
    summary = {
        f"iou_{n}": float(clicks[:, n - 1].mean())
        for n in SHOWN_CLICKS
        if n <= clicks.shape[1]
    }
    return summary | {
        "iou_box": float(boxes.mean()),
        "box_is_click": float(np.isclose(boxes, clicks[:, 0], atol=1e-6).mean()),
        "worse": float((further < -WORSE).mean()) if further.size else 0.0,
        "oracle_gap": float((best - clicks[:, 0]).mean()),
        "objects": len(found),
    }


def table(summary: Mapping[str, Any]) -> str:
    """Lay out a summary as text, the data sets with the lowest scores first.

    Parameters
    ----------
    summary : mapping
        From `summarise`.

    Returns
    -------
    str
        Lines of a table that is valid Markdown as well.
    """
    datasets, macro = summary["datasets"], summary["macro"]
    names = [name for name in macro if name != "datasets"]
    width = max([len("macro mean"), *map(len, datasets)])
    titles = [name.replace("iou_box", "box").replace("_", " ") for name in names]
    lines = [_row("data set", width, ["objects", *titles])]
    lines.append("|" + "-" * (width + 2) + "|" + "-------------:|" * (len(names) + 1))
    for name, row in sorted(datasets.items(), key=lambda item: item[1]["iou_1"]):
        cells = [str(row["objects"]), *(f"{row[key]:.3f}" for key in names)]
        lines.append(_row(name, width, cells))
    total = sum(row["objects"] for row in datasets.values())
    cells = [str(total), *(f"{macro[key]:.3f}" for key in names)]
    lines.append(_row("macro mean", width, cells))
    return "\n".join(lines)


def _row(name: str, width: int, cells: list[str]) -> str:
    return f"| {name:<{width}} |" + "".join(f" {cell:>12} |" for cell in cells)
