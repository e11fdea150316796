"""Interactive segmentation with SAM 2 in napari.

The names below are imported when they are first used, so that ``import
napari_sam2`` loads neither torch nor Qt nor napari.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam2.analysis.export import save_labels
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.viewer.scripting import annotate

__version__ = "0.1.0"

__all__ = [
    "AnnotationSession",
    "Prediction",
    "Prompts",
    "Segmenter",
    "__version__",
    "annotate",
    "save_labels",
]

_HOMES = {
    "AnnotationSession": "annotation.session",
    "Prediction": "segmentation.prediction",
    "Prompts": "segmentation.prompts",
    "Segmenter": "segmentation.segmenter",
    "annotate": "viewer.scripting",
    "save_labels": "analysis.export",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
