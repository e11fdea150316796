"""The mask decoder, rearranged to be quick for a few prompts: the same masks.

SAM 2's decoder lets some 4096 places of the image and about 8 tokens of a prompt attend
to each other, and spends most of its arithmetic on projecting the places. Matrix
products can be taken in another order, ``q · (K W)ᵀ = (q Wᵀ) · Kᵀ`` and
``A · (V W) = (A · V) · W``: then the tokens are projected instead. Three more things
save time and change nothing:

- What depends on the image alone is computed once for each image (:meth:`prepare`): the
  projections of the first layer, as long as no mask is given, and the features that are
  added on the way up.
- A bias of the keys shifts all scores of a token alike, and does not change their
  softmax.
- Places stay rows of matrices, with the four pixels into which a transposed
  convolution divides a place side by side; they are put where they belong when there
  are four numbers a pixel instead of thirty-two.

In exact arithmetic the results are those of
``sam2.modeling.sam.mask_decoder.MaskDecoder.predict_masks``; in single precision they
differ in the last digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["Prepared", "ThinDecoder"]

# Tokens above which it is cheaper to project the places: with 8 heads, a token weighs
# 8 rows of the width of the image in one order, and the places half that width times
# all of them in the other.
_FEW = 16


class Prepared(NamedTuple):
    """What the decoder needs of an image; places are rows.

    Attributes
    ----------
    places : Tensor, shape (places, channels)
        The embedding, with the embedding of "no mask" added.
    keys, values, queries : Tensor, shape (places, inner channels)
        Projections of the first layer.
    medium : Tensor, shape (places, 4 * channels / 4)
        High-resolution feature at stride 8, with the bias of the first step up.
    fine : Tensor, shape (4 * places, 4 * channels / 8)
        High-resolution feature at stride 4, with the bias of the second step up.
    """

    places: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor
    medium: Tensor
    fine: Tensor


class ThinDecoder(nn.Module):
    """From prompt tokens to mask logits.

    Parameters
    ----------
    model : SAM2Base
        Its decoder's modules are used as they are.
    """

    parts = len(Prepared._fields)
    position: Tensor
    own: Tensor
    # Modules of sam2, which is not typed.
    transformer: Any
    upscaling: Any
    masks: Any
    iou: Any
    no_mask: Any

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        decoder = model.sam_mask_decoder
        self.transformer = decoder.transformer
        self.heads = int(decoder.transformer.num_heads)
        self.upscaling = decoder.output_upscaling
        self.masks = decoder.output_hypernetworks_mlps
        self.iou = decoder.iou_prediction_head
        own = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        self.before_iou = 0
        if decoder.pred_obj_scores:
            own.insert(0, decoder.obj_score_token.weight)
            self.before_iou = 1
        position = model.sam_prompt_encoder.get_dense_pe()[0]
        self.side = int(position.shape[-1])
        self.no_mask = model.sam_prompt_encoder.no_mask_embed
        self.register_buffer("own", torch.cat(own).detach())
        self.register_buffer("position", _rows(position).detach().contiguous())

    def prepare(self, embedding: Tensor, fine: Tensor, medium: Tensor) -> Prepared:
        """Compute what depends on the image alone.

        Parameters
        ----------
        embedding : Tensor, shape (channels, side, side)
            At stride 16.
        fine : Tensor, shape (channels / 8, 4 * side, 4 * side)
            High-resolution feature at stride 4.
        medium : Tensor, shape (channels / 4, 2 * side, 2 * side)
            High-resolution feature at stride 8.

        Returns
        -------
        Prepared
            Of this image.
        """
        first = self.transformer.layers[0]
        up, _, _, up_again, _ = self.upscaling
        places = _rows(embedding).contiguous() + self.no_mask.weight
        placed = places + self.position
        to_image, to_token = (
            first.cross_attn_token_to_image,
            first.cross_attn_image_to_token,
        )
        medium = _quartered(medium, self.side, 1) + up.bias.repeat(4)
        fine = _quartered(fine, self.side, 2) + up_again.bias.repeat(4)
        return Prepared(
            places,
            to_image.k_proj(placed),
            to_image.v_proj(places),
            to_token.q_proj(placed),
            medium,
            fine,
        )

    def forward(
        self, prepared: Prepared, prompts: Tensor, dense: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Decode.

        Parameters
        ----------
        prepared : Prepared
            From :meth:`prepare`.
        prompts : Tensor, shape (n, k, channels)
            Sparse embeddings of the prompt encoder.
        dense : Tensor, shape (n, channels, side, side), optional
            Its dense embeddings of masks; None if there are none.

        Returns
        -------
        logits : Tensor, shape (n, candidates, 4 * side, 4 * side)
            Of all candidates, the single mask first.
        scores : Tensor, shape (n, candidates)
            The IoU predicted of each.
        """
        n = len(prompts)
        own = self.own.expand(n, -1, -1)
        asked = torch.cat([own, prompts], 1)
        tokens, places = self._attend(prepared, asked, dense)
        first = self.before_iou + 1
        kernels = torch.stack(
            [mlp(tokens[:, first + k]) for k, mlp in enumerate(self.masks)], -1
        )
        scores = self.iou(tokens[:, self.before_iou])
        return self._masks(prepared, places, kernels), scores

    def _attend(
        self, prepared: Prepared, asked: Tensor, dense: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Run the two-way transformer; tokens, and places of shape (n, places, c)."""
        tokens = asked
        places = prepared.places[None]
        if dense is not None:
            places = places - self.no_mask.weight + dense.flatten(2).transpose(1, 2)
        for number, layer in enumerate(self.transformer.layers):
            hoisted = prepared if number == 0 and dense is None else None
            placed = None if hoisted is not None else places + self.position
            if layer.skip_first_layer_pe:
                tokens = layer.self_attn(q=tokens, k=tokens, v=tokens)
            else:
                q = tokens + asked
                tokens = tokens + layer.self_attn(q=q, k=q, v=tokens)
            tokens = layer.norm1(tokens)
            attention = layer.cross_attn_token_to_image
            tokens = layer.norm2(
                tokens + self._read(attention, tokens + asked, places, placed, hoisted)
            )
            tokens = layer.norm3(tokens + layer.mlp(tokens))
            attention = layer.cross_attn_image_to_token
            told = self._tell(attention, tokens + asked, tokens, placed, hoisted)
            places = layer.norm4(places + told)
        attention = self.transformer.final_attn_token_to_image
        placed = places + self.position
        read = self._read(attention, tokens + asked, places, placed, None)
        return self.transformer.norm_final_attn(tokens + read), places

    def _read(
        self,
        attention: Any,
        asking: Tensor,
        places: Tensor,
        placed: Tensor | None,
        hoisted: Prepared | None,
    ) -> Tensor:
        """Let tokens attend to places; shape (n, tokens, channels)."""
        n, count, _ = asking.shape
        if placed is not None and count >= _FEW:
            read: Tensor = attention(q=asking, k=placed, v=places)
            return read
        q = self._split(attention.q_proj(asking))
        q = q * q.shape[-1] ** -0.5
        if hoisted is not None:
            # Zeros where a row would meet the channels of another head: one product
            # instead of eight narrow ones.
            rows = _spread(q).reshape(n * self.heads * count, -1)
            weights = (rows @ hoisted.keys.T).softmax(-1)
            mixed = (weights @ hoisted.values).unflatten(0, (n, self.heads, count))
            mixed = _own(mixed, self.heads)
        else:
            assert placed is not None
            rows = q @ self._by_head(attention.k_proj)
            weights = rows.flatten(1, 2) @ placed.transpose(1, 2)
            mixed = weights.softmax(-1) @ places
            mixed = mixed.unflatten(1, (self.heads, count))
            mixed = mixed @ self._by_head(attention.v_proj).transpose(1, 2)
            mixed = mixed + attention.v_proj.bias.view(self.heads, 1, -1)
        out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _tell(
        self,
        attention: Any,
        keys: Tensor,
        values: Tensor,
        placed: Tensor | None,
        hoisted: Prepared | None,
    ) -> Tensor:
        """Let places attend to tokens; shape (n, places, channels)."""
        n, count, _ = keys.shape
        if placed is not None and count >= _FEW:
            told: Tensor = attention(q=placed, k=keys, v=values)
            return told
        k = self._split(attention.k_proj(keys))
        k = k * k.shape[-1] ** -0.5
        # Places are columns here: a softmax over few numbers is quick across them.
        if hoisted is not None:
            rows = _spread(k).reshape(n * self.heads * count, -1)
            scores = (rows @ hoisted.queries.T).unflatten(0, (n, self.heads, count))
        else:
            assert placed is not None
            rows = (k @ self._by_head(attention.q_proj)).flatten(1, 2)
            scores = rows @ placed.transpose(1, 2)
            bias = attention.q_proj.bias.view(self.heads, -1, 1)
            scores = scores.unflatten(1, (self.heads, count)) + k @ bias
        weights = scores.softmax(2).flatten(1, 2).transpose(1, 2)
        back = attention.out_proj.weight.T.unflatten(0, (self.heads, -1))
        spoken = (self._split(attention.v_proj(values)) @ back).flatten(1, 2)
        return _product(attention.out_proj.bias, weights, spoken)

    def _masks(self, prepared: Prepared, places: Tensor, kernels: Tensor) -> Tensor:
        """Scale up, and apply every candidate's kernel to every pixel."""
        n = len(places)
        up, norm, _, up_again, _ = self.upscaling
        x = _product(prepared.medium, places, _kernel(up))
        x = x.reshape(n, -1, up.out_channels)
        x = gelu(layer_norm(x, norm.weight.shape, norm.weight, norm.bias, norm.eps))
        x = gelu(_product(prepared.fine, x, _kernel(up_again)))
        x = x.reshape(n, -1, up_again.out_channels) @ kernels
        side = self.side
        x = x.view(n, side, side, 2, 2, 2, 2, -1).permute(0, 7, 1, 3, 5, 2, 4, 6)
        return x.reshape(n, -1, 4 * side, 4 * side)

    def _split(self, tokens: Tensor) -> Tensor:
        """Shape (n, heads, tokens, channels of a head)."""
        parts: Tensor = tokens.unflatten(2, (self.heads, -1))
        return parts.transpose(1, 2)

    def _by_head(self, projection: nn.Linear) -> Tensor:
        """Weights of shape (heads, channels of a head, channels)."""
        weights: Tensor = projection.weight.unflatten(0, (self.heads, -1))
        return weights


def _rows(features: Tensor) -> Tensor:
    """Turn (channels, rows, columns) into (places, channels)."""
    rows: Tensor = features.flatten(1).T
    return rows


def _kernel(up: nn.ConvTranspose2d) -> Tensor:
    """Weights of a transposed convolution as a matrix: channels to 4 times channels."""
    weights: Tensor = up.weight
    return weights.permute(0, 2, 3, 1).flatten(1)


def _product(added: Tensor, rows: Tensor, matrix: Tensor) -> Tensor:
    """Multiply (n, rows, channels) by one matrix or n, and add the same to all n."""
    if torch.compiler.is_compiling():
        # In an exported graph, where the runtime joins both by itself.
        return rows @ matrix + added
    n = len(rows)
    added = added.expand(n, *added.shape[-2:]) if added.ndim > 1 else added
    return torch.baddbmm(added, rows, matrix.expand(n, -1, -1))


def _quartered(features: Tensor, side: int, steps: int) -> Tensor:
    """Put the pixels of each place side by side, as `ThinDecoder._masks` has them."""
    channels = len(features)
    shape = (channels, side, *[2] * steps, side, *[2] * steps)
    down = [1 + k for k in range(steps + 1)]
    across = [2 + steps + k for k in range(steps + 1)]
    order = [axis for pair in zip(down, across, strict=True) for axis in pair]
    rows = features.reshape(shape).permute(*order, 0)
    return rows.reshape(side * side * 4 ** (steps - 1), 4 * channels)


def _spread(heads: Tensor) -> Tensor:
    """Set rows of (n, heads, tokens, d) among zeros: (n, heads, tokens, heads * d)."""
    count = heads.shape[1]
    alone = torch.eye(count, dtype=heads.dtype, device=heads.device)
    return (heads.unsqueeze(3) * alone.view(count, 1, count, 1)).flatten(3)


def _own(mixed: Tensor, heads: int) -> Tensor:
    """Take from (n, heads, tokens, heads * d) what belongs to each head."""
    parts = mixed.unflatten(3, (heads, -1))
    return torch.stack([parts[:, k, :, k] for k in range(heads)], 1)
