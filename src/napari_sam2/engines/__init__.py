"""Tensors in, tensors out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.engines.base import Engine
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["create_engine"]


def create_engine(
    model: str | Path | ModelSpec = "starter", device: str = "auto"
) -> Engine:
    """Load a model into the engine that suits this machine.

    Parameters
    ----------
    model : str, Path or ModelSpec
        Name in the catalogue, or a checkpoint of one's own.
    device : str
        ``"auto"`` (CUDA, else MPS, else the CPU), or what torch calls it:
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Raises
    ------
    ModelError
        If the model is unknown, not downloaded, or not what it claims to be.
    EngineError, OutOfMemoryError
        If there is no such device, or if it has too little memory.
    """
    from napari_sam2.engines.torch import TorchEngine
    from napari_sam2.models.catalog import get_model

    return TorchEngine(get_model(model), device)
