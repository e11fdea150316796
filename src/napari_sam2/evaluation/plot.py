"""How IoU grows with prompts, as a picture."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import ExportError
from napari_sam2.evaluation.result import after
from napari_sam2.evaluation.user import BOX_CLICKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_sam2.evaluation.result import ObjectResult

MACRO = "macro mean"
ACROSS = 4
# Okabe & Ito's colors, told apart by everybody.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def require_matplotlib() -> None:
    """Raise if there is nothing to plot with.

    Raises
    ------
    ExportError
        If matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ExportError(
            "A plot needs matplotlib, which is not installed here: "
            "pip install 'napari-sam2[plot]', or leave out --plot."
        )


def write_plot(
    path: Path, results: Mapping[str, Sequence[ObjectResult]], clicks: int
) -> None:
    """Draw IoU over prompts: the macro mean, then each data set, the worst first.

    Solid lines are clicks; dashed ones begin with a box, which counts as a prompt.

    Parameters
    ----------
    path : pathlib.Path
        File to write, in the format of its suffix.
    results : mapping
        Scores by model.
    clicks : int
        Most clicks that an object could get.

    Raises
    ------
    ExportError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves = {model: _curves(found, clicks) for model, found in results.items()}
    names = list(next(iter(curves.values())))
    across = min(ACROSS, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(3.2 * across, 2.4 * down + 0.8), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for panel, name in zip(panels, names, strict=False):
        for number, (model, known) in enumerate(curves.items()):
            color = COLORS[number % len(COLORS)]
            for curve, style in zip(known[name], ("-", "--"), strict=True):
                prompts = range(1, len(curve) + 1)
                # A line in front of the others would hide them where they meet.
                panel.plot(prompts, curve, style, color=color, marker=".", alpha=0.8)
            if name == MACRO:
                panel.plot([], [], "-", color=color, label=model)
        panel.set_title(name, fontsize=9, weight="bold" if name == MACRO else "normal")
        panel.set_ylim(0, 1)
        panel.grid(alpha=0.3)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in panels[len(names) :]:
        panel.remove()
    figure.legend(loc="outside upper left", ncols=len(curves), frameon=False)
    figure.supxlabel("prompts (solid: clicks; dashed: a box, then clicks)", fontsize=9)
    figure.supylabel("intersection over union", fontsize=9)
    figure.savefig(path, dpi=130)


def _curves(
    found: Iterable[ObjectResult], clicks: int
) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Mean IoU over clicks, and over a box and clicks: macro, then the worst first."""
    groups: dict[str, list[ObjectResult]] = {}
    for result in found:
        groups.setdefault(result.dataset, []).append(result)
    boxed = range(1, min(clicks, 1 + BOX_CLICKS) + 1)
    curves = {
        name: (
            np.array([[after(r.clicks, n + 1) for n in range(clicks)] for r in of]),
            np.array([[after(r.boxed, n) for n in boxed] for r in of]),
        )
        for name, of in groups.items()
    }
    means = {name: (a.mean(0), b.mean(0)) for name, (a, b) in curves.items()}
    ordered = sorted(means.items(), key=lambda item: float(item[1][0][0]))
    macro = tuple(np.mean([pair[i] for pair in means.values()], 0) for i in (0, 1))
    return {MACRO: (macro[0], macro[1]), **dict(ordered)}
