from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
from PIL import Image

from napari_sam2.errors import ExportError
from napari_sam2.evaluation import sheet
from napari_sam2.evaluation.cut import Cut
from napari_sam2.evaluation.measure import measure
from napari_sam2.evaluation.plot import write_plot
from napari_sam2.evaluation.rows import write_csv
from napari_sam2.evaluation.sheet import write_sheet
from napari_sam2.evaluation.worst import EACH, MOST, Gallery
from tests.evaluation.scenes import Scripted, rectangle
from tests.evaluation.test_summary import scored

TRUTH = rectangle(10, 10, 20, 30)


def show(gallery, iou, dataset, number=0):
    """Show an object of which a share is found with the first click."""
    found = rectangle(10, 10, 20, 10 + round(20 * iou))
    steps = measure(
        Scripted([found]), Cut.of(TRUTH), TRUTH.shape, 1, np.random.default_rng(0)
    )[1]
    image = np.linspace(0, 255, TRUTH.size).reshape(TRUTH.shape)
    gallery.show(image, Cut.of(TRUTH), steps, scored(iou, dataset, label=number))


def test_the_worst_are_kept_but_not_too_many_of_a_data_set():
    gallery = Gallery()
    for number in range(10):
        show(gallery, 0.95 - number / 20, "good", number)
    show(gallery, 0.05, "bad")
    worst = gallery.worst()
    assert [e.result.dataset for e in worst] == ["bad", *["good"] * EACH]
    assert [e.result.label for e in worst[1:]] == [9, 8, 7, 6]


def test_no_more_are_kept_than_fit_on_a_sheet():
    gallery = Gallery()
    for number in range(MOST):
        show(gallery, 0.5, str(number))
        show(gallery, 0.25, str(number))
    assert len(gallery.worst()) == MOST
    assert {exhibit.iou for exhibit in gallery.worst()} == {0.25}


def test_an_exhibit_shows_the_object_with_its_clicks():
    leak = TRUTH | rectangle(14, 30, 16, 50)
    steps = measure(
        Scripted([leak]), Cut.of(TRUTH), TRUTH.shape, 5, np.random.default_rng(0)
    )[1]
    gallery = Gallery()
    gallery.show(np.eye(40, 50), Cut.of(TRUTH), steps, scored(0.5))
    (exhibit,) = gallery.worst()
    assert exhibit.truth.sum() == 200
    assert exhibit.pixels.shape == (*exhibit.truth.shape, 3)
    assert [len(view.clicks) for view in exhibit.views] == [1, 3]
    assert exhibit.views[0].mask.sum() == 240  # the leak is in the picture
    row, column, label = exhibit.views[0].clicks[0]
    assert label == 1
    assert exhibit.truth[row, column]


def test_a_sheet_has_outlines_and_marks(tmp_path):
    gallery = Gallery()
    for number in range(6):
        show(gallery, 0.5, f"data set {number}")
    write_sheet(tmp_path / "a.png", gallery.worst(), "a title")
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.array(picture)
    for color in (sheet.TRUTH, sheet.MASK, sheet.INSIDE):
        assert (pixels == color).all(-1).sum() > 100


def test_a_plot_is_drawn(tmp_path):
    results = {
        "model": [scored(0.5, "x", clicks=(0.5, 0.6)), scored(0.2, "y")],
        "other": [scored(0.3, "y"), scored(0.4, "x")],
    }
    write_plot(tmp_path / "a.png", results, 10)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 600
        assert np.array(picture.convert("L")).std() > 5


def test_without_matplotlib_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExportError, match=r"pip install 'napari-sam2\[plot\]'"):
        write_plot(tmp_path / "a.png", {"model": [scored(0.5)]}, 10)


def test_a_table_has_a_row_for_each_object(tmp_path):
    results = {"a": [scored(0.5, clicks=(0.5, 0.75))], "b": [scored(0.25)] * 2}
    write_csv(tmp_path / "a.csv", results, 3)
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["a", "b", "b"]
    assert (rows[0]["iou_1"], rows[0]["iou_2"], rows[0]["iou_3"]) == (
        "0.5",
        "0.75",
        "0.75",
    )
    assert rows[0]["noc_80"] == "3"
    assert rows[0]["plane"] == ""
