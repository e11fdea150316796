"""The types of the fields of what a journal holds, by their annotations.

Many modules import names for type checkers only, so that their annotations name what
is not there when they are asked for: it is listed here.
"""

from __future__ import annotations

import collections.abc
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any
from typing import get_type_hints as hints_of

import numpy as np
import numpy.typing as npt

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.channels import Channel
from napari_sam2.annotation.history import Edit, NotesChange, ObjectChange
from napari_sam2.annotation.objects import AnnotatedObject, Notes
from napari_sam2.annotation.operations import Operation
from napari_sam2.annotation.origins import ImageOrigin
from napari_sam2.annotation.overlap import Overlap
from napari_sam2.annotation.planes import Plane
from napari_sam2.segmentation.intensity import Contrast
from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import MaskPrompt, Prompts
from napari_sam2.segmentation.region import Region
from napari_sam2.segmentation.source import PlaneSource
from napari_sam2.segmentation.strokes import Lasso, Scribble
from napari_sam2.segmentation.view import BBox, PlaneIndex, View

__all__ = ["field_types"]

_NAMES: dict[str, Any] = {
    one.__name__: one
    for one in (
        AnnotatedObject,
        Box,
        Channel,
        Contrast,
        Edit,
        ImageOrigin,
        Lasso,
        MaskPrompt,
        Notes,
        NotesChange,
        ObjectChange,
        Operation,
        Overlap,
        Path,
        PixelChange,
        Plane,
        PlaneIndex,
        PlaneSource,
        Point,
        Prediction,
        Prompts,
        Region,
        Scribble,
        View,
    )
}
_NAMES |= {"Any": Any, "BBox": BBox, "np": np, "npt": npt}
_NAMES |= {"Callable": collections.abc.Callable, "Hashable": Any}


@lru_cache
def field_types(kind: Any) -> dict[str, Any]:
    """Return the type of each field of a dataclass or a named tuple, by its name."""
    return hints_of(kind, _NAMES | vars(sys.modules[kind.__module__]))
