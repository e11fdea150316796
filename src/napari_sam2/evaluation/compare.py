"""Models and baselines side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam2.evaluation.report import layout, number, title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Summary = dict[str, Any]

COLUMNS = (
    *("iou_1", "iou_3", "iou_5", "iou_10", "iou_box", "iou_noisy"),
    *("noc_80", "noc_85", "noc_90", "boundary_f", "worse_objects", "seconds"),
)

COMPARED = ("iou_1", "iou_box")
"""What is shown for each data set."""

BEHIND = 0.02
"""Difference of IoU that counts."""


def compare(summaries: Mapping[str, Summary]) -> str:
    """Lay out several summaries side by side.

    Parameters
    ----------
    summaries : mapping
        By model; see `napari_sam2.evaluation.summary`.

    Returns
    -------
    str
        A table of macro means, and one of data sets for one click and for a box,
        in the first model's order, the worst first.
    """
    first = next(iter(summaries.values()))
    names = [name for name in COLUMNS if name in first["macro"]]
    means = [
        [model, *(number(summary["macro"][name]) for name in names)]
        for model, summary in summaries.items()
    ]
    tables = [layout(["macro mean", *map(title, names)], means)]
    for key in COMPARED:
        datasets = sorted(
            first["datasets"], key=lambda name: first["datasets"][name][key]
        )
        rows = [
            [dataset]
            + [
                number(summary["datasets"][dataset][key])
                for summary in summaries.values()
            ]
            for dataset in datasets
        ]
        tables.append(layout([f"data set: {title(key)}", *summaries], rows))
    return "\n\n".join(tables)


def behind(
    model: Summary, rivals: Mapping[str, Summary], key: str
) -> dict[str, tuple[str, float]]:
    """List the data sets on which a model is worse than the best of its rivals.

    Parameters
    ----------
    model : dict
        Its summary.
    rivals : mapping
        Summaries by name, on the same data sets.
    key : str
        What is compared; more is better.

    Returns
    -------
    dict
        By data set, the best rival and by how much it is better, if by more than
        0.02; the greatest loss first.
    """
    losses = {}
    for dataset, row in model["datasets"].items():
        scores = {
            name: rival["datasets"][dataset][key] for name, rival in rivals.items()
        }
        best = max(scores, key=lambda name: scores[name])
        if scores[best] - row[key] > BEHIND:
            losses[dataset] = (best, scores[best] - row[key])
    return dict(sorted(losses.items(), key=lambda item: -item[1][1]))


def verdict(name: str, model: Summary, baselines: Mapping[str, Summary]) -> str:
    """Say where a model loses against the baselines.

    Parameters
    ----------
    name : str
        Of the model.
    model : dict
        Its summary.
    baselines : mapping
        Summaries by name.

    Returns
    -------
    str
        A line for each of one click and box.
    """
    lines = []
    for key in COMPARED:
        best = max(baselines, key=lambda rival: baselines[rival]["macro"][key])
        margin = model["macro"][key] - baselines[best]["macro"][key]
        line = (
            f"{title(key)}: {name} {margin:+.3f} against the best baseline on macro "
            f"average, {best}; "
        )
        losses = behind(model, baselines, key)
        if losses:
            lost = (f"{d} ({rival} +{by:.3f})" for d, (rival, by) in losses.items())
            line += f"worse by more than {BEHIND} on: {', '.join(lost)}"
        else:
            line += f"on no data set worse than the best of them by more than {BEHIND}"
        lines.append(line)
    return "\n".join(lines)


def to_json(
    model: Summary, others: Mapping[str, Summary], baselines: Sequence[str]
) -> dict[str, Any]:
    """Return what is written of a comparison, as plain values."""
    if not others:
        return {}
    written: dict[str, Any] = {"compared": dict(others)}
    if baselines:
        rivals = {name: others[name] for name in baselines}
        written["behind_baselines"] = {
            key: {
                dataset: {"baseline": rival, "by": by}
                for dataset, (rival, by) in behind(model, rivals, key).items()
            }
            for key in COMPARED
        }
    return written
