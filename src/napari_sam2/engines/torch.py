"""The engine that runs everywhere: PyTorch, with the official modules."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch

from napari_sam2.engines.base import Decoded, Embedding, Engine
from napari_sam2.engines.candidates import LOGIT_LIMIT, Stability, answered, joined
from napari_sam2.engines.device import choose_device, guarded
from napari_sam2.engines.encoder import ImageEncoder, normalized, watched
from napari_sam2.engines.plain import PlainDecoder
from napari_sam2.engines.prompts import PromptBatch
from napari_sam2.engines.thin import Prepared, ThinDecoder
from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    from sam2.modeling.sam2_base import SAM2Base

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["TorchEngine"]

# Prompts that an accelerator decodes at once, which bounds the memory it takes.
_BATCH = 64


class TorchEngine(Engine):
    """SAM 2 in PyTorch, equal to the official ``SAM2ImagePredictor``.

    Parameters
    ----------
    model : ModelSpec or SAM2Base
        What to load; or a model that is there already, of which the engine
        keeps a copy as it is now.
    device : str
        ``"auto"`` (CUDA, else MPS, else the CPU), or a name that torch knows.
    precision : {"fp32", "bf16"}
        Of the encoder; the decoder, which is small, always computes in fp32.

    Raises
    ------
    ModelError
        If the weights are missing or are not what they claim to be.
    EngineError, OutOfMemoryError
        If there is no such device, or if it has too little memory.
    """

    name = "torch"
    version = torch.__version__

    def __init__(
        self,
        model: ModelSpec | SAM2Base,
        device: str = "auto",
        precision: str = "fp32",
    ) -> None:
        self.precision = precision
        self._place = choose_device(device)
        self.device = str(self._place)
        self._encoding = threading.Lock()
        guarded(self.device, lambda: self._load(model))

    def _load(self, model: ModelSpec | SAM2Base) -> None:
        sam: Any
        # What somebody has built in this process is known to nobody else.
        self._lasting = not isinstance(model, torch.nn.Module)
        if isinstance(model, torch.nn.Module):
            self.model = f"{type(model).__name__}-{uuid4().hex}"
            sam = deepcopy(model).to(self._place).eval()
            fuse = getattr(sam.image_encoder.trunk, "fuse", None)
            if callable(fuse):
                fuse()
        else:
            from napari_sam2.models.build import build_model

            self.model = model.fingerprint
            sam = build_model(model, self.device)
        sam.requires_grad_(False)
        self.image_size = int(sam.image_size)
        self.mask_size = int(sam.sam_prompt_encoder.mask_input_size[0])
        self._encoder = ImageEncoder(sam)
        self._prompt_encoder = sam.sam_prompt_encoder
        self._stability = Stability.of(sam.sam_mask_decoder)
        self._decoder: ThinDecoder | PlainDecoder
        on_cpu = self._place.type == "cpu"
        if on_cpu:
            # The layout in which convolutions are fastest there.
            self._encoder.to(memory_format=torch.channels_last)
        thin = on_cpu and sam.use_high_res_features_in_sam
        self._decoder = ThinDecoder(sam) if thin else PlainDecoder(sam)
        # One prompt at a time stays within the caches of a processor.
        self._at_once = 1 if on_cpu else _BATCH

    def encode(
        self,
        image: npt.NDArray[np.uint8],
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Embedding:
        """Encode one image; see :meth:`Engine.encode`."""
        return guarded(self.device, lambda: self._encode(image, cancel, progress))

    def _encode(
        self,
        image: npt.NDArray[np.uint8],
        cancel: CancelToken | None,
        progress: Callable[[float], None] | None,
    ) -> Embedding:
        # The blocks are watched for one caller at a time.
        with (
            self._encoding,
            torch.inference_mode(),
            watched(self._encoder.blocks(), cancel, progress),
        ):
            if cancel is not None:
                cancel.raise_if_cancelled()
            pixels = normalized(image, self.image_size, self._place)
            with torch.autocast(
                self._place.type,
                torch.bfloat16,
                enabled=self.precision == "bf16",
            ):
                features = self._encoder(pixels)
            prepared = self._decoder.prepare(*(part[0].float() for part in features))
        return self._embedding(prepared)

    def _embedding(self, prepared: tuple[torch.Tensor, ...]) -> Embedding:
        return Embedding(
            payload=_Payload(self.model, prepared),
            nbytes=sum(part.nbytes for part in prepared),
        )

    def pack(self, embedding: Embedding) -> dict[str, npt.NDArray[Any]] | None:
        """Return an embedding as arrays; see :meth:`Engine.pack`."""
        payload = embedding.payload
        if not self._lasting or not isinstance(payload, _Payload):
            return None
        parts = enumerate(payload.prepared)
        return {str(number): part.cpu().numpy() for number, part in parts}

    def unpack(self, arrays: dict[str, npt.NDArray[Any]]) -> Embedding:
        """Return the embedding that was packed; see :meth:`Engine.unpack`."""
        if sorted(arrays) != [str(number) for number in range(self._decoder.parts)]:
            raise ValueError(f"These are not the parts of an embedding: {[*arrays]}.")

        def placed() -> tuple[torch.Tensor, ...]:
            return tuple(
                torch.from_numpy(arrays[str(number)]).to(self._place)
                for number in range(self._decoder.parts)
            )

        parts = guarded(self.device, placed)
        thin = isinstance(self._decoder, ThinDecoder)
        return self._embedding(Prepared(*parts) if thin else parts)

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
        if not isinstance(payload, _Payload) or payload.model != self.model:
            raise EngineError("The embedding was made by another engine or model.")
        logits, scores = guarded(self.device, lambda: self._decode(payload, batch))
        return answered(logits, scores, multimask, self._stability)

    @torch.inference_mode()
    def _decode(
        self, payload: _Payload, batch: PromptBatch
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        answers = []
        for part in batch.parts(self._at_once):
            sparse, dense = self._embedded(part)
            logits, scores = self._decoder(payload.prepared, sparse, dense)
            logits = logits.float().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
            answers.append((logits.cpu().numpy(), scores.float().cpu().numpy()))
        return joined(answers)

    def _embedded(self, batch: PromptBatch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Sparse and dense embeddings of prompts; the latter only of masks."""
        encoder, place = self._prompt_encoder, self._place
        sparse = encoder._embed_points(
            torch.from_numpy(batch.points).to(place),
            torch.from_numpy(batch.labels).to(place),
            pad=False,
        )
        if batch.masks is None:
            return sparse, None
        return sparse, encoder._embed_masks(torch.from_numpy(batch.masks).to(place))


@dataclass(frozen=True, eq=False)
class _Payload:
    """What the decoder needs of an image, on the device that computes."""

    model: str
    prepared: tuple[torch.Tensor, ...]
