from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation import evaluate
from napari_sam2.evaluation.clicks import tight_box
from napari_sam2.evaluation.cut import Cut
from napari_sam2.evaluation.measure import Settings, measure, run
from napari_sam2.evaluation.objects import choose_objects
from tests.evaluation.scenes import Oracle, squares, write, write_folder

LABELS = squares((10, 20), (30, 50))


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path, LABELS)


def test_an_object_is_clicked_corrected_and_boxed():
    labels = squares((10, 20))
    oracle = Oracle(labels)
    truth = Cut.of(labels == 1)
    result, steps = measure(oracle, truth, (60, 80), 3, np.random.default_rng(1))
    assert result.area == 100
    assert result.clicks == (0.5, 1.0)  # a perfect mask needs no third click
    assert result.boxed == (1.0,)
    assert result.best == 1.0
    assert result.scores == (0.7, 0.8, 0.9)
    assert 0.5 < result.boundary < 1.0
    assert result.boundary_box == 1.0
    assert result.place == (14, 24)
    assert result.prompts == len(oracle.calls) == 2 + 1 + len(result.noisy)
    assert result.seconds > 0
    assert [step.iou for step in steps] == [0.5, 1.0]
    first, second, boxed, noisy, *_ = oracle.calls
    assert first == ([(14, 24)], [1], None, None)
    assert second[1] == [1, 1]
    assert second[3] is not None  # the mask before is refined
    assert boxed[2] == tight_box(labels == 1)
    assert noisy[0] != first[0]


def test_small_objects_are_left_out():
    labels = squares((10, 20), (30, 40))
    labels[50:55, 0:5] = 3  # 25 pixels
    chosen = choose_objects(labels, 40, np.random.default_rng(0))
    assert (chosen.numbers, chosen.small, chosen.spare) == ((1, 2), 1, 0)


def test_the_choice_among_many_objects_is_repeatable():
    labels = np.repeat(np.arange(101, dtype=np.uint16), 40).reshape(101, 40)
    first, again = (
        choose_objects(labels, 7, np.random.default_rng(1)) for _ in range(2)
    )
    assert first == again
    assert len(set(first.numbers)) == 7
    assert first.spare == 93


def test_only_what_people_drew_on_real_images_counts(folder):
    oracle = Oracle(LABELS)
    summary = evaluate(folder, oracle)
    assert set(summary["datasets"]) == {"real", "sparse"}
    left_out = {
        image["dataset"]: image["reason"] for image in summary["scope"]["left_out"]
    }
    assert left_out == {
        "auto": "automatic labels",
        "silver": "silver labels",
        "fake": "simulated image",
    }
    everything = evaluate(folder, oracle, everything=True)
    assert set(everything["datasets"]) == {"real", "auto", "silver", "fake", "sparse"}
    assert everything["macro"]["iou_box"] == 1.0
    assert everything["scope"]["left_out"] == []


def test_what_is_not_annotated_is_not_measured(tmp_path):
    both = squares((10, 20), (30, 50))
    annotated = np.where(both == 1, 1, 0).astype(np.uint16)
    write_folder(tmp_path, annotated)
    results, scope = run(tmp_path, Oracle(both), Settings())
    sparse = [result for result in results if result.dataset == "sparse"]
    assert [result.label for result in sparse] == [1]
    assert [image.sparse for image in scope.counted] == [False, True]
    assert "Sparse, annotated objects only: sparse/x_image.tif" in scope.text(40, 0)


def test_a_result_tells_where_it_is_from(tmp_path):
    labels = np.stack([squares(), LABELS, squares((1, 1))])
    write(tmp_path / "stacks", "a", labels.astype(np.uint8), labels)
    results, scope = run(tmp_path, Oracle(LABELS), Settings(max_objects=1))
    (result,) = results
    assert (result.dataset, result.image) == ("stacks", "a_image.tif")
    assert result.plane == 1
    assert result.label in (1, 2)
    text = scope.text(1, 0)
    assert "Counted: 1 objects of 1 images" in text
    assert "1 more than 1 an image (drawn with seed 0)" in text
    assert "Plane 1 of 3 (the most objects): stacks/a_image.tif" in text


def test_the_same_seed_gives_the_same_result(folder):
    def ious(seed):
        results, _ = run(folder, Oracle(LABELS), Settings(seed=seed))
        return [(result.clicks, result.noisy) for result in results]

    assert ious(1) == ious(1)
    assert len({tuple(ious(seed)) for seed in range(5)}) > 1


def test_an_image_without_objects_is_left_out(tmp_path):
    write(tmp_path, "empty", np.zeros((60, 80), np.uint8), squares())
    results, scope = run(tmp_path, Oracle(squares()), Settings())
    assert results == []
    assert scope.left_out[0].reason == "no object of at least 30 pixels"


def test_every_image_is_told(folder):
    lines = []
    evaluate(folder, Oracle(LABELS), say=lines.append)
    assert lines[0] == "real/x_image.tif: 2 objects, 0.500"
