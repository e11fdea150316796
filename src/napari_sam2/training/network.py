"""The forward pass of SAM 2's image predictor, for many windows and objects at once.

`SAM2ImagePredictor` decodes one image at a time. Training decodes the objects of all
windows of a batch together, each with the features and the position encoding of its
window; the arithmetic is the predictor's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from sam2.modeling.sam.transformer import Attention

from napari_sam2.training.augment import normalise

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor


class Features(NamedTuple):
    """What the decoder needs of the images, and what the dense head needs.

    Attributes
    ----------
    embedding : torch.Tensor
        Stride 16, shape (batch, channels, rows, columns).
    fine, medium : torch.Tensor
        High-resolution features at strides 4 and 8, as the decoder adds them.
    finest : torch.Tensor
        Features at stride 4 before they are projected for the decoder.
    """

    embedding: Tensor
    fine: Tensor
    medium: Tensor
    finest: Tensor

    def of(self, index: Tensor) -> Features:
        """Features of the window of each object."""
        return self._replace(
            embedding=self.embedding[index],
            fine=self.fine[index],
            medium=self.medium[index],
        )


def encode(model: SAM2Base, images: Tensor) -> Features:
    """Encode images as the image predictor does.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        With high-resolution features and a directly added no-memory embedding.
    images : torch.Tensor
        float32 of shape (batch, 3, size, size), 0-1.

    Returns
    -------
    Features
        Of every image.
    """
    images = normalise(images).contiguous(memory_format=torch.channels_last)
    finest, medium, coarse = model.image_encoder(images)["backbone_fpn"]
    decoder = model.sam_mask_decoder
    return Features(
        coarse + model.no_mem_embed.view(1, -1, 1, 1),
        decoder.conv_s0(finest),
        decoder.conv_s1(medium),
        finest,
    )


def decode(
    model: SAM2Base,
    features: Features,
    encoding: Tensor,
    points: Tensor,
    labels: Tensor,
    masks: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Decode prompts, one object per row.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        The model.
    features : Features
        Of every object, from `Features.of`.
    encoding : torch.Tensor
        Dense position encoding of every object's window, shape (objects, ...).
    points : torch.Tensor
        (x, y) in pixels of the view, whose centres lie at half integers, shape
        (objects, points, 2). Boxes are two points.
    labels : torch.Tensor
        int32 of shape (objects, points).
    masks : torch.Tensor or None
        Logits of the round before, shape (objects, 1, rows, columns).

    Returns
    -------
    tuple of torch.Tensor
        float32 logits of the four mask tokens, shape (objects, 4, rows, columns),
        and predicted IoU, shape (objects, 4).
    """
    decoder = model.sam_mask_decoder
    prompts = encode_points(model, points, labels)
    own = torch.cat(
        [
            decoder.obj_score_token.weight,
            decoder.iou_token.weight,
            decoder.mask_tokens.weight,
        ]
    )
    tokens = torch.cat([own.expand(len(prompts), -1, -1), prompts], 1)
    encoder = model.sam_prompt_encoder
    dense = (
        encoder.no_mask_embed.weight[:, :, None, None]
        if masks is None
        else encoder.mask_downscaling(masks)
    )
    source = features.embedding + dense
    read, keys = decoder.transformer(source, encoding, tokens)
    source = keys.transpose(1, 2).reshape(source.shape)

    up1, norm, act1, up2, act2 = decoder.output_upscaling
    source = act1(norm(up1(source) + features.medium))
    source = act2(up2(source) + features.fine)
    heads = [
        head(read[:, 2 + k]) for k, head in enumerate(decoder.output_hypernetworks_mlps)
    ]
    logits = (torch.stack(heads, 1) @ source.flatten(2)).unflatten(2, source.shape[2:])
    return logits.float(), decoder.iou_prediction_head(read[:, 1]).float()


def use_plain_attention(model: SAM2Base) -> None:
    """Let the mask decoder compute attention in the plain way.

    On a CPU torch's fused attention takes several times as long as the three plain
    operations where heads are as narrow and one side is as short as here.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        Changed in place; weights and results stay the same.
    """
    for module in model.sam_mask_decoder.transformer.modules():
        if isinstance(module, Attention):
            module.forward = partial(_attend, module)


def _attend(self: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (
        self._separate_heads(project(side), self.num_heads)
        for project, side in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
    )
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    mixed: Tensor = self.out_proj(self._recombine_heads(scores.softmax(-1) @ v))
    return mixed


def encode_points(model: SAM2Base, points: Tensor, labels: Tensor) -> Tensor:
    """Embed points in single precision; bfloat16 would blur their positions."""
    with torch.autocast(points.device.type, enabled=False):
        # The prompt encoder adds half a pixel, for it counts from pixel centres.
        embedded: Tensor = model.sam_prompt_encoder._embed_points(
            points.float() - 0.5, labels, pad=True
        )
    return embedded
