"""Which way to compute is the quickest for a model on this machine: measured once."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.engines.exported import EXPORTER
from napari_sam2.engines.exports import engines_folder
from napari_sam2.engines.variant import Variant, variants_here
from napari_sam2.errors import EngineError, NapariSam2Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["Measured", "calibrate", "chosen", "processor", "remembered"]

AGREEMENT = 0.98
"""IoU with the masks of fp32 from which a reduced precision is taken by itself."""

_BUDGET = 2.0  # seconds after which nothing more is measured
_DECODES = 5
# How often a view is asked after it was encoded, for weighing the two against each
# other: the mask follows the mouse.
_QUESTIONS = 20
_PACKAGES = ("onnxruntime-gpu", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True)
class Measured:
    """How a model computed in one of the ways.

    Attributes
    ----------
    engine : str
        :attr:`~napari_sam2.engines.variant.Variant.name`.
    encode_ms, decode_ms : float
        Of one image, and of one click.
    agreement : float or None
        Mean IoU of its masks with those of fp32; None if fp32 was not measured.
    problem : str
        Why it could not be measured; empty if it could.
    """

    engine: str
    encode_ms: float = 0.0
    decode_ms: float = 0.0
    agreement: float | None = None
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether it may be chosen without being asked for."""
        try:
            exact = Variant.parse(self.engine).precision == "fp32"
        except EngineError:  # of another version of this package
            return False
        return not self.problem and (exact or (self.agreement or 0.0) >= AGREEMENT)

    @property
    def cost(self) -> float:
        """Milliseconds for a view and the questions asked about it."""
        return self.encode_ms + _QUESTIONS * self.decode_ms


def chosen(measured: list[Measured]) -> Variant | None:
    """Return the quickest way whose masks agree; None if there is none."""
    usable = [one for one in measured if one.usable]
    if not usable:
        return None
    return Variant.parse(min(usable, key=lambda one: one.cost).engine)


def remembered(spec: ModelSpec, device: str = "cpu") -> list[Measured]:
    """Return what :func:`calibrate` measured on this very machine; may be empty."""
    try:
        known = json.loads(_file(spec, device).read_text(encoding="utf-8"))
        if known["machine"] != _machine():
            return []
        return [Measured(**one) for one in known["measured"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def calibrate(
    spec: ModelSpec,
    make: Callable[[Variant], Engine],
    device: str = "cpu",
    *,
    ways: Iterable[Variant] = (),
    images: Sequence[npt.NDArray[np.uint8]] = (),
    cancel: CancelToken | None = None,
) -> list[Measured]:
    """Measure each way to compute, as far as two seconds go, and remember it.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    make : callable
        ``make(variant)`` gives the engine to measure.
    device : str
        Where they compute.
    ways : iterable of Variant
        Ways that are measured besides those that the machine has by itself, and
        however long it takes.
    images : sequence of ndarray of uint8, shape (height, width, 3)
        Where masks are compared; by default on a drawing.
    cancel : CancelToken, optional
        Looked at between two measurements.

    Raises
    ------
    Cancelled
        If ``cancel`` was raised before the end.
    """
    # What the reduced ones are compared with comes first; torch, which never is the
    # best of several on a CPU, last.
    asked = set(ways)
    order = [*variants_here(device), *asked]
    order.sort(key=lambda way: way.precision != "fp32")
    order.sort(key=lambda way: way.runtime == "torch")
    measured: list[Measured] = []
    truth: npt.NDArray[np.bool_] | None = None
    spent = longest = 0.0
    for way in order:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if measured and spent + longest > _BUDGET and way not in asked:
            continue
        try:
            engine = make(way)
            one, masks, took = _measure(engine, way, images)
        except NapariSam2Error as error:
            measured.append(Measured(way.name, problem=str(error)))
            continue
        spent, longest = spent + took, max(longest, took)
        if truth is None and way.precision == "fp32":
            truth = masks
        agreement = None if truth is None else _agreement(masks, truth)
        measured.append(Measured(one.engine, one.encode_ms, one.decode_ms, agreement))
        del engine
    anew = {one.engine for one in measured}
    measured += [one for one in remembered(spec, device) if one.engine not in anew]
    _remember(spec, device, measured)
    return measured


def _measure(
    engine: Engine, way: Variant, images: Sequence[npt.NDArray[np.uint8]]
) -> tuple[Measured, npt.NDArray[np.bool_], float]:
    """Measure; what came out, the masks, and the seconds that the measuring took."""
    begin = perf_counter()
    image, places = _discs(engine.image_size)
    labels = np.ones((1, 1), dtype=np.int32)

    def clicked(place: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        answer = engine.decode(
            embedding, points=place[None, None], labels=labels, multimask=True
        )
        best: npt.NDArray[np.bool_] = answer.logits[0, answer.scores[0].argmax()] > 0
        return best

    start = perf_counter()
    embedding = engine.encode(image)
    encode = perf_counter() - start
    clicked(places[0])
    if encode < _BUDGET / 10:
        # The first run is slower than those that follow.
        start = perf_counter()
        engine.encode(image)
        encode = min(encode, perf_counter() - start)
    times = []
    for place in places[:_DECODES]:
        start = perf_counter()
        clicked(place)
        times.append(perf_counter() - start)
    masks = [clicked(place) for place in places]
    took = perf_counter() - begin
    if images:
        masks = []
    for other in images:
        embedding = engine.encode(other)
        masks += [clicked(place) for place in places]
    found = Measured(way.name, 1e3 * encode, 1e3 * float(np.median(times)))
    return found, np.stack(masks), took


def _discs(
    size: int,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Draw something to click on, and say where."""
    random = np.random.default_rng(0)
    shares = (0.2, 0.5, 0.8)
    places = np.array([(x, y) for y in shares for x in shares], dtype=np.float32)
    y, x = np.mgrid[:size, :size] / size
    image = random.normal(60, 12, (size, size))
    for number, (col, row) in enumerate(places):
        radius = 0.04 + 0.01 * number
        image += 90 / (1 + np.exp((np.hypot(x - col, y - row) - radius) * 300))
    gray = image.clip(0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2), places * size


def _agreement(masks: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    common = (masks & truth).sum(axis=(1, 2))
    either = (masks | truth).sum(axis=(1, 2))
    return float(np.where(either > 0, common / np.maximum(either, 1), 1.0).mean())


def _remember(spec: ModelSpec, device: str, measured: list[Measured]) -> None:
    known = {"machine": _machine(), "measured": [asdict(one) for one in measured]}
    file = _file(spec, device)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        os.replace(part, file)
    except OSError:
        # Then it is measured again the next time.
        return


def _file(spec: ModelSpec, device: str) -> Path:
    place = device.replace(":", "-")
    return engines_folder() / f"{spec.fingerprint}-{place}.json"


@lru_cache
def _machine() -> dict[str, Any]:
    """All that makes old measurements void when it changes."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "exporter": EXPORTER,
        **versions,
    }


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()
