"""The ways in which a model can be computed on this machine, by name."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

from napari_sam2.errors import EngineError

__all__ = [
    "ENGINE_VARIABLE",
    "Variant",
    "cuda_devices",
    "installed_variants",
    "named",
    "providers",
    "variants_here",
]

ENGINE_VARIABLE = "NAPARI_SAM2_ENGINE"
"""Environment variable that decides which engine ``"auto"`` means."""

_TITLES = {
    "torch": "torch",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "tensorrt": "TensorRT",
}
_PRECISIONS = {
    "torch": ("fp32", "bf16"),
    "onnxruntime": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
    "tensorrt": ("fp32", "fp16"),
}


@dataclass(frozen=True, order=True)
class Variant:
    """A runtime and the precision in which it computes.

    Attributes
    ----------
    runtime : str
        ``"torch"``, ``"onnxruntime"``, ``"openvino"`` or ``"tensorrt"``.
    precision : str
        ``"fp32"``, or one that is reduced: ``"bf16"``, ``"fp16"``, ``"int8"``.
    """

    runtime: str
    precision: str = "fp32"

    @property
    def name(self) -> str:
        """As users write it: ``"openvino"``, ``"openvino-bf16"``."""
        if self.precision == "fp32":
            return self.runtime
        return f"{self.runtime}-{self.precision}"

    @property
    def title(self) -> str:
        """As users read it."""
        title = _TITLES[self.runtime]
        return title if self.precision == "fp32" else f"{title} {self.precision}"

    @property
    def exported(self) -> str | None:
        """Precision of the graphs that it runs; None if it runs none.

        OpenVINO reduces fp32 graphs by itself, and TensorRT when it builds its own.
        """
        if self.runtime == "torch":
            return None
        if self.runtime == "tensorrt" or self.precision == "bf16":
            return "fp32"
        return self.precision

    @classmethod
    def parse(cls, name: str) -> Variant:
        """Read a :attr:`name`.

        Raises
        ------
        EngineError
            If there is no such way to compute.
        """
        runtime, _, precision = name.partition("-")
        precision = precision or "fp32"
        if precision not in _PRECISIONS.get(runtime, ()):
            known = ", ".join(
                cls(runtime, precision).name
                for runtime, precisions in _PRECISIONS.items()
                for precision in precisions
            )
            raise EngineError(f'There is no engine "{name}". Choose auto, {known}.')
        return cls(runtime, precision)


def named(title: str) -> str:
    """Return the name of the engine that users read as ``title``, else ``"auto"``."""
    every = (Variant(one, kind) for one, kinds in _PRECISIONS.items() for kind in kinds)
    return next((one.name for one in every if one.title == title), "auto")


@lru_cache
def installed_variants() -> tuple[Variant, ...]:
    """Ways to compute of which the packages are installed; nothing is loaded."""
    found = [Variant("torch")]
    if find_spec("onnxruntime") is not None:
        found.append(Variant("onnxruntime"))
    if find_spec("openvino") is not None:
        found += [Variant("openvino"), Variant("openvino", "bf16")]
    return tuple(found)


def variants_here(device: str = "cpu") -> list[Variant]:
    """Ways that this machine may have, the one that is expected to be best first.

    Those in fp32 give the masks of the official model; for the others it has to be
    measured.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` (with or without a number), ``"mps"`` or ``"dml"``.
    """
    kind = device.partition(":")[0]
    found = []
    if kind == "cpu":
        if find_spec("openvino") is not None:
            if _has_bf16():
                found.append(Variant("openvino", "bf16"))
            found.append(Variant("openvino"))
        if find_spec("onnxruntime") is not None:
            found.append(Variant("onnxruntime"))
    if kind == "cuda":
        if "TensorrtExecutionProvider" in providers():
            found += [Variant("tensorrt", "fp16"), Variant("tensorrt")]
        found.append(Variant("torch", "bf16"))
        if "CUDAExecutionProvider" in providers():
            found.append(Variant("onnxruntime"))
    if (kind == "mps" and "CoreMLExecutionProvider" in providers()) or (
        kind == "dml" and "DmlExecutionProvider" in providers()
    ):
        found.append(Variant("onnxruntime"))
    return [*found, Variant("torch")]


@lru_cache
def providers() -> tuple[str, ...]:
    """Execution providers that ONNX Runtime was built with here."""
    try:
        import onnxruntime

        return tuple(onnxruntime.get_available_providers())
    except Exception:
        # Not installed, or it lacks a library: then it is no way to compute.
        return ()


@lru_cache
def _has_bf16() -> bool:
    """Whether the processor multiplies in bf16, as OpenVINO sees it."""
    try:
        import openvino

        abilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except Exception:
        return False
    return "BF16" in abilities


@lru_cache
def cuda_devices() -> int:
    """Count the devices of CUDA, without loading torch."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL(library)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value
