from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from skimage.io import imsave
from typer.testing import CliRunner

from napari_sam2.evaluation import evaluate
from napari_sam2.evaluation.clicks import tight_box
from napari_sam2.evaluation.folder import find_pairs, read_plane
from napari_sam2.evaluation.measure import ObjectResult, choose_objects, measure
from napari_sam2.evaluation.report import summarise, table


def squares(*corners, side=10, shape=(60, 80)):
    labels = np.zeros(shape, np.uint16)
    for number, (row, column) in enumerate(corners, start=1):
        labels[row : row + side, column : column + side] = number
    return labels


def answer(mask, alternatives=()):
    return SimpleNamespace(mask=mask, alternatives=alternatives)


@dataclass
class Oracle:
    """Knows the truth; one click finds half of an object, the second all of it."""

    labels: np.ndarray
    calls: list = field(default_factory=list)

    def set_image(self, image):
        assert image.shape[:2] == self.labels.shape

    def predict(self, points=None, labels=None, box=None, mask=None):
        self.calls.append((points, labels, box, mask))
        if box is not None:
            r0, c0, r1, c1 = box
            return answer(self.labels == self.labels[(r0 + r1) // 2, (c0 + c1) // 2])
        row, column = points[0]
        whole = self.labels == self.labels[row, column]
        if len(points) > 1:
            return answer(whole)
        half = whole & (np.arange(whole.shape[1]) <= column)
        return answer(half, (answer(half), answer(whole)))


def write(folder, name, image, labels):
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / f"{name}_image.tif", image, photometric="minisblack")
    tifffile.imwrite(folder / f"{name}_labels.tif", labels, photometric="minisblack")


def test_an_object_is_clicked_corrected_and_boxed():
    labels = squares((10, 20))
    oracle = Oracle(labels)
    result = measure(oracle, labels == 1, clicks=3)
    assert result.area == 100
    assert result.clicks == (0.5, 1.0, 1.0)
    assert result.box == 1.0
    assert result.best == 1.0
    first, second, boxed = oracle.calls  # a perfect mask needs no third click
    assert first == ([(14, 24)], [1], None, None) or first[0][0] == (14, 24)
    assert second[1] == [1, 1]
    assert second[3] is not None  # the mask before is refined
    assert boxed[2] == tight_box(labels == 1)


def test_small_objects_are_left_out():
    labels = squares((10, 20), (30, 40))
    labels[50:55, 0:5] = 3  # 25 pixels
    chosen = choose_objects(labels, 40, np.random.default_rng(0))
    np.testing.assert_array_equal(chosen, [1, 2])


def test_the_choice_among_many_objects_is_repeatable():
    labels = np.repeat(np.arange(101, dtype=np.uint16), 40).reshape(101, 40)
    first, again = (
        choose_objects(labels, 7, np.random.default_rng(1)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(set(first)) == 7


def test_means_are_over_objects_then_over_data_sets():
    def scored(value):
        return ObjectResult(100, (value, value), value, value)

    summary = summarise(
        {"many": [scored(1.0), scored(1.0), scored(0.4)], "few": [scored(0.2)]}
    )
    assert summary["datasets"]["many"]["iou_1"] == pytest.approx(0.8)
    assert summary["macro"]["iou_1"] == pytest.approx(0.5)
    assert summary["macro"]["datasets"] == 2


def test_signs_of_trouble_are_counted():
    summary = summarise(
        {
            "a": [
                ObjectResult(100, (0.5, 0.4, 0.9), 0.5, 0.7),
                ObjectResult(100, (0.5, 0.5, 0.47), 0.9, 0.5),
            ]
        }
    )["datasets"]["a"]
    assert summary["box_is_click"] == 0.5
    assert summary["worse"] == 0.25  # one of four further clicks
    assert summary["oracle_gap"] == pytest.approx(0.1)


def test_the_table_begins_with_the_worst():
    def scored(value):
        return [ObjectResult(100, (value,), value, value)]

    lines = table(summarise({"good": scored(0.9), "bad": scored(0.1)})).splitlines()
    assert [line.split()[1] for line in lines[2:4]] == ["bad", "good"]
    assert lines[-1].startswith("| macro mean")
    assert len({len(line) for line in lines}) == 1


def test_pairs_are_found_without_a_manifest(tmp_path):
    imsave(tmp_path / "b_image.png", np.zeros((8, 8), np.uint8), check_contrast=False)
    imsave(tmp_path / "b_labels.png", np.ones((8, 8), np.uint16), check_contrast=False)
    write(tmp_path / "set", "a", np.zeros((8, 8)), np.ones((8, 8), np.uint16))
    pairs = find_pairs(tmp_path)
    assert {pair.dataset for pair in pairs} == {tmp_path.name, "set"}
    assert all(pair.is_truth and not pair.is_sparse for pair in pairs)


def test_a_folder_without_pairs_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no pairs"):
        find_pairs(tmp_path)


def test_of_a_stack_the_plane_with_most_objects_is_read(tmp_path):
    labels = np.stack([squares((1, 1)), squares((1, 1), (20, 20)), squares()])
    image = np.arange(3)[:, None, None] * np.ones((1, 60, 80))
    write(tmp_path, "stack", image, labels)
    plane, plane_labels = read_plane(find_pairs(tmp_path)[0])
    assert plane.max() == plane.min() == 1
    assert plane_labels.max() == 2


@pytest.fixture
def folder(tmp_path):
    labels = squares((10, 20), (30, 50))
    rows = []
    for dataset, annotation, modality in (
        ("real", "manual", "phase"),
        ("auto", "AUTOMATIC masks", "phase"),
        ("fake", "exact", "SIMULATED"),
    ):
        write(tmp_path / dataset, "x", labels.astype(np.uint8), labels)
        rows.append(
            {
                "dataset": dataset,
                "file": f"{dataset}/x_image.tif",
                "labels_file": f"{dataset}/x_labels.tif",
                "modality": modality,
                "annotation": annotation,
                "licence_class": "open",
            }
        )
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def test_only_what_people_drew_on_real_images_counts(folder):
    oracle = Oracle(squares((10, 20), (30, 50)))
    assert set(evaluate(folder, oracle)["datasets"]) == {"real"}
    everything = evaluate(folder, oracle, everything=True)
    assert set(everything["datasets"]) == {"real", "auto", "fake"}
    assert everything["macro"]["iou_box"] == 1.0


def test_the_command_prints_a_table_and_writes_json(folder, monkeypatch):
    import typer

    import napari_sam2.segmentation.segmenter
    from napari_sam2.evaluation.command import evaluate as command

    oracle = Oracle(squares((10, 20), (30, 50)))
    monkeypatch.setattr(
        napari_sam2.segmentation.segmenter, "Segmenter", lambda **_: oracle
    )
    program = typer.Typer()
    program.command()(command)
    target = folder / "result.json"
    result = CliRunner().invoke(program, [str(folder), "--json", str(target)])
    assert result.exit_code == 0, result.output
    assert "| real" in result.output
    written = json.loads(target.read_text())
    assert written["macro"]["iou_1"] == 0.5
    assert written["datasets"]["real"]["iou_3"] == 1.0
    assert written["settings"]["model"] == "starter"


def test_the_command_explains_an_empty_folder(tmp_path, monkeypatch):
    import typer

    import napari_sam2.segmentation.segmenter
    from napari_sam2.evaluation.command import evaluate as command

    monkeypatch.setattr(
        napari_sam2.segmentation.segmenter, "Segmenter", lambda **_: None
    )
    program = typer.Typer()
    program.command()(command)
    result = CliRunner().invoke(program, [str(tmp_path)])
    assert result.exit_code == 1
    assert "no pairs" in result.output
