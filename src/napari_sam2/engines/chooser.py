"""From a model and a device to the engine that computes it best."""

from __future__ import annotations

import logging
import platform
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.engines.calibration import calibrate, chosen, remembered
from napari_sam2.engines.exports import (
    engines_folder,
    export_folder,
    find_export,
    locked,
    make_export,
)
from napari_sam2.engines.variant import Variant, cuda_devices, providers, variants_here
from napari_sam2.errors import Cancelled, EngineError, ExportError, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.calibration import Measured
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = [
    "best_engine",
    "best_way",
    "is_prepared",
    "make_engine",
    "place_of",
    "prepare",
    "quantize_model",
]


def place_of(device: str) -> str:
    """Turn ``"auto"`` into a device, as far as that is known without torch."""
    if device != "auto":
        return device
    # torch calls AMD's devices cuda as well.
    if cuda_devices() or Path("/dev/kfd").exists():
        return "cuda"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps"
    return "dml" if "DmlExecutionProvider" in providers() else "cpu"


def best_way(spec: ModelSpec, device: str = "auto") -> Variant:
    """Return the quickest way of those that are ready at once; torch always is.

    It is the best that was measured. Before anything was, a processor may be trusted to
    compute an export quicker than torch; of an accelerator nobody knows.
    """
    way, place = _measured(spec, device)
    if way is None and place == "cpu":
        exact = [way for way in variants_here(place) if way.precision == "fp32"]
        way = next((way for way in exact if way.exported is not None), None)
    if way is None or (way.exported is not None and not _exported(spec, way)):
        return Variant("torch")
    return way


def best_engine(spec: ModelSpec, device: str = "auto") -> Engine:
    """Make the engine of :func:`best_way`, or else that of torch.

    Raises
    ------
    ModelError, EngineError
        If torch cannot be used either.
    """
    way = best_way(spec, device)
    if way != Variant("torch"):
        try:
            return make_engine(spec, way, _measured(spec, device)[1])
        except (ModelError, Cancelled):
            raise
        except Exception:
            # A library that is missing or of another version raises what it likes.
            logging.getLogger(__name__).warning(
                "%s cannot be used; torch computes instead", way.title, exc_info=True
            )
    return make_engine(spec, Variant("torch"), device)


def make_engine(spec: ModelSpec, way: Variant, device: str = "auto") -> Engine:
    """Make a certain engine; the model is exported first if that is needed.

    Raises
    ------
    ModelError
        If the model is missing, or is not what it claims to be.
    EngineError, OutOfMemoryError
        If the engine cannot compute on the device.
    ExportError
        If the model cannot be exported.
    """
    if way.runtime == "torch":
        from napari_sam2.engines.torch import TorchEngine

        # torch has its own idea of what is best; of DirectML it knows nothing.
        torch_device = "auto" if device == "dml" else device
        return TorchEngine(spec, torch_device, way.precision)
    assert way.exported is not None
    if way.precision == "int8" and find_export(spec, "int8") is None:
        raise EngineError(
            f"{spec.title} was not quantized yet. Run `napari-sam2 quantize` first, "
            "with images of the kind that it will see."
        )
    export = make_export(spec, way.exported)
    if way.runtime == "openvino":
        from napari_sam2.engines.openvino import OpenVinoEngine

        # Accelerators of its own are asked for by its own names: "GPU", "NPU".
        own = device if device.upper().startswith(("GPU", "NPU")) else "cpu"
        cache = engines_folder() / "openvino"
        return OpenVinoEngine(export, way.precision, own, cache)
    from napari_sam2.engines.onnx import OnnxEngine

    place = place_of(device)
    kind, colon, number = place.partition(":")
    if way.runtime == "tensorrt":
        kind = "tensorrt"
    wanted = {"mps": "coreml"}.get(kind, kind) + colon + number
    cache = engines_folder() / "tensorrt"
    try:
        return OnnxEngine(export, wanted, way.precision, cache)
    except EngineError:
        if device != "auto" or wanted == "cpu":
            raise
        return OnnxEngine(export, "cpu", way.precision)


def is_prepared(spec: ModelSpec, device: str = "auto") -> bool:
    """Whether the best engine is known, and ready."""
    way, _ = _measured(spec, device)
    return way is not None and (way.exported is None or _exported(spec, way))


def prepare(
    spec: ModelSpec, device: str = "auto", *, cancel: CancelToken | None = None
) -> list[Measured]:
    """Export a model and find out what computes it best on this machine.

    Takes half a minute the first time, and nothing after that.

    Raises
    ------
    ModelError, ExportError
        If the model is missing, or cannot be exported.
    Cancelled
        If ``cancel`` was raised before the end.
    """
    # Two windows that are opened together must not measure at once.
    with locked(engines_folder() / f"{spec.fingerprint}-measure", cancel):
        if is_prepared(spec, device):
            return remembered(spec, _measured(spec, device)[1])
        measured: list[Measured] = []
        for place in dict.fromkeys([place_of(device), "cpu"]):
            if any(way.exported is not None for way in variants_here(place)):
                make_export(spec, cancel=cancel)
            measured = calibrate(
                spec,
                partial(_make_at, spec, place),
                place,
                ways=_quantized(spec) if place == "cpu" else (),
                cancel=cancel,
            )
            # A driver does not make an accelerator that something can use.
            if device != "auto" or chosen(measured) is not None:
                break
        return measured


def _make_at(spec: ModelSpec, place: str, way: Variant) -> Engine:
    return make_engine(spec, way, place)


def _measured(spec: ModelSpec, device: str) -> tuple[Variant | None, str]:
    """Return the best that was measured, and where."""
    place = place_of(device)
    measured = remembered(spec, place)
    if device == "auto" and measured and chosen(measured) is None:
        place, measured = "cpu", remembered(spec, "cpu")
    return chosen(measured), place


def quantize_model(
    spec: ModelSpec, images: Sequence[npt.NDArray[np.uint8]], device: str = "cpu"
) -> list[Measured]:
    """Make the int8 version of a model's encoder, and measure what it brings and costs.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    images : sequence of ndarray of uint8, shape (height, width, 3)
        Every other one for the ranges of the integers, the rest for comparing masks.
    device : str
        Where it is measured.

    Raises
    ------
    ModelError, ExportError
        If the model is missing, or cannot be exported or quantized.
    """
    from napari_sam2.engines.quantize import quantize

    if len(images) < 2:
        raise ExportError("Give at least two images: one to calibrate, one to compare.")
    quantize(make_export(spec), images[::2], export_folder(spec, "int8"))
    return calibrate(
        spec,
        partial(_make_at, spec, device),
        device,
        ways=_quantized(spec),
        images=images[1::2],
    )


def _quantized(spec: ModelSpec) -> list[Variant]:
    """Return the int8 variants, if they were made."""
    if find_export(spec, "int8") is None:
        return []
    runtimes = {way.runtime for way in variants_here("cpu")} - {"torch"}
    return [Variant(runtime, "int8") for runtime in sorted(runtimes)]


def _exported(spec: ModelSpec, way: Variant) -> bool:
    return way.exported is not None and find_export(spec, way.exported) is not None
