"""The mask decoder as it is in sam2, with the face of the rearranged one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["PlainDecoder"]


class PlainDecoder(nn.Module):
    """From prompt tokens to mask logits.

    Parameters
    ----------
    model : SAM2Base
        Its decoder is used as it is.
    """

    position: Tensor
    # Modules of sam2, which is not typed.
    decoder: Any
    no_mask: Any

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        self.decoder = model.sam_mask_decoder
        self.no_mask = model.sam_prompt_encoder.no_mask_embed
        position = model.sam_prompt_encoder.get_dense_pe()
        self.register_buffer("position", position.detach())
        self.parts = 3 if model.use_high_res_features_in_sam else 1

    def prepare(self, embedding: Tensor, *high_res: Tensor) -> tuple[Tensor, ...]:
        """Compute what depends on the image alone: nothing.

        Parameters
        ----------
        embedding : Tensor, shape (channels, side, side)
            At stride 16.
        *high_res : Tensor
            Features at strides 4 and 8, if the model has them.
        """
        # As they lie when they come from a disk: then the answers are the same, bit by
        # bit.
        return tuple(part.contiguous() for part in (embedding, *high_res))

    def forward(
        self,
        prepared: tuple[Tensor, ...],
        prompts: Tensor,
        dense: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode; see :meth:`napari_sam2.engines.thin.ThinDecoder.forward`."""
        embedding, *high_res = prepared
        n = len(prompts)
        if dense is None:
            dense = self.no_mask.weight.view(1, -1, 1, 1)
        logits, scores, _, _ = self.decoder.predict_masks(
            image_embeddings=embedding[None].expand(n, -1, -1, -1),
            image_pe=self.position,
            sparse_prompt_embeddings=prompts,
            dense_prompt_embeddings=dense,
            repeat_image=False,
            high_res_features=[feature[None] for feature in high_res],
        )
        return logits, scores
