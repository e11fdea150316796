"""The engine that runs exported graphs with OpenVINO, an optional extra."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.engines.exported import EXPORTER
from napari_sam2.engines.graph import GraphEngine
from napari_sam2.errors import Cancelled, EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.engines.exported import Export

__all__ = ["OpenVinoEngine"]

# Integers are in the graph itself.
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}


class OpenVinoEngine(GraphEngine):
    """SAM 2 in OpenVINO.

    Parameters
    ----------
    export : Export
        What to run.
    precision : {"fp32", "bf16", "fp16", "int8"}
        Of the encoder; the decoder, which is small, always computes in fp32. Left to
        itself, OpenVINO would compute in bf16 where the processor can.
    device : str
        ``"cpu"``, or what OpenVINO calls it: ``"GPU"``, ``"NPU"``.
    cache : Path, optional
        Folder in which OpenVINO keeps what it compiled.

    Raises
    ------
    EngineError
        If OpenVINO is not installed, or cannot use the device.
    """

    at_once: int = 8

    def __init__(
        self,
        export: Export,
        precision: str = "fp32",
        device: str = "cpu",
        cache: Path | None = None,
    ) -> None:
        try:
            import openvino

            self._core = openvino.Core()
        except (ImportError, RuntimeError) as error:
            raise EngineError(
                f"OpenVINO cannot be used here ({error}). Run "
                "`pip install napari-sam2[openvino]`, or choose another engine."
            ) from error
        self.name = "OpenVINO"
        self.version = f"{openvino.__version__}, export {EXPORTER}"
        self.precision = precision
        self.device = device
        self._settings = {"PERFORMANCE_HINT": "LATENCY"}
        if cache is not None and _writable(cache):
            self._settings["CACHE_DIR"] = str(cache)
        super().__init__(export)

    def _load(self, graph: str) -> Any:
        path = self._export.path(graph)
        precision = _PRECISIONS[self.precision if graph == "encoder" else "fp32"]
        settings = {**self._settings, "INFERENCE_PRECISION_HINT": precision}
        return self._core.compile_model(path, self.device.upper(), settings)

    def _run(
        self,
        graph: Any,
        inputs: Mapping[str, Any],
        outputs: tuple[str, ...],
        cancel: CancelToken | None = None,
    ) -> list[Any]:
        # A request of its own for each run: its outputs live as long as they are used.
        request = graph.create_infer_request()
        forget = None if cancel is None else cancel.on_cancel(request.cancel)
        try:
            request.start_async(dict(inputs), share_inputs=True)
            request.wait()
        finally:
            if forget is not None:
                forget()
        if cancel is not None and cancel.cancelled:
            raise Cancelled
        return [request.get_tensor(name).data for name in outputs]

    def _array(self, output: Any) -> npt.NDArray[np.float32]:
        return np.asarray(output, dtype=np.float32)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
