"""Tensors in, tensors out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.engines.base import Engine
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["create_engine"]


def create_engine(
    model: str | Path | ModelSpec = "starter",
    device: str = "auto",
    engine: str = "auto",
) -> Engine:
    """Load a model into the engine that suits this machine.

    Parameters
    ----------
    model : str, Path or ModelSpec
        Name in the catalogue, or a checkpoint of one's own.
    device : str
        ``"auto"`` (CUDA, else MPS, else the CPU), or what torch calls it:
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    engine : str
        ``"torch"``, ``"onnxruntime"``, ``"openvino"`` …; see
        :class:`~napari_sam2.engines.variant.Variant`. ``"auto"`` takes what
        :func:`~napari_sam2.engines.chooser.prepare` found to be the quickest, and torch
        before that was asked; the environment variable ``NAPARI_SAM2_ENGINE`` decides
        otherwise.

    Raises
    ------
    ModelError
        If the model is unknown, not downloaded, or not what it claims to be.
    EngineError, OutOfMemoryError
        If there is no such engine or device, or if it has too little memory.
    ExportError
        If the model cannot be exported for the engine that was asked for.
    """
    from napari_sam2.engines.chooser import best_engine, make_engine
    from napari_sam2.engines.variant import ENGINE_VARIABLE, Variant
    from napari_sam2.models.catalog import get_model

    spec = get_model(model)
    if engine == "auto":
        engine = os.environ.get(ENGINE_VARIABLE, "auto")
    if engine == "auto":
        return best_engine(spec, device)
    return make_engine(spec, Variant.parse(engine), device)
