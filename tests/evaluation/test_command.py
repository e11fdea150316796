from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

import napari_sam2.segmentation.segmenter
from napari_sam2.evaluation.command import evaluate as command
from tests.evaluation.scenes import Oracle, squares, write_folder

LABELS = squares((10, 20), (30, 50))


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path, LABELS)


@pytest.fixture(autouse=True)
def oracle(monkeypatch):
    opened = []

    def open_(**arguments):
        opened.append(arguments)
        return Oracle(LABELS)

    monkeypatch.setattr(napari_sam2.segmentation.segmenter, "Segmenter", open_)
    return opened


def run(*arguments):
    program = typer.Typer()
    program.command()(command)
    return CliRunner().invoke(program, [str(argument) for argument in arguments])


def fails(message, *arguments):
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert message in result.output
    assert len(result.output.splitlines()) == 1


def test_it_prints_what_counts_and_tables_and_writes_json(folder):
    target = folder / "result.json"
    result = run(folder, "--json", target)
    assert result.exit_code == 0, result.output
    assert "Counted: 4 objects of 2 images" in result.output
    assert "Left out, automatic labels: auto (x_image.tif)" in result.output
    assert "Clicks: up to 10 an object" in result.output
    assert "it is 10; the literature allows 20." in result.output
    assert "starter: on auto, no closer look." in result.output
    assert "| real" in result.output
    written = json.loads(target.read_text())
    assert written["macro"]["iou_1"] == 0.5
    assert written["macro"]["noc_80"] == 2
    assert written["datasets"]["real"]["iou_3"] == 1.0
    assert written["settings"]["model"] == "starter"
    assert written["settings"]["clicks"] == 10
    assert {image["dataset"] for image in written["scope"]["left_out"]} == {
        *("auto", "silver", "fake")
    }
    assert written["computed"] == {"starter": {"device": "auto", "zoom": False}}
    assert "compared" not in written


def test_models_and_baselines_are_compared(folder, oracle):
    files = {kind: folder / f"result.{kind}" for kind in ("json", "csv")}
    result = run(
        *(folder, "--compare", "tiny", "--compare", "small", "--baselines", "-q"),
        *("--json", files["json"], "--csv", files["csv"], "--clicks", 3),
        *("--device", "cpu"),
    )
    assert result.exit_code == 0, result.output
    assert [arguments["model"] for arguments in oracle] == ["starter", "tiny", "small"]
    assert {arguments["device"] for arguments in oracle} == {"cpu"}
    assert "iou 1: starter" in result.output
    assert "against the best baseline on macro average" in result.output
    written = json.loads(files["json"].read_text())
    names = ["tiny", "small", "flood fill", "random walker", "watershed"]
    assert list(written["compared"]) == names
    assert written["compared"]["tiny"]["macro"]["iou_box"] == 1
    assert written["compared"]["watershed"]["macro"]["calibration"] is None
    assert set(written["behind_baselines"]) == {"iou_1", "iou_box"}
    assert len(files["csv"].read_text().splitlines()) == 1 + 6 * 4


def test_pictures_are_drawn(folder):
    plot, worst = folder / "plot.png", folder / "worst.png"
    result = run(folder, "--plot", plot, "--worst", worst)
    assert result.exit_code == 0, result.output
    assert plot.read_bytes()[1:4] == worst.read_bytes()[1:4] == b"PNG"


def test_the_clicks_of_the_literature_end_with_a_good_mask(folder):
    said = run(folder, "--clicks", 20).output
    assert "after 10 only until IoU is 0.90." in said
    assert "it is 20." in said


def test_a_file_is_a_checkpoint(folder, oracle):
    weights = folder / "mine.pt"
    weights.touch()
    assert run(folder, "--model", weights).exit_code == 0
    assert oracle[0]["model"] == weights


@pytest.mark.parametrize(
    ("options", "zoom"), [((), None), (("--zoom",), True), (("--no-zoom",), False)]
)
def test_a_closer_look_can_be_asked_for_and_not(folder, oracle, options, zoom):
    assert run(folder, *options).exit_code == 0
    assert oracle[0]["zoom"] is zoom


def test_an_empty_folder_is_explained(tmp_path):
    fails("no pairs", tmp_path)


def test_a_folder_in_which_nothing_counts_is_explained(folder):
    manifest = folder / "MANIFEST.csv"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0], lines[2]]))
    fails("--everything includes automatic labels", folder)


def test_an_engine_that_there_is_not_is_an_error(folder, oracle):
    fails('There is no engine "magic". Choose auto, torch', folder, "--engine", "magic")
    fails('There is no engine "torch-int4"', folder, "--precision", "int4")
    assert oracle == []


def test_a_model_is_not_compared_with_itself(folder):
    fails("give each model once", folder, "--compare", "starter")


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--json", "none/a.json", "there is no folder"),
        ("--worst", "a.txt", "let it end in .png or .jpg"),
        ("--plot", "a.txt", "let it end in .png, .pdf or .svg"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(folder, oracle, option, name, message):
    fails(message, folder, option, folder / name)
    assert oracle == []
