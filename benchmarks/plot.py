"""The ratios to the official predictor as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.engines import Row

__all__ = ["draw"]


def draw(rows: list[Row], machine: dict[str, object], path: Path) -> None:
    """Draw a bar for each engine, precision and model, one panel for each task.

    Parameters
    ----------
    rows : list of Row
        Those named by an engine are drawn.
    machine : dict
        From :func:`benchmarks.machine.describe`.
    path : Path
        A picture of any type that matplotlib writes.
    """
    from matplotlib.figure import Figure

    named = [row for row in rows if row.name.count("/") == 3]
    tasks = list(dict.fromkeys(row.name.split("/")[0] for row in named))
    height = 1.2 + 0.28 * len(named) / max(1, len(tasks))
    figure = Figure(figsize=(4 * len(tasks), height), layout="constrained")
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    for panel, task in zip(panels, tasks, strict=True):
        bars = [row for row in named if row.name.startswith(f"{task}/")][::-1]
        texts = [" ".join(row.name.split("/")[1:]) for row in bars]
        drawn = panel.barh(texts, [row.ratio for row in bars], color="#4c78a8")
        panel.bar_label(drawn, fmt="%.2f", padding=2, fontsize=8)
        panel.axvline(1.0, color="gray", linewidth=1)
        panel.set_xlim(0, 1.15)
        panel.set_title(f"{task}: share of the official time", fontsize=9)
        panel.tick_params(labelsize=8)
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores", fontsize=9)
    figure.savefig(path, dpi=150)
