"""What came out of an evaluation: of a model, and of what it is compared with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from napari_sam2.errors import ImageError
from napari_sam2.evaluation import compare
from napari_sam2.evaluation.baselines import all_baselines
from napari_sam2.evaluation.measure import Settings, run
from napari_sam2.evaluation.report import table
from napari_sam2.evaluation.summary import summarize
from napari_sam2.evaluation.user import GOOD, PATIENCE, USUAL
from napari_sam2.evaluation.worst import Gallery

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.evaluation.candidates import Candidates
    from napari_sam2.evaluation.result import ObjectResult
    from napari_sam2.evaluation.scope import Scope
    from napari_sam2.evaluation.worst import Exhibit


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came out.

    Attributes
    ----------
    candidates : Candidates
        What was measured.
    settings : Settings
        What was fixed.
    results : dict
        Scores of the objects, by name of the candidate, the model first.
    scope : Scope
        What was counted, and what was left out.
    exhibits : list of Exhibit
        The model's worst objects.
    ways : dict
        How each model really was computed, by name: its device, and whether it took
        a closer look.
    """

    candidates: Candidates
    settings: Settings
    results: dict[str, list[ObjectResult]]
    scope: Scope
    exhibits: list[Exhibit]
    ways: dict[str, dict[str, Any]]

    def summaries(self) -> dict[str, dict[str, Any]]:
        """Means, by name of the candidate."""
        clicks = self.settings.clicks
        return {name: summarize(found, clicks) for name, found in self.results.items()}

    @property
    def rivals(self) -> list[str]:
        """Names of the baselines that were measured."""
        return list(all_baselines()) if self.candidates.baselines else []

    def text(self) -> str:
        """Say what was counted, and lay out the tables."""
        settings, summaries = self.settings, self.summaries()
        name, model = next(iter(summaries.items()))
        counted = self.scope.text(settings.max_objects, settings.seed)
        parts = ["\n".join([counted, self._prompts(), *self._ways()]), table(model)]
        if len(summaries) > 1:
            parts.append(compare.compare(summaries))
        if self.rivals:
            rivals = {rival: summaries[rival] for rival in self.rivals}
            parts.append(compare.verdict(name, model, rivals))
        return "\n\n".join(parts)

    def _prompts(self) -> str:
        clicks = self.settings.clicks
        text = f"Clicks: up to {clicks} an object, each into the largest error"
        if clicks > PATIENCE:
            text += f", after {PATIENCE} only until IoU is {GOOD:.2f}"
        return (
            f"{text}. Where the IoU of a noc is not reached, it is {clicks}"
            f"{'' if clicks == USUAL else f'; the literature allows {USUAL}'}."
        )

    def _ways(self) -> list[str]:
        return [
            f"{name}: on {way['device']}, {'a' if way['zoom'] else 'no'} closer look."
            for name, way in self.ways.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        summaries = self.summaries()
        name, model = next(iter(summaries.items()))
        others = {other: summaries[other] for other in summaries if other != name}
        return {
            **model,
            "settings": {**asdict(self.candidates), **asdict(self.settings)},
            "computed": self.ways,
            "scope": self.scope.to_json(),
            **compare.to_json(model, others, self.rivals),
        }


def evaluate_all(
    folder: Path,
    candidates: Candidates,
    settings: Settings,
    *,
    exhibit: bool = False,
    say: Callable[[str], Any] | None = None,
) -> Evaluation:
    """Measure a model and what it is compared with.

    Parameters
    ----------
    folder : pathlib.Path
        See `napari_sam2.evaluation.folder`.
    candidates : Candidates
        What is to be measured.
    settings : Settings
        What is fixed.
    exhibit : bool
        Whether to keep the model's worst objects.
    say : callable, optional
        Gets a line of text for every candidate and image.

    Returns
    -------
    Evaluation
        What came out.

    Raises
    ------
    ImageError
        If the folder holds nothing that counts, or a file cannot be used.
    ModelError, EngineError
        If a model cannot be loaded, or fails.
    """
    candidates.check()
    gallery = Gallery() if exhibit else None
    results: dict[str, list[ObjectResult]] = {}
    ways: dict[str, dict[str, Any]] = {}
    scope: Scope | None = None
    for name, segmenter in candidates.open():
        if say is not None and (candidates.others or candidates.baselines):
            say(f"{name}:")
        first = scope is None
        found, seen = run(
            folder, segmenter, settings, gallery=gallery if first else None, say=say
        )
        if not found:
            raise ImageError(
                f"Nothing in “{folder}” counts. --everything includes automatic labels "
                "and simulated images; objects need at least 30 pixels."
            )
        results[name] = found
        if name not in all_baselines():
            ways[name] = {
                "device": str(getattr(segmenter, "device", candidates.device)),
                "zoom": bool(getattr(segmenter, "zoom", False)),
            }
        scope = scope or seen
    assert scope is not None
    exhibits = gallery.worst() if gallery is not None else []
    return Evaluation(candidates, settings, results, scope, exhibits, ways)
