"""Floor 1: which weights exist, where they are, whether they are what they claim.

Nothing here is imported before it is used, torch least of all.
"""

from __future__ import annotations

from napari_sam2.models.architecture import build_architecture
from napari_sam2.models.build import build_model
from napari_sam2.models.catalog import (
    CATALOG,
    ModelSpec,
    get_model,
    is_available,
    models_folder,
    weights_path,
)
from napari_sam2.models.download import download

__all__ = [
    "CATALOG",
    "ModelSpec",
    "build_architecture",
    "build_model",
    "download",
    "get_model",
    "is_available",
    "models_folder",
    "weights_path",
]
