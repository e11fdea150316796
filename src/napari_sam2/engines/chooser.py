"""From a model and a device to the engine that computes it best."""

from __future__ import annotations

import platform
import shutil
from typing import TYPE_CHECKING

from napari_sam2.engines.calibration import calibrate, chosen, remembered
from napari_sam2.engines.exports import (
    engines_folder,
    export_folder,
    find_export,
    make_export,
)
from napari_sam2.engines.variant import Variant, cuda_devices, providers, variants_here
from napari_sam2.errors import EngineError, ExportError, ModelError, NapariSam2Error

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
    if cuda_devices():
        return "cuda"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps"
    return "dml" if "DmlExecutionProvider" in providers() else "cpu"


def best_engine(spec: ModelSpec, device: str = "auto") -> Engine:
    """Make the quickest engine of those that are ready at once; torch always is.

    Raises
    ------
    ModelError, EngineError
        If torch cannot be used either.
    """
    place = place_of(device)
    way = _wanted(spec, place)
    if way is not None and way.exported is not None and _exported(spec, way):
        try:
            return make_engine(spec, way, place)
        except ModelError:
            raise
        except NapariSam2Error:
            # A library was changed, or a file damaged: measured anew the next time.
            _forget(spec, way)
    reduced = way is not None and way.runtime == "torch"
    return make_engine(
        spec, way if reduced and way is not None else Variant("torch"), device
    )


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
    place = place_of(device)
    assert way.exported is not None
    if way.precision == "int8" and find_export(spec, "int8") is None:
        raise EngineError(
            f"{spec.title} was not quantized yet. Run `napari-sam2 quantize` first, "
            "with images of the kind that it will see."
        )
    export = make_export(spec, way.exported)
    if way.runtime == "openvino":
        from napari_sam2.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(
            export, way.precision, place, engines_folder() / "openvino"
        )
    from napari_sam2.engines.onnx import OnnxEngine

    kind, colon, number = place.partition(":")
    if way.runtime == "tensorrt":
        kind = "tensorrt"
    device = {"mps": "coreml"}.get(kind, kind) + colon + number
    return OnnxEngine(export, device, way.precision, engines_folder() / "tensorrt")


def is_prepared(spec: ModelSpec, device: str = "auto") -> bool:
    """Whether the best engine is known, and ready."""
    way = chosen(remembered(spec, place_of(device)))
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
    place = place_of(device)
    if is_prepared(spec, device):
        return remembered(spec, place)
    if any(way.exported is not None for way in variants_here(place)):
        make_export(spec, cancel=cancel)
    return calibrate(
        spec, lambda way: make_engine(spec, way, place), place, cancel=cancel
    )


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
        lambda way: make_engine(spec, way, device),
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


def _wanted(spec: ModelSpec, place: str) -> Variant | None:
    """Return the best that was measured, or else is expected in fp32."""
    way = chosen(remembered(spec, place))
    if way is not None:
        return way
    exact = [way for way in variants_here(place) if way.precision == "fp32"]
    return next((way for way in exact if way.exported is not None), None)


def _exported(spec: ModelSpec, way: Variant) -> bool:
    return way.exported is not None and find_export(spec, way.exported) is not None


def _forget(spec: ModelSpec, way: Variant) -> None:
    assert way.exported is not None
    export = find_export(spec, way.exported)
    if export is not None:
        shutil.rmtree(export.folder, ignore_errors=True)
