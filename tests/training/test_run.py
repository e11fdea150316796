from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from napari_sam2.synthesis import generate
from napari_sam2.training.command import app
from napari_sam2.training.config import (
    BatchConfig,
    PhaseConfig,
    TrainConfig,
    load_config,
)
from napari_sam2.training.data import Sample, SyntheticScenes, read_folder
from napari_sam2.training.export import export
from napari_sam2.training.loop import Budget, Run


def tiny(**changes):
    phase = PhaseConfig(
        batches=[BatchConfig(size=64, images=2, objects=2)], rounds=[0.0, 1.0]
    )
    settings = {"synthetic": 0.0, "processes": 1, "warmup": 1, "smallest": 20}
    return TrainConfig(schedule=[phase], **(settings | changes))


@pytest.fixture(scope="module")
def groups():
    scene = generate("nuclei", (128, 128), seed=1)
    return {"nuclei": [Sample.of(scene.image, scene.labels)]}


def losses(run, steps):
    return [run.advance()["loss"][0] for _ in range(steps)]


@pytest.fixture
def start(tmp_path, groups):
    """Make runs, and end their threads."""
    runs = []

    def make(name, config=None, steps=1000, seed=0):
        run = Run(
            tmp_path / name, groups, config or tiny(), Budget(steps=steps), seed=seed
        )
        runs.append(run)
        return run

    yield make
    for run in runs:
        run.source.close()


def test_the_loss_falls_on_what_is_seen_again_and_again(start):
    run = start("a")
    batch = run.source.make(0, run.config.schedule[0])
    run.source.get = lambda *_: batch
    history = losses(run, 30)
    assert np.mean(history[-3:]) < 0.75 * history[0]


def test_the_same_seed_gives_the_same_losses(start):
    first, again, other = start("a"), start("b"), start("c", seed=1)
    expected = losses(first, 3)
    assert losses(again, 3) == expected
    assert losses(other, 3) != expected


def test_a_resumed_run_goes_on_as_if_nothing_had_happened(start):
    run = start("a")
    losses(run, 2)
    run.save()
    expected = losses(run, 2)
    resumed = start("a", seed=7)  # the seed is that of the checkpoint
    resumed.resume()
    assert resumed.step == 2
    assert losses(resumed, 2) == expected
    for name, value in run.average.values.items():
        torch.testing.assert_close(resumed.average.values[name], value)


def test_loaders_make_the_same_batches_as_the_thread(start):
    alone, helped = start("a"), start("b", tiny(loaders=1))
    assert losses(helped, 2) == losses(alone, 2)


def test_a_frozen_phase_uses_the_running_statistics(start):
    config = tiny()
    config.schedule[0].freeze_norm = True
    run = start("a", config)
    norm = run.model.image_encoder.trunk.stem[0].norm
    before = norm.running_mean.clone()
    run.advance()
    torch.testing.assert_close(norm.running_mean, before)


def test_a_stage_may_train_a_part_alone(start):
    run = start("a", tiny(only=["sam_mask_decoder.iou"], dense=0.0))
    before = {k: v.clone() for k, v in run.model.named_parameters()}
    run.advance()
    changed = {
        k for k, v in run.model.named_parameters() if not torch.equal(v, before[k])
    }
    assert changed
    assert all(name.startswith("sam_mask_decoder.iou") for name in changed)


def test_training_leaves_the_memory_modules_alone(start):
    run = start("a")
    before = {k: v.clone() for k, v in run.model.memory_attention.state_dict().items()}
    run.advance()
    for name, value in run.model.memory_attention.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_a_run_writes_its_curve_and_can_be_exported(start, tmp_path, monkeypatch):
    from safetensors import safe_open

    monkeypatch.setattr("napari_sam2.training.loop.REPORT", 2)
    said = []
    run = start("a", steps=2)
    run.train(said.append)
    with (tmp_path / "a" / "loss.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "2"
    assert float(row["loss"]) > 0
    assert "step 2" in said[0]

    target = tmp_path / "starter.safetensors"
    assert export(tmp_path / "a", target) == 2
    assert target.stat().st_size < 20e6
    with safe_open(target, "pt") as file:
        assert set(file.keys()) == set(run.model.state_dict())
        assert file.metadata()["step"] == "2"
        assert "CC BY 3.0, Janelia FlyEM" in file.metadata()["attribution"]
        assert file.get_tensor("no_mem_embed").dtype == torch.float16

    further = start("b", tiny(initial=str(target)))
    for name, value in run.average.values.items():
        torch.testing.assert_close(
            further.model.state_dict()[name], value, rtol=1e-3, atol=1e-3
        )


def test_two_processes_train_one_model(tmp_path):
    from napari_sam2.training.parallel import train_together

    config = tiny(processes=2, synthetic=1.0, scenes=1)
    train_together(tmp_path, {}, config, Budget(steps=1))
    assert (tmp_path / "checkpoint.pt").exists()


def test_a_budget_is_a_number_or_a_time():
    assert Budget(steps=10).progress(5, 1e9) == 0.5
    assert Budget(seconds=60).progress(10**9, 15) == 0.25
    with pytest.raises(ValueError, match="either"):
        Budget()


def test_a_recipe_may_say_only_what_differs(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("learning_rate: 0.01\nschedule:\n  - whole_view: 0.9\n")
    config = load_config(path)
    assert config.learning_rate == 0.01
    assert config.schedule[0].whole_view == 0.9
    assert config.schedule[0].batches[0].size == 256
    assert config.clip == TrainConfig().clip


def test_phases_follow_each_other():
    config = TrainConfig()
    assert config.phase(0.0) is config.schedule[0]
    assert config.phase(0.999) is config.phase(1.5) is config.schedule[-1]


def test_only_openly_licensed_rows_are_trained_on(tmp_path):
    import tifffile

    rows = ["dataset,file,labels_file,licence_class,annotation,modality"]
    labels = np.zeros((32, 32), np.uint16)
    labels[4:20, 4:20] = 1
    for name, licence in (("a", "open"), ("b", "research")):
        tifffile.imwrite(tmp_path / f"{name}_image.tif", labels * 9)
        tifffile.imwrite(tmp_path / f"{name}_labels.tif", labels)
        rows.append(f"{name},{name}_image.tif,{name}_labels.tif,{licence},SPARSE,x")
    (tmp_path / "MANIFEST.csv").write_text("\n".join(rows))
    groups = read_folder(tmp_path)
    assert set(groups) == {"a"}
    sample = groups["a"][0]
    assert sample.sparse
    assert sample.image.dtype == np.uint8
    np.testing.assert_array_equal(sample.boxes, [[1, 4, 4, 20, 20]])


def test_synthetic_scenes_are_renewed_but_repeatable():
    def draw(step):
        scenes = SyntheticScenes(seed=3, each=1, renewal=100)
        return scenes.draw(step, np.random.default_rng(0)).image

    np.testing.assert_array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(100))


def test_the_command_trains_without_data(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "processes: 1\nscenes: 1\nschedule:\n"
        "  - batches: [{size: 64, images: 1, objects: 1}]\n    rounds: [1.0]\n"
    )
    run = ["train", "--out", str(tmp_path / "run"), "--config", str(recipe)]
    result = CliRunner().invoke(app(), [*run, "--steps", "1"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "checkpoint.pt").exists()
    result = CliRunner().invoke(app(), [*run, "--steps", "1", "--resume"])
    assert "resumed at step 1" in result.output
    result = CliRunner().invoke(app(), [*run, "--steps", "1", "--minutes", "1"])
    assert result.exit_code != 0
