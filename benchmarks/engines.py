"""Every engine on every model, against the official predictor in the same run.

The baseline is ``SAM2ImagePredictor`` with the architecture of SAM 2.1 tiny:
``set_image`` for encoding; prompt encoder and mask decoder, one click to three
low-resolution masks, for decoding. The weights do not matter for the time; where the
official ones are not on the machine, random ones stand for them.

``encode``, ``decode`` and ``decode64`` (milliseconds a prompt, in a batch of 64) are
named ``what/model/fp32`` for the fastest engine whose logits are those of torch to
within 1e-3 of their deviation, ``what/model/best`` for the fastest whose masks have an
IoU of 0.98 with them, and ``what/model/precision/engine`` for each.

Run with ``python -m benchmarks engines``.
"""

from __future__ import annotations

import gc
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.models import spec_of
from benchmarks.official import OfficialPredictor
from benchmarks.timing import bursts
from napari_sam2.engines.chooser import make_engine
from napari_sam2.engines.variant import Variant, variants_here
from napari_sam2.errors import NapariSam2Error
from napari_sam2.segmentation.intensity import to_rgb
from napari_sam2.synthesis import generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_sam2.engines.base import Decoded, Embedding, Engine

__all__ = ["Row", "measure"]

_SIDE = 1024
_EXACT = 1e-3  # of the deviation of the logits
_ALIKE = 0.98  # IoU of the masks
_BATCH = 64


@dataclass(frozen=True)
class Row:
    """One figure and its baseline of the same turns.

    Attributes
    ----------
    name : str
        ``what/model/precision`` or ``what/model/precision/engine``.
    ms, baseline_ms : float
        Medians.
    engine : str
        What computed.
    """

    name: str
    ms: float
    baseline_ms: float
    engine: str

    @property
    def ratio(self) -> float:
        """How much of the baseline's time it takes."""
        return self.ms / self.baseline_ms


@dataclass
class _Candidate:
    """An engine under test, and how faithful it turned out to be."""

    way: Variant
    engine: Engine
    embedding: Embedding
    error: float = 0.0
    overlap: float = 1.0
    times: dict[str, float] = field(default_factory=dict)


def measure(models: tuple[str, ...], device: str, *, quick: bool) -> Iterator[Row]:
    """Measure, model by model.

    Parameters
    ----------
    models : tuple of str
        Names in the catalogue.
    device : str
        ``"cpu"`` or ``"cuda"``.
    quick : bool
        Fewer turns.
    """
    official = OfficialPredictor(spec_of("sam2.1-tiny"), device)
    rgb = to_rgb(generate("nuclei", (_SIDE, _SIDE), seed=1).image)
    official.encode(rgb)
    for model in models:
        candidates = _candidates(model, device, rgb)
        yield from _rows("encode", model, candidates, official, rgb, quick)
        yield from _rows("decode", model, candidates, official, rgb, quick)
        yield from _rows("decode64", model, candidates, official, rgb, quick)
        del candidates
        gc.collect()


def _candidates(model: str, device: str, rgb: np.ndarray) -> list[_Candidate]:
    """Load every engine, and compare its masks with those of torch."""
    spec = spec_of(model)
    found: list[_Candidate] = []
    truth: list[Decoded] = []
    # torch is the measure of the others.
    for way in reversed(variants_here(device)):
        try:
            engine = make_engine(spec, way, device)
        except NapariSam2Error as error:
            print(f"{way.name} is left out: {error}")
            continue
        candidate = _Candidate(way, engine, engine.encode(rgb))
        answers = [ask(engine, candidate.embedding, 1, seed) for seed in range(8)]
        truth = truth or answers
        candidate.error = max(
            float(np.abs(ours.logits - theirs.logits).max() / theirs.logits.std())
            for ours, theirs in zip(answers, truth, strict=True)
        )
        candidate.overlap = statistics.mean(
            _overlap(ours.logits, theirs.logits)
            for ours, theirs in zip(answers, truth, strict=True)
        )
        found.append(candidate)
    return found


def ask(engine: Engine, embedding: Embedding, count: int, seed: int = 0) -> Decoded:
    """Decode a batch of clicks."""
    random = np.random.default_rng(seed)
    points = random.uniform(0.1, 0.9, (count, 1, 2)).astype(np.float32)
    labels = np.ones((count, 1), dtype=np.int32)
    return engine.decode(
        embedding, points=points * engine.image_size, labels=labels, multimask=True
    )


def _overlap(ours: np.ndarray, theirs: np.ndarray) -> float:
    """IoU of masks, cut where random weights leave them neither empty nor full."""
    scores = []
    for mine, other in zip(ours[0], theirs[0], strict=True):
        share = float((other > 0).mean())
        threshold = 0.0 if 0.001 < share < 0.9 else float(np.median(other))
        both = (mine > threshold) & (other > threshold)
        either = (mine > threshold) | (other > threshold)
        scores.append(both.sum() / max(1, either.sum()))
    return float(np.mean(scores))


def _rows(
    what: str,
    model: str,
    candidates: list[_Candidate],
    official: OfficialPredictor,
    rgb: np.ndarray,
    quick: bool,
) -> Iterator[Row]:
    actions: dict[str, Callable[[], object]] = {}
    for one in candidates:
        actions[one.way.name] = {
            "encode": lambda one=one: one.engine.encode(rgb),
            "decode": lambda one=one: ask(one.engine, one.embedding, 1),
            "decode64": lambda one=one: ask(one.engine, one.embedding, _BATCH),
        }[what]
    baseline = (lambda: official.encode(rgb)) if what == "encode" else official.click
    actions["official"] = baseline
    slow = model != "starter" and what != "decode"
    turns = 2 if slow and quick else 3
    counted = {"encode": 1 if slow else 5, "decode": 10, "decode64": 1}[what]
    timings = bursts(actions, turns=turns, counted=counted)
    prompts = _BATCH if what == "decode64" else 1
    base = timings["official"].median
    for one in candidates:
        ms = timings[one.way.name].median / prompts
        yield Row(
            f"{what}/{model}/{one.way.precision}/{one.way.runtime}",
            ms,
            base,
            f"{one.way.title}, error {one.error:.0e}, IoU {one.overlap:.3f}",
        )
        one.times[what] = ms
    for name, fit in (
        ("fp32", lambda one: one.error <= _EXACT),
        ("best", lambda one: one.overlap >= _ALIKE),
    ):
        fitting = [one for one in candidates if fit(one)]
        if fitting:
            best = min(fitting, key=lambda one: one.times[what])
            yield Row(f"{what}/{model}/{name}", best.times[what], base, best.way.title)


def as_json(rows: list[Row]) -> list[dict[str, Any]]:
    """Turn figures into what is written."""
    return [
        {
            "name": row.name,
            "ms": row.ms,
            "baseline_ms": row.baseline_ms,
            "ratio": row.ratio,
            "engine": row.engine,
        }
        for row in rows
    ]
