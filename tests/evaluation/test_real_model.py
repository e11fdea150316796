"""The bundled model has the protocol, with its closer look."""

from __future__ import annotations

import numpy as np

from napari_sam2.evaluation import evaluate
from napari_sam2.segmentation.segmenter import Segmenter
from tests.evaluation.scenes import write


def test_the_starter_is_measured(tmp_path):
    rows, columns = np.mgrid[:256, :320]
    labels = (np.hypot(rows - 60, columns - 70) < 12).astype(np.uint16)
    noise = np.random.default_rng(0).normal(0, 8, labels.shape)
    image = np.clip(np.where(labels, 170, 50) + noise, 0, 255).astype(np.uint8)
    write(tmp_path / "disk", "a", image, labels)
    segmenter = Segmenter(device="cpu", zoom=True)
    row = evaluate(tmp_path, segmenter, clicks=2)["macro"]
    assert min(row["iou_1"], row["iou_2"], row["iou_box"], row["iou_box_1"]) > 0.6
    assert 0 <= row["calibration"] < 0.5
    assert row["boundary_f"] > 0.3
    assert row["seconds"] > 0
