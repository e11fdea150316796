"""The engine that runs exported graphs with ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.engines.graph import GraphEngine
from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    Raises
    ------
    EngineError
        If the runtime cannot use the device; it would fall back to the CPU in silence.
    """

    def __init__(self, export: Export, device: str = "cpu") -> None:
        self.name = "ONNX Runtime"
        self.precision = export.precision
        self.device = device
        kind, _, number = device.partition(":")
        if kind not in PROVIDERS:
            raise EngineError(
                f'ONNX Runtime knows no device "{device}". Choose one of '
                f"{', '.join(PROVIDERS)}."
            )
        self._provider = PROVIDERS[kind]
        self._number = int(number or 0)
        super().__init__(export)

    def _load(self, graph: str) -> Any:
        import onnxruntime

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
            providers=[(self._provider, self._options())],
            # It is slower than what it replaces.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
        if session.get_providers()[0] != self._provider:
            raise EngineError(
                f"ONNX Runtime cannot use {self.device}: the libraries that its "
                f"{self._provider} needs are missing or of another version."
            )
        return session

    def _options(self) -> dict[str, str]:
        if self._provider in ("CPUExecutionProvider", "CoreMLExecutionProvider"):
            return {}
        return {"device_id": str(self._number)}

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
            found: list[Any] = graph.run_with_ort_values(outputs, values, options)
        finally:
            if forget is not None:
                forget()
        return found

    def _array(self, output: Any) -> npt.NDArray[np.float32]:
        array: npt.NDArray[np.float32] = output.numpy()
        return array
