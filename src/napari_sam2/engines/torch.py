"""The engine that runs everywhere: PyTorch, with the official modules."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import torch

from napari_sam2.engines.base import Decoded, Embedding, Engine
from napari_sam2.engines.device import choose_device, guarded
from napari_sam2.engines.encoder import ImageEncoder, normalized, watched
from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from sam2.modeling.sam2_base import SAM2Base

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["TorchEngine"]

# The official predictor clips what it returns, so that an answer that is fed
# back as a mask prompt stays within what the model was trained on.
_LOGIT_LIMIT = 32.0

_BOX_LABELS = (2, 3)


class TorchEngine(Engine):
    """SAM 2 in PyTorch, equal to the official ``SAM2ImagePredictor``.

    Parameters
    ----------
    model : ModelSpec or SAM2Base
        What to load; or a model that is there already, of which the engine
        keeps a copy as it is now.
    device : str
        ``"auto"`` (CUDA, else MPS, else the CPU), or a name that torch knows.

    Raises
    ------
    ModelError
        If the weights are missing or are not what they claim to be.
    EngineError, OutOfMemoryError
        If there is no such device, or if it has too little memory.
    """

    name = "torch"

    def __init__(self, model: ModelSpec | SAM2Base, device: str = "auto") -> None:
        self._place = choose_device(device)
        self.device = str(self._place)
        self._encoding = threading.Lock()
        guarded(self.device, lambda: self._load(model))

    def _load(self, model: ModelSpec | SAM2Base) -> None:
        sam: Any
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
        self._decoder = sam.sam_mask_decoder
        if self._place.type == "cpu":
            # The layout in which convolutions are fastest there.
            self._encoder.to(memory_format=torch.channels_last)
            self._decoder.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            # The same for every image and prompt.
            self._position = self._prompt_encoder.get_dense_pe()

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
            features = self._encoder(pixels)
        return Embedding(
            payload=_Features(self.model, features[0], features[1:]),
            nbytes=sum(part.nbytes for part in features),
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
        n = self._batch_size(points, labels, boxes, masks)
        features = embedding.payload
        if not isinstance(features, _Features) or features.model != self.model:
            raise EngineError("The embedding was made by another engine or model.")
        return guarded(
            self.device,
            lambda: self._decode(
                features, n, self._tokens(points, labels, boxes), masks, multimask
            ),
        )

    @torch.inference_mode()
    def _decode(
        self,
        features: _Features,
        n: int,
        tokens: tuple[torch.Tensor, torch.Tensor] | None,
        masks: npt.NDArray[np.float32] | None,
        multimask: bool,
    ) -> Decoded:
        sparse, dense = self._prompt_encoder(
            points=tokens,
            boxes=None,
            masks=None if masks is None else self._tensor(masks, np.float32),
        )
        logits, scores, _, _ = self._decoder(
            image_embeddings=features.embedding,
            image_pe=self._position,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            repeat_image=n > 1,
            high_res_features=list(features.high_res),
        )
        return Decoded(
            logits=_array(logits.float().clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT)),
            scores=_array(scores.float()),
        )

    def _batch_size(
        self,
        points: npt.NDArray[np.float32] | None,
        labels: npt.NDArray[np.int32] | None,
        boxes: npt.NDArray[np.float32] | None,
        masks: npt.NDArray[np.float32] | None,
    ) -> int:
        given = [part for part in (points, boxes, masks) if part is not None]
        sizes = {len(part) for part in given}
        k = 0 if points is None else points.shape[1]
        side = self.mask_size
        if (
            len(sizes) != 1
            or (points is None) != (labels is None)
            or (points is not None and points.shape[1:] != (k, 2))
            or (labels is not None and labels.shape != (*sizes, k))
            or (boxes is not None and boxes.shape[1:] != (4,))
            or (masks is not None and masks.shape[1:] != (1, side, side))
        ):
            shapes = {
                name: None if part is None else part.shape
                for name, part in (
                    ("points", points),
                    ("labels", labels),
                    ("boxes", boxes),
                    ("masks", masks),
                )
            }
            raise EngineError(f"These prompts do not form one batch: {shapes}.")
        return sizes.pop()

    def _tokens(
        self,
        points: npt.NDArray[np.float32] | None,
        labels: npt.NDArray[np.int32] | None,
        boxes: npt.NDArray[np.float32] | None,
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Join boxes and points as the official predictor does: boxes first."""
        coords, kinds = [], []
        if boxes is not None:
            coords.append(np.reshape(boxes, (-1, 2, 2)))
            kinds.append(np.tile(np.array(_BOX_LABELS), (len(boxes), 1)))
        if points is not None and labels is not None:
            coords.append(points)
            kinds.append(labels)
        if not coords:
            return None
        return (
            self._tensor(np.concatenate(coords, axis=1), np.float32),
            self._tensor(np.concatenate(kinds, axis=1), np.int32),
        )

    def _tensor(self, array: npt.NDArray[Any], dtype: type[np.generic]) -> torch.Tensor:
        # A copy, because torch complains about arrays that are read-only.
        return torch.from_numpy(np.array(array, dtype=dtype)).to(self._place)


@dataclass(frozen=True, eq=False)
class _Features:
    """What the decoder needs of an image, on the device that computes."""

    model: str
    embedding: torch.Tensor
    high_res: tuple[torch.Tensor, ...]


def _array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.cpu().numpy()
    return array
