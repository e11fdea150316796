"""The contract of an engine: tensors in, tensors out.

An engine runs one model on one device. It knows nothing of layers, planes,
undo or Qt, and its coordinates are the model's own: ``(x, y)`` in pixels of the
square input, with pixel centres at integers, as the official
``SAM2ImagePredictor`` takes them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from napari_sam2.engines.cancellation import CancelToken

__all__ = ["Decoded", "Embedding", "Engine"]


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the encoder makes of one image; opaque outside of its engine.

    Attributes
    ----------
    payload : Any
        The engine's own tensors.
    nbytes : int
        Memory that the payload takes, in bytes.
    """

    payload: Any
    nbytes: int


@dataclass(frozen=True, eq=False)
class Decoded:
    """Answer of the decoder to a batch of ``n`` prompts with ``c`` candidates.

    Attributes
    ----------
    logits : ndarray of float32, shape (n, c, h, w)
        Mask logits at the decoder's own, low resolution, clipped to -32 to 32
        as the official predictor does; above 0 is inside.
    scores : ndarray of float32, shape (n, c)
        Predicted IoU of each candidate.
    """

    logits: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]


class Engine(ABC):
    """One model on one device.

    While one thread encodes, another may decode what was encoded before.
    """

    name: str
    """Runtime, as shown to the user: ``"torch"``, ``"ONNX Runtime"``, …"""

    precision: str = "fp32"
    """Of the computation: ``"fp32"``, ``"bf16"``, ``"fp16"`` or ``"int8"``."""

    model: str
    """Identifies the weights: part of the key of every cached embedding."""

    device: str
    """Device that really computes: ``"cpu"``, ``"cuda:0"``, ``"mps"``, …"""

    version: str = ""
    """Of the runtime: another one may compute other last digits."""

    image_size: int
    """Side of the square input of the model, in pixels."""

    mask_size: int
    """Side of the square low-resolution logits, in pixels."""

    @abstractmethod
    def encode(
        self,
        image: npt.NDArray[np.uint8],
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Embedding:
        """Encode one image.

        Parameters
        ----------
        image : ndarray of uint8, shape (height, width, 3)
            RGB, of any size: it is squashed to the square input of the model
            as the official preprocessing does it.
        cancel : CancelToken, optional
            Looked at between the blocks of the encoder.
        progress : callable, optional
            Called with the fraction done, from 0 to 1, in the calling thread.

        Raises
        ------
        Cancelled
            If ``cancel`` was raised before the end.
        OutOfMemoryError, EngineError
            If the device fails.
        """

    @abstractmethod
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
        """Decode a batch of ``n`` prompts on one embedding.

        Parameters
        ----------
        embedding : Embedding
            As this engine's :meth:`encode` returned it.
        points : ndarray of float32, shape (n, k, 2), optional
            ``(x, y)`` in pixels of the model's input.
        labels : ndarray of int32, shape (n, k), optional
            1 inside, 0 outside, -1 no point (padding).
        boxes : ndarray of float32, shape (n, 4), optional
            ``(x_min, y_min, x_max, y_max)`` in pixels of the model's input.
        masks : ndarray of float32, shape (n, 1, mask_size, mask_size), optional
            Logits of an earlier answer.
        multimask : bool
            Three candidates (part, object, whole) instead of one.

        Raises
        ------
        OutOfMemoryError, EngineError
            If the device fails, if the embedding is one of another engine or
            model, or if the prompts do not form one batch.
        """

    def pack(self, embedding: Embedding) -> dict[str, npt.NDArray[Any]] | None:
        """Return an embedding as arrays, to be kept on a disk.

        Returns
        -------
        dict of str to ndarray, or None
            In C-order, in main memory. None if no other process could use them,
            because the model is no checkpoint, say.
        """
        return None

    def unpack(self, arrays: dict[str, npt.NDArray[Any]]) -> Embedding:
        """Return the embedding that was packed: it decodes to the very same logits.

        Parameters
        ----------
        arrays : dict of str to ndarray
            From :meth:`pack` of an engine with the same name, precision, model, device
            and version.

        Raises
        ------
        ValueError
            If these are no arrays of this engine.
        OutOfMemoryError, EngineError
            If the device fails.
        """
        raise ValueError(f"{self.name} packs no embeddings.")
