"""From a model of the catalogue to a network that is ready for inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.errors import CheckpointError
from napari_sam2.models.architecture import build_architecture
from napari_sam2.models.catalog import require_weights, weights_path
from napari_sam2.models.checkpoint import load_into, read_checkpoint
from napari_sam2.models.checksum import file_sha256
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
    try:
        state = read_checkpoint(path)
    except CheckpointError as error:
        if not _thrown_away(spec):
            raise
        msg = (
            f"The file of {spec.title} was damaged on this computer, and is deleted "
            "now. Download the model again."
        )
        raise CheckpointError(msg) from error
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


def _thrown_away(spec: ModelSpec) -> bool:
    """Delete a download that is not any more what it was when it was verified.

    It has the right size, so it would be taken for whole for ever.
    """
    if spec.weights is not None or spec.sha256 is None:
        return False
    path = weights_path(spec)
    try:
        if file_sha256(path) == spec.sha256:
            return False
        path.unlink()
    except OSError:
        return False
    return True
