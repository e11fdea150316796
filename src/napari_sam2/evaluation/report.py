"""From the scores of data sets to tables that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TITLES = {
    "iou_box": "box",
    "iou_noisy": "noisy",
    "boundary_f": "outline",
    "boundary_f_box": "outline box",
    "seconds": "s/object",
    "seconds_prompt": "s/prompt",
}
"""Titles of columns that are not plainly their names."""

FIRST = (
    *("iou_1", "iou_2", "iou_3", "iou_5", "iou_10", "iou_box"),
    *("noc_80", "noc_85", "noc_90", "worse_objects"),
)
"""Columns of the first table; the second has the rest."""


def table(summary: Mapping[str, Any]) -> str:
    """Lay out a summary as text, the data sets with the lowest scores first.

    Parameters
    ----------
    summary : mapping
        From `napari_sam2.evaluation.summary.summarize`.

    Returns
    -------
    str
        Lines of two tables, of prompts and of everything else, that are valid
        Markdown as well.
    """
    macro = summary["macro"]
    names = [name for name in macro if name != "datasets"]
    first = [name for name in FIRST if name in names]
    rest = [name for name in names if name not in first]
    return "\n\n".join(_of(summary, columns) for columns in (first, rest) if columns)


def _of(summary: Mapping[str, Any], names: Sequence[str]) -> str:
    datasets = sorted(summary["datasets"].items(), key=lambda item: item[1]["iou_1"])
    rows = [
        [name, str(row["objects"]), *(number(row[key]) for key in names)]
        for name, row in datasets
    ]
    total = sum(row["objects"] for _, row in datasets)
    means = [number(summary["macro"][key]) for key in names]
    titles = [title(name) for name in names]
    return layout(
        ["data set", "objects", *titles], [*rows, ["macro mean", str(total), *means]]
    )


def title(name: str) -> str:
    """Title of a column."""
    if name.startswith("iou_box_"):
        return f"box + {name.removeprefix('iou_box_')}"
    if name.startswith("iou_noisy_"):
        return f"noisy {name.removeprefix('iou_noisy_')}"
    return TITLES.get(name, name.replace("_", " "))


def number(value: float | None) -> str:
    """Three digits after the point; a hyphen for what cannot be known."""
    return "-" if value is None else f"{value:.3f}"


def layout(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align a table: the first column to the left, all others to the right.

    Parameters
    ----------
    titles : sequence of str
        One for each column.
    rows : sequence of sequence of str
        Cells.
    """
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        parts = [f"{first[0]:<{first[1]}}"]
        parts += [f"{cell:>{width}}" for cell, width in others]
        return "| " + " | ".join(parts) + " |"

    rule = ["-" * (width + 2) for width in widths]
    rule = [rule[0], *(f"{dashes[:-1]}:" for dashes in rule[1:])]
    return "\n".join([line(titles), "|" + "|".join(rule) + "|", *map(line, rows)])
