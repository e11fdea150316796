"""The pieces of a model that are exported, each a module of its own.

Their inputs and outputs, and what each is for, are listed in
:mod:`napari_sam2.engines.exported`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from napari_sam2.engines.candidates import LOGIT_LIMIT
from napari_sam2.engines.encoder import DEVIATION, MEAN, ImageEncoder
from napari_sam2.engines.plain import PlainDecoder
from napari_sam2.engines.thin import Prepared, ThinDecoder

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["DecoderGraph", "EncoderGraph", "PrepareGraph", "ThinGraph"]


class EncoderGraph(nn.Module):
    """From an RGB image of the model's own size to its features."""

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        self.encoder = ImageEncoder(model)
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1))
        gain = 1 / (255 * torch.tensor(DEVIATION))
        self.register_buffer("gain", gain.view(1, 3, 1, 1))
        self.mean: Tensor
        self.gain: Tensor

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Encode ``image``, shape (side, side, 3), intensities from 0 to 255."""
        pixels = image.permute(2, 0, 1)[None].to(self.mean.dtype)
        features: tuple[Tensor, ...] = self.encoder((pixels - self.mean) * self.gain)
        return tuple(feature.float() for feature in features)


class PrepareGraph(nn.Module):
    """What the thin decoder needs of an image."""

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        self.thin = ThinDecoder(model)

    def forward(self, embedding: Tensor, fine: Tensor, medium: Tensor) -> Prepared:
        """Prepare the features of one image."""
        return self.thin.prepare(embedding[0], fine[0], medium[0])


class ThinGraph(nn.Module):
    """Prompts to all masks, on a prepared image; with or without a mask prompt."""

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        self.prompts = _PromptEmbedding(model.sam_prompt_encoder)
        self.thin = ThinDecoder(model)

    def forward(
        self,
        places: Tensor,
        keys: Tensor,
        values: Tensor,
        queries: Tensor,
        medium: Tensor,
        fine: Tensor,
        points: Tensor,
        labels: Tensor,
        masks: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode prompts on an image of which the thin decoder prepared the rest."""
        prepared = Prepared(places, keys, values, queries, medium, fine)
        dense = None if masks is None else self.prompts.dense(masks)
        sparse = self.prompts(points, labels)
        logits, scores = self.thin(prepared, sparse, dense)
        return logits.clamp(-LOGIT_LIMIT, LOGIT_LIMIT), scores


class DecoderGraph(nn.Module):
    """Prompts to all masks, as other programs expect it of an exported SAM 2."""

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        self.prompts = _PromptEmbedding(model.sam_prompt_encoder)
        self.decoder = PlainDecoder(model)

    def forward(
        self,
        embedding: Tensor,
        fine: Tensor,
        medium: Tensor,
        points: Tensor,
        labels: Tensor,
        masks: Tensor,
        has_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Decode; ``has_mask`` of shape (n,) is 0 where a mask is to be ignored."""
        sparse = self.prompts(points, labels)
        given = has_mask.to(sparse.dtype).view(-1, 1, 1, 1)
        none = self.decoder.no_mask.weight.view(1, -1, 1, 1)
        dense = given * self.prompts.dense(masks) + (1 - given) * none
        prepared = (embedding[0], fine[0], medium[0])
        logits, scores = self.decoder(prepared, sparse, dense)
        return logits.clamp(-LOGIT_LIMIT, LOGIT_LIMIT), scores


class _PromptEmbedding(nn.Module):
    """The prompt encoder of sam2, without what cannot be traced for any number."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        kinds = [encoder.not_a_point_embed, *encoder.point_embeddings]
        self.register_buffer("kinds", torch.cat([kind.weight for kind in kinds]))
        self.kinds: Tensor

    def forward(self, points: Tensor, labels: Tensor) -> Tensor:
        """Embed points; label -1 is padding and has no place."""
        encoder = self.encoder
        places = encoder.pe_layer.forward_with_coords(
            points + 0.5, encoder.input_image_size
        )
        somewhere = (labels >= 0).to(places.dtype)[..., None]
        embedded: Tensor = places * somewhere + self.kinds[labels.long() + 1]
        return embedded

    def dense(self, masks: Tensor) -> Tensor:
        """Embed masks."""
        dense: Tensor = self.encoder.mask_downscaling(masks)
        return dense
