"""From a model of the catalogue to a network that is ready for inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.models.architecture import build_architecture
from napari_sam2.models.catalog import require_weights, weights_path
from napari_sam2.models.checkpoint import load_into, read_checkpoint
from napari_sam2.models.recognize import recognize

if TYPE_CHECKING:
    import torch
    from sam2.modeling.sam2_base import SAM2Base

    from napari_sam2.models.catalog import ModelSpec

__all__ = ["build_model"]


def build_model(spec: ModelSpec, device: str | torch.device = "cpu") -> SAM2Base:
    """Build a model and load its weights.

    The result behaves as that of ``sam2.build_sam.build_sam2`` with the same
    config and checkpoint.

    Parameters
    ----------
    spec : ModelSpec
        Model to build.
    device : str or torch.device
        Where the weights go.

    Returns
    -------
    SAM2Base
        In fp32, in evaluation mode. Batch norms are folded into convolutions
        where the trunk knows how to (``fuse()``).

    Raises
    ------
    NotDownloadedError
        If the weights have to be downloaded first.
    CheckpointError
        If weights or config are corrupt, unsafe or do not fit each other.
    """
    import torch

    require_weights(spec)
    path = weights_path(spec)
    state = read_checkpoint(path)
    config = spec.config if spec.config is not None else recognize(state, path)
    # The random initialization, overwritten at once, must not advance the
    # random numbers of the host.
    with torch.random.fork_rng(devices=[]):
        model = build_architecture(config)
    load_into(model, state, path, title=spec.title)
    model.eval()
    fuse = getattr(model.image_encoder.trunk, "fuse", None)
    if callable(fuse):
        fuse()
    return model.to(device)
