"""Measure how well a model segments: clicks and boxes against labelled images.

>>> from napari_sam2.evaluation import evaluate
>>> evaluate(folder, segmenter)["macro"]["iou_1"]  # doctest: +SKIP
"""

from __future__ import annotations

from napari_sam2.evaluation.measure import evaluate

__all__ = ["evaluate"]
