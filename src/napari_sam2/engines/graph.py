"""What the engines that run exported graphs have in common."""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.engines.base import Decoded, Embedding, Engine
from napari_sam2.engines.candidates import answered, joined
from napari_sam2.engines.exported import (
    ANSWERS,
    FEATURES,
    MASK,
    PREPARED,
    PROMPTS,
)
from napari_sam2.engines.pixels import squashed
from napari_sam2.engines.prompts import PromptBatch
from napari_sam2.errors import (
    Cancelled,
    EngineError,
    NapariSam2Error,
    OutOfMemoryError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.engines.exported import Export

__all__ = ["GraphEngine"]

# What runtimes say when there is too little memory.
_TOO_LITTLE = ("out of memory", "failed to allocate", "bad_alloc", "bad allocation")


class GraphEngine(Engine):
    """Runs the ONNX files of an export; a subclass says by what.

    Parameters
    ----------
    export : Export
        With the graphs encoder, prepare, decode and decode_masks.

    Raises
    ------
    EngineError, OutOfMemoryError
        If the runtime cannot take the graphs.
    """

    at_once: int = 1
    """Prompts that are decoded in one run of the graph: where the processor's caches
    are the limit, fewer are quicker."""

    def __init__(self, export: Export) -> None:
        self.model = export.fingerprint
        self.image_size = export.image_size
        self.mask_size = export.mask_size
        self._export = export
        self._stability = export.stability
        self._pixels = np.dtype(export.pixels)
        # Graphs whose results are read one after the other, by one caller at a time.
        self._encoding, self._decoding = threading.Lock(), threading.Lock()
        self._graphs = {
            name: self._guarded(self._load, name)
            for name in ("encoder", "prepare", "decode", "decode_masks")
        }

    @abstractmethod
    def _load(self, graph: str) -> Any:
        """Make one of the export's graphs ready to run."""

    @abstractmethod
    def _run(
        self,
        graph: Any,
        inputs: Mapping[str, Any],
        outputs: tuple[str, ...],
        cancel: CancelToken | None = None,
    ) -> list[Any]:
        """Run a graph; the outputs stay where they were computed.

        Inputs are arrays, or outputs of other graphs. A cancelled run may end with any
        exception.
        """

    @abstractmethod
    def _array(self, output: Any) -> npt.NDArray[np.float32]:
        """Bring an output here."""

    def _placed(self, array: npt.NDArray[Any]) -> Any:
        """Bring an array to where outputs are computed."""
        return array

    def encode(
        self,
        image: npt.NDArray[np.uint8],
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Embedding:
        """Encode one image; see :meth:`Engine.encode`.

        Progress is reported at the beginning and at the end only.
        """
        if progress is not None:
            progress(0.0)
        if cancel is not None:
            cancel.raise_if_cancelled()
        pixels = self._guarded(squashed, image, self.image_size)
        pixels = pixels.astype(self._pixels, copy=False)
        with self._encoding:
            prepared = self._guarded(self._prepared, pixels, cancel)
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None:
            progress(1.0)
        return self._embedding(prepared)

    def _embedding(self, prepared: dict[str, Any]) -> Embedding:
        nbytes = sum(_nbytes(tensor) for tensor in prepared.values())
        return Embedding(_Payload(self.model, self.name, prepared), nbytes)

    def _prepared(
        self, pixels: npt.NDArray[Any], cancel: CancelToken | None
    ) -> dict[str, Any]:
        graphs = self._graphs
        try:
            features = self._run(graphs["encoder"], {"image": pixels}, FEATURES, cancel)
        except Exception:
            # The runtime has its own words for it.
            if cancel is not None:
                cancel.raise_if_cancelled()
            raise
        if cancel is not None:
            cancel.raise_if_cancelled()
        # A runtime that cannot compute an operation in reduced precision need not say
        # so: OpenVINO does not, of SAM 2.1 in bf16 on processors with AMX.
        if not np.isfinite(self._array(features[0])).all():
            raise EngineError(
                f"{self.name} computes no numbers in {self.precision} on this "
                f"{self.device}: choose another engine for this model."
            )
        given = dict(zip(FEATURES, features, strict=True))
        found = self._run(graphs["prepare"], given, PREPARED)
        return dict(zip(PREPARED, found, strict=True))

    def pack(self, embedding: Embedding) -> dict[str, npt.NDArray[Any]] | None:
        """Return an embedding as arrays; see :meth:`Engine.pack`."""
        payload = embedding.payload
        if not isinstance(payload, _Payload):
            return None
        return {
            name: np.ascontiguousarray(self._array(tensor))
            for name, tensor in payload.prepared.items()
        }

    def unpack(self, arrays: dict[str, npt.NDArray[Any]]) -> Embedding:
        """Return the embedding that was packed; see :meth:`Engine.unpack`."""
        if set(arrays) != set(PREPARED):
            raise ValueError(f"These are not the parts of an embedding: {[*arrays]}.")
        return self._embedding(
            {name: self._guarded(self._placed, arrays[name]) for name in PREPARED}
        )

    def decode(
        self,
        embedding: Embedding,
        *,
        points: npt.NDArray[np.float32] | None = None,
        labels: npt.NDArray[np.int32] | None = None,
        boxes: npt.NDArray[np.float32] | None = None,
        masks: npt.NDArray[np.float32] | None = None,
        multimask: bool = False,
    ) -> Decoded:
        """Decode a batch of prompts; see :meth:`Engine.decode`."""
        batch = PromptBatch.of(self.mask_size, points, labels, boxes, masks)
        payload = embedding.payload
        if not isinstance(payload, _Payload) or (payload.model, payload.engine) != (
            self.model,
            self.name,
        ):
            raise EngineError("The embedding was made by another engine or model.")
        with self._decoding:
            answers = [
                self._guarded(self._answer, payload, part)
                for part in batch.parts(self.at_once)
            ]
        return answered(*joined(answers), multimask, self._stability)

    def _answer(
        self, payload: _Payload, batch: PromptBatch
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        given = dict(payload.prepared)
        given |= zip(PROMPTS, (batch.points, batch.labels), strict=True)
        graph = "decode"
        if batch.masks is not None:
            graph = "decode_masks"
            given[MASK[0]] = batch.masks
        logits, scores = self._run(self._graphs[graph], given, ANSWERS)
        return self._array(logits), self._array(scores)

    def _guarded(self, compute: Callable[..., Any], *arguments: Any) -> Any:
        """Compute, and say in our own words what the runtime could not do."""
        try:
            return compute(*arguments)
        except (NapariSam2Error, Cancelled):
            raise
        except Exception as error:
            words = str(error).lower()
            if isinstance(error, MemoryError) or any(
                sign in words for sign in _TOO_LITTLE
            ):
                raise OutOfMemoryError(
                    f"{self.device} has too little memory for this model. Choose a "
                    "smaller model or another device, or close what else uses the "
                    "memory."
                ) from None
            raise EngineError(
                f"{self.name} on {self.device} could not compute: {error}"
            ) from error


@dataclass(frozen=True, eq=False)
class _Payload:
    """What the decoder needs of an image, where it was computed."""

    model: str
    engine: str
    prepared: dict[str, Any]


def _nbytes(tensor: Any) -> int:
    if isinstance(tensor, np.ndarray):
        return tensor.nbytes
    count: int = np.prod(tensor.shape(), dtype=np.int64).item()
    return 4 * count
