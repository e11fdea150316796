"""The state of the model before the first step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from napari_sam2.training.network import use_plain_attention

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sam2.modeling.sam2_base import SAM2Base


def build(seed: int, tie: float, frequencies: Sequence[float]) -> SAM2Base:
    """Build the starter model with weights to begin training from.

    Parameters
    ----------
    seed : int
        Seed of the weights.
    tie : float
        See `tie_cross_attention`.
    frequencies : sequence of float
        See `spread_frequencies`.

    Returns
    -------
    sam2.modeling.sam2_base.SAM2Base
        In training mode.
    """
    from napari_sam2.models.architecture import build_architecture
    from napari_sam2.training.export import CONFIG

    # The global generator is left as it was: a host program may depend on it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_architecture(CONFIG)
        spread_frequencies(model, *frequencies)
        if tie:
            tie_cross_attention(model, tie)
    _freeze_memory(model)
    use_plain_attention(model)
    return model.to(memory_format=torch.channels_last).train()


def load_exported(model: SAM2Base, weights: Path) -> None:
    """Take over weights that an earlier run has exported, to train them further.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        Of the same architecture; changed in place.
    weights : pathlib.Path
        From `napari_sam2.training.export.export`.

    Raises
    ------
    CheckpointError
        If the file is not what it claims to be.
    """
    from napari_sam2.models.checkpoint import read_checkpoint

    # Half precision becomes single where it is copied into the model.
    model.load_state_dict(read_checkpoint(weights))


def _freeze_memory(model: SAM2Base) -> None:
    """Leave out of training what an image does not pass through: the video part."""
    encoder, decoder = model.sam_prompt_encoder, model.sam_mask_decoder
    trained = {
        id(p)
        for part in (model.image_encoder, encoder, decoder)
        for p in part.parameters()
    } | {id(model.no_mem_embed)}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in trained)
    for parameter in decoder.pred_obj_score_head.parameters():
        parameter.requires_grad_(False)


def spread_frequencies(model: SAM2Base, lowest: float, highest: float) -> None:
    """Draw the position encoding's random frequencies from several octaves.

    SAM draws them from one Gaussian, whose encoding cannot tell apart places that
    lie closer than about a twelfth of the view. That is several nuclei wide, and a
    small model has little capacity to sharpen it.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        Changed in place.
    lowest, highest : float
        Range of the scale; 1 is SAM's own.
    """
    matrix = model.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    scale = torch.logspace(math.log10(lowest), math.log10(highest), matrix.shape[1])
    with torch.no_grad():
        matrix.copy_(torch.randn(matrix.shape) * scale)


def tie_cross_attention(model: SAM2Base, scale: float) -> None:
    """Let every prompt attend to its own place from the first step on.

    The inner product of two position encodings falls with the distance of the
    places. Equal, orthogonal projections of queries and keys keep it, so attention
    between a prompt and the image starts out local. With independent projections a
    small model learns to segment all foreground, whatever the prompt, and stays
    there.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        Changed in place.
    scale : float
        Of both projections; the larger, the sharper.
    """
    transformer = model.sam_mask_decoder.transformer
    attentions = [transformer.final_attn_token_to_image]
    for layer in transformer.layers:
        attentions += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    with torch.no_grad():
        for attention in attentions:
            torch.nn.init.orthogonal_(attention.q_proj.weight, gain=scale)
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.q_proj.bias.zero_()
            attention.k_proj.bias.zero_()
