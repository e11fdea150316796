from __future__ import annotations

import math

import pytest

from napari_sam2.evaluation import compare
from napari_sam2.evaluation.calibration import calibration_error
from napari_sam2.evaluation.report import table
from napari_sam2.evaluation.result import ObjectResult
from napari_sam2.evaluation.summary import summarize


def scored(value, dataset="a", **more):
    given = {"clicks": (value,), "boxed": (value,), "noisy": (value,), "best": value}
    return ObjectResult(100, dataset=dataset, **(given | more))


def of(*results, clicks=3):
    return summarize(results, clicks)


def test_means_are_over_objects_then_over_data_sets():
    many = [scored(value, "many") for value in (1.0, 1.0, 0.4)]
    summary = of(*many, scored(0.2, "few"))
    assert summary["datasets"]["many"]["iou_1"] == pytest.approx(0.8)
    assert summary["macro"]["iou_1"] == pytest.approx(0.5)
    assert summary["macro"]["datasets"] == 2


def test_what_is_reached_early_holds_on():
    row = of(scored(0.5, clicks=(0.5, 1.0), boxed=(0.6,)), clicks=10)["macro"]
    assert [row[f"iou_{n}"] for n in (1, 2, 3, 5, 10)] == [0.5, 1, 1, 1, 1]
    assert [row["iou_box"], row["iou_box_1"], row["iou_box_3"]] == [0.6] * 3


def test_there_is_no_iou_after_more_clicks_than_were_given():
    assert "iou_5" not in of(scored(0.5))["macro"]
    assert "iou_box_3" not in of(scored(0.5))["macro"]


def test_clicks_are_counted_up_to_the_limit():
    result = scored(0, clicks=(0.5, 0.82, 0.7, 0.86))
    row = of(result, scored(0, clicks=(0.95, 0.2, 0.2, 0.2)), clicks=4)["macro"]
    assert row["noc_80"] == (2 + 1) / 2
    assert row["noc_85"] == (4 + 1) / 2
    assert row["noc_90"] == (4 + 1) / 2  # never: as many as there were


def test_signs_of_trouble_are_counted():
    row = of(
        scored(0, clicks=(0.5, 0.4, 0.9), boxed=(0.5,), best=0.7),
        scored(0, clicks=(0.5, 0.5, 0.47), boxed=(0.9,), best=0.5),
        scored(0, clicks=(0.5, 0.5, 0.2), boxed=(0.9,), best=0.5),
        scored(0, clicks=(1.0,), boxed=(1.0,), best=1.0),
    )["macro"]
    assert row["worse"] == pytest.approx(2 / 6)  # of further clicks
    assert row["worse_objects"] == 2 / 4
    assert row["worse_second"] == 1 / 4
    assert row["box_is_click"] == 2 / 4
    assert row["oracle_gap"] == pytest.approx(0.2 / 4)


def test_calibration_is_the_mean_distance_within_bins():
    answers = [(0.92, 0.8), (0.98, 1.0), (0.15, 0.25), (math.nan, 0.5), (1.2, 1.0)]
    expected = (abs(0.92 + 0.98 + 1 - 2.8) + 0.1) / 4
    assert calibration_error(answers) == pytest.approx(expected)
    assert math.isnan(calibration_error([(math.nan, 1.0)]))


def test_who_expects_nothing_has_no_calibration():
    summary = of(scored(0.5, scores=(math.nan, math.nan)))
    assert summary["macro"]["calibration"] is None
    known = of(scored(0.5, scores=(0.6, 0.5)))["macro"]["calibration"]
    assert known == pytest.approx(0.05)
    assert "-" in table(summary).splitlines()[-1].split()


def test_the_table_begins_with_the_worst():
    lines = table(of(scored(0.9, "good"), scored(0.1, "bad"))).splitlines()
    assert [line.split()[1] for line in lines[2:4]] == ["bad", "good"]
    first, second = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert first[-1].startswith("| macro mean")
    assert len({len(line) for line in first}) == 1
    assert len({len(line) for line in second}) == 1


def test_models_stand_side_by_side_and_losers_are_listed():
    model = of(scored(0.9, "x"), scored(0.5, "y"), scored(0.4, "z"))
    rivals = {
        "one": of(scored(0.1, "x"), scored(0.51, "y"), scored(0.45, "z")),
        "two": of(scored(0.3, "x"), scored(0.2, "y"), scored(0.7, "z")),
    }
    text = compare.compare({"model": model, **rivals})
    assert "| model" in text
    assert "| z             | 0.400 | 0.450 | 0.700 |" in text
    assert compare.behind(model, rivals, "iou_box") == {
        "z": ("two", pytest.approx(0.3))
    }
    said = compare.verdict("model", model, rivals)
    assert "box: model +0.200 against the best baseline on macro average, two" in said
    assert "worse by more than 0.02 on: z (two +0.300)" in said
    assert "on no data set worse" in compare.verdict(
        "model", model, {"one": of(*(scored(0.1, name) for name in "xyz"))}
    )
