"""The engine that runs exported graphs with ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.engines.exported import ANSWERS, EXPORTER, MASK, PROMPTS
from napari_sam2.engines.graph import GraphEngine
from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.engines.exported import Export

__all__ = ["PROVIDERS", "OnnxEngine"]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "dml": "DmlExecutionProvider",
}
"""Execution provider of each kind of device."""


class OnnxEngine(GraphEngine):
    """SAM 2 in ONNX Runtime.

    Parameters
    ----------
    export : Export
        What to run.
    device : str
        One of :data:`PROVIDERS`; with its number if there are several: ``"cuda:1"``.
    precision : {"fp32", "fp16"}, optional
        For TensorRT, which reduces the graphs by itself; otherwise that of the export.
    cache : Path, optional
        Folder in which TensorRT keeps what it built, which takes minutes.

    Raises
    ------
    EngineError
        If the runtime cannot use the device; it would fall back to the CPU in silence.
    """

    def __init__(
        self,
        export: Export,
        device: str = "cpu",
        precision: str | None = None,
        cache: Path | None = None,
    ) -> None:
        self.name = "TensorRT" if device.startswith("tensorrt") else "ONNX Runtime"
        self.precision = precision or export.precision
        self.device = device
        self._cache = cache
        kind, _, number = device.partition(":")
        if kind not in PROVIDERS:
            raise EngineError(
                f'ONNX Runtime knows no device "{device}". Choose one of '
                f"{', '.join(PROVIDERS)}."
            )
        self._provider = PROVIDERS[kind]
        self._number = int(number or 0)
        self._on_cuda = kind in ("cuda", "tensorrt")
        # Batches pay where there are thousands of cores.
        self.at_once = 64 if self._on_cuda else 1
        super().__init__(export)

    def _load(self, graph: str) -> Any:
        import onnxruntime

        self.version = f"{onnxruntime.__version__}, export {EXPORTER}"
        if self._provider not in onnxruntime.get_available_providers():
            raise EngineError(
                f"This ONNX Runtime has no {self._provider}. Choose the CPU, or "
                "install the package of ONNX Runtime for your device."
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            self._export.path(graph),
            options,
            providers=self._providers(graph),
            # It is slower than what it replaces.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
        if session.get_providers()[0] != self._provider:
            raise EngineError(
                f"ONNX Runtime cannot use {self.device}: the libraries that its "
                f"{self._provider} needs are missing or of another version."
            )
        return session

    def _providers(self, graph: str) -> list[tuple[str, dict[str, str]]]:
        """The provider with its options, and whoever takes what it cannot."""
        number = {"device_id": str(self._number)}
        if self._provider in (PROVIDERS["cpu"], PROVIDERS["coreml"]):
            return [(self._provider, {})]
        if self._provider == PROVIDERS["cuda"]:
            # fp32 is to mean fp32.
            return [(self._provider, number | {"use_tf32": "0"})]
        if self._provider != PROVIDERS["tensorrt"]:
            return [(self._provider, number)]
        options = number | self._profiles(graph)
        options["trt_fp16_enable"] = str(self.precision == "fp16")
        if self._cache is not None:
            options["trt_engine_cache_enable"] = "True"
            options["trt_engine_cache_path"] = str(self._cache)
        return [(self._provider, options), (PROVIDERS["cuda"], number)]

    def _profiles(self, graph: str) -> dict[str, str]:
        """Ranges of the sizes that vary, for which TensorRT builds."""
        if not graph.startswith("decode"):
            return {}
        side = self.mask_size

        def shapes(n: int, k: int) -> str:
            points, labels = PROMPTS
            parts = [f"{points}:{n}x{k}x2", f"{labels}:{n}x{k}"]
            if graph == "decode_masks":
                parts.append(f"{MASK[0]}:{n}x1x{side}x{side}")
            return ",".join(parts)

        return {
            "trt_profile_min_shapes": shapes(1, 1),
            "trt_profile_opt_shapes": shapes(1, 2),
            "trt_profile_max_shapes": shapes(self.at_once, 64),
        }

    def _run(
        self,
        graph: Any,
        inputs: Mapping[str, Any],
        outputs: tuple[str, ...],
        cancel: CancelToken | None = None,
    ) -> list[Any]:
        import onnxruntime

        options = onnxruntime.RunOptions()

        def terminate() -> None:
            options.terminate = True

        values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(value)
            if isinstance(value, np.ndarray)
            else value
            for name, value in inputs.items()
        }
        forget = None if cancel is None else cancel.on_cancel(terminate)
        try:
            if self._on_cuda and ANSWERS[0] not in outputs:
                # What the decoder reads stays where it is.
                binding = graph.io_binding()
                for name, value in values.items():
                    binding.bind_ortvalue_input(name, value)
                for name in outputs:
                    binding.bind_output(name, "cuda", self._number)
                graph.run_with_iobinding(binding, options)
                return list(binding.get_outputs())
            found: list[Any] = graph.run_with_ort_values(outputs, values, options)
        finally:
            if forget is not None:
                forget()
        return found

    def _array(self, output: Any) -> npt.NDArray[np.float32]:
        array: npt.NDArray[np.float32] = output.numpy()
        return array

    def _placed(self, array: npt.NDArray[Any]) -> Any:
        import onnxruntime

        device = "cuda" if self._on_cuda else "cpu"
        return onnxruntime.OrtValue.ortvalue_from_numpy(array, device, self._number)
