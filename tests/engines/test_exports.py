"""Exports on disk: made once, aside, whole or not at all."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from napari_sam2.engines import calibration, create_engine
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.engines.chooser import best_engine, is_prepared, make_engine, prepare
from napari_sam2.engines.export import export_model
from napari_sam2.engines.exported import GRAPHS, read_export
from napari_sam2.engines.exports import (
    engines_folder,
    export_folder,
    find_export,
    make_export,
)
from napari_sam2.engines.onnx import OnnxEngine
from napari_sam2.engines.variant import ENGINE_VARIABLE, Variant
from napari_sam2.errors import Cancelled, EngineError, ExportError
from tests.engines.official import picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sam2.engines.exported import Export
    from napari_sam2.engines.torch import TorchEngine
    from napari_sam2.models.catalog import ModelSpec


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the program that nothing was stored in yet."""
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path))
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def at_home(
    home: Path, exported: Callable[[str], Export], small_spec: ModelSpec
) -> Path:
    """The export of the small model, where the engines look for it."""
    folder = export_folder(small_spec)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(exported("random small").folder)
    return folder


def test_an_export_says_what_is_in_it(
    exported: Callable[[str], Export], small_spec: ModelSpec
) -> None:
    export = exported("random small")
    assert {file.name for file in export.folder.iterdir()} == {
        "export.json",
        *(f"{graph}.onnx" for graph in GRAPHS),
    }
    assert read_export(export.folder) == export
    assert export.fingerprint == small_spec.fingerprint
    assert (export.image_size, export.mask_size) == (256, 64)


def test_the_decoder_for_other_programs_gives_what_ours_gives(
    exported: Callable[[str], Export], torch_engine: TorchEngine
) -> None:
    export = exported("random small")
    encoder, decoder = (
        onnxruntime.InferenceSession(
            export.path(name), providers=["CPUExecutionProvider"]
        )
        for name in ("encoder", "decoder")
    )
    image = picture(256, 256)
    features = encoder.run(None, {"image": image.astype(np.float32)})
    names = [output.name for output in encoder.get_outputs()]
    points = np.random.default_rng(0).uniform(0, 256, (5, 2, 2)).astype(np.float32)
    labels = np.tile(np.array([[1, 0]], dtype=np.int32), (5, 1))
    masks = np.random.default_rng(1).normal(size=(5, 1, 64, 64)).astype(np.float32)
    for given in (0.0, 1.0):
        logits, scores = decoder.run(
            None,
            {
                **dict(zip(names, features, strict=True)),
                "point_coords": np.pad(points, ((0, 0), (0, 1), (0, 0))),
                "point_labels": np.pad(labels, ((0, 0), (0, 1)), constant_values=-1),
                "mask_input": masks,
                "has_mask_input": np.full(5, given, dtype=np.float32),
            },
        )
        ours = torch_engine.decode(
            torch_engine.encode(image),
            points=points,
            labels=labels,
            masks=masks if given else None,
            multimask=True,
        )
        np.testing.assert_allclose(logits[:, 1:], ours.logits, atol=1e-3)
        np.testing.assert_allclose(scores[:, 1:], ours.scores, atol=1e-4)


def test_bytes_are_what_other_programs_give_the_encoder(
    small_spec: ModelSpec, tmp_path: Path
) -> None:
    export = export_model(small_spec, tmp_path / "bytes", graphs=("encoder",))
    session = onnxruntime.InferenceSession(
        export.path("encoder"), providers=["CPUExecutionProvider"]
    )
    (image,) = session.get_inputs()
    assert (image.name, image.type) == ("image", "tensor(uint8)")
    assert image.shape == [256, 256, 3]
    assert export.pixels == "uint8"


def test_half_precision_keeps_its_inputs_and_outputs(
    exported: Callable[[str], Export],
    small_spec: ModelSpec,
    tmp_path: Path,
    torch_engine: TorchEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = exported("random small")

    def copy(_module: object, _inputs: object, path: Path, **_: object) -> None:
        shutil.copy(whole.folder / path.name, path)

    # What torch makes of the model is the same, and takes long.
    monkeypatch.setattr("torch.onnx.export", copy)
    export = export_model(
        small_spec, tmp_path / "half", precision="fp16", pixels="float32"
    )
    assert export.precision == "fp16"
    engine = OnnxEngine(export)
    assert engine.precision == "fp16"
    image = picture(256, 256)
    point = np.full((1, 1, 2), 100, dtype=np.float32)
    inside = np.ones((1, 1), dtype=np.int32)
    ours, theirs = (
        one.decode(one.encode(image), points=point, labels=inside, multimask=True)
        for one in (engine, torch_engine)
    )
    error = np.abs(ours.logits - theirs.logits).max() / theirs.logits.std()
    assert 1e-5 < error < 0.1


def test_a_folder_that_is_in_use_is_left_alone(
    small_spec: ModelSpec, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ExportError, match="exists already"):
        export_model(small_spec, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize("text", ["", "{}", '{"exporter": 0}', "[1]"])
def test_what_is_no_export_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(ExportError):
        read_export(tmp_path)


def test_the_export_of_an_older_version_is_not_used(
    exported: Callable[[str], Export], tmp_path: Path
) -> None:
    known = json.loads((exported("random small").folder / "export.json").read_text())
    old = {**known, "exporter": 0, "files": {}}
    (tmp_path / "export.json").write_text(json.dumps(old))
    with pytest.raises(ExportError, match="another version"):
        read_export(tmp_path)


def test_a_model_is_exported_aside_once(
    exported: Callable[[str], Export],
    small_spec: ModelSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    export = exported("random small")
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(export.folder.parents[1]))
    assert export.folder == export_folder(small_spec)
    assert export.pixels == "float32"
    written = export.path("encoder").stat().st_mtime_ns
    assert make_export(small_spec) == export == find_export(small_spec)
    assert export.path("encoder").stat().st_mtime_ns == written


def test_a_cancelled_export_leaves_nothing_behind(
    home: Path, small_spec: ModelSpec
) -> None:
    class Soon(CancelToken):
        def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
            remove = super().on_cancel(callback)
            threading.Thread(target=self.cancel).start()
            return remove

    with pytest.raises(Cancelled):
        make_export(small_spec, cancel=Soon())
    left = {path.name for path in engines_folder().iterdir()}
    assert all(name.endswith(".lock") for name in left)
    assert find_export(small_spec) is None


def test_why_an_export_failed_is_said(home: Path, small_spec: ModelSpec) -> None:
    with pytest.raises(ExportError, match="fp7"):
        make_export(small_spec, "fp7")


def test_before_anything_was_prepared_torch_computes(
    home: Path, small_spec: ModelSpec
) -> None:
    assert not is_prepared(small_spec, "cpu")
    assert create_engine(small_spec, "cpu").name == "torch"


def test_an_export_is_used_as_soon_as_it_is_there(
    at_home: Path, small_spec: ModelSpec
) -> None:
    assert best_engine(small_spec, "cpu").name == "OpenVINO"


def test_preparing_measures_and_remembers(
    at_home: Path, small_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "_BUDGET", 1000.0)
    measured = prepare(small_spec, "cpu")
    by_name = {one.engine: one for one in measured}
    assert {"openvino", "onnxruntime", "torch"} <= by_name.keys()
    assert by_name["openvino"].encode_ms > 0
    assert by_name["onnxruntime"].agreement == pytest.approx(1.0, abs=0.01)
    assert is_prepared(small_spec, "cpu")
    assert prepare(small_spec, "cpu") == measured
    assert best_engine(small_spec, "cpu").name in ("OpenVINO", "ONNX Runtime")


def test_a_damaged_export_is_made_anew_and_torch_computes_meanwhile(
    home: Path, exported: Callable[[str], Export], small_spec: ModelSpec
) -> None:
    good = exported("random small").folder
    folder = export_folder(small_spec)
    folder.mkdir(parents=True)
    for file in good.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "encoder.onnx").write_bytes(b"not a graph")
    assert best_engine(small_spec, "cpu").name == "torch"
    assert find_export(small_spec) is None


def test_the_environment_decides_what_auto_means(
    at_home: Path, small_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "onnxruntime")
    assert create_engine(small_spec, "cpu").name == "ONNX Runtime"
    assert create_engine(small_spec, "cpu", "torch").name == "torch"


def test_an_engine_that_is_asked_for_is_made(
    at_home: Path, small_spec: ModelSpec
) -> None:
    engine = make_engine(small_spec, Variant("openvino", "bf16"), "cpu")
    assert (engine.name, engine.precision) == ("OpenVINO", "bf16")
    engine = make_engine(small_spec, Variant("torch", "bf16"), "cpu")
    assert (engine.name, engine.precision) == ("torch", "bf16")
    image = picture(64, 64)
    engine.decode(engine.encode(image), boxes=np.float32([[10, 10, 200, 200]]))


@pytest.mark.parametrize("name", ["abacus", "torch-int4", ""])
def test_an_engine_that_there_is_not_is_an_error(name: str) -> None:
    with pytest.raises(EngineError, match="There is no engine"):
        Variant.parse(name)


@pytest.mark.parametrize("way", ["torch", "openvino-bf16", "onnxruntime-int8"])
def test_the_name_of_an_engine_says_all(way: str) -> None:
    assert Variant.parse(way).name == way


@pytest.mark.parametrize(
    ("device", "message"),
    [("cuda", "CUDA"), ("coreml", "CoreML"), ("abacus", "knows no device")],
)
def test_a_device_that_the_runtime_cannot_use_is_an_error(
    at_home: Path, small_spec: ModelSpec, device: str, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        make_engine(small_spec, Variant("onnxruntime"), device)


def test_an_export_that_cannot_be_locked_is_used_all_the_same(
    at_home: Path, small_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert make_export(small_spec) == find_export(small_spec)
    assert best_engine(small_spec, "cpu").name == "OpenVINO"


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(
    home: Path, small_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines_folder().write_text("a file where the folder would be")
    with pytest.raises(ExportError, match="Set NAPARI_SAM2_HOME"):
        make_export(small_spec)


def test_a_library_that_is_broken_leaves_torch(
    at_home: Path, small_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: object, **__: object) -> None:
        raise ImportError("DLL load failed")

    monkeypatch.setattr("napari_sam2.engines.openvino.OpenVinoEngine.__init__", break_)
    assert best_engine(small_spec, "cpu").name == "torch"


def test_a_driver_without_a_device_that_computes_leaves_the_processor(
    at_home: Path, small_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.engines.chooser.cuda_devices", lambda: 1)
    assert best_engine(small_spec).name == "torch"
    prepare(small_spec)
    assert find_export(small_spec) is not None
    assert best_engine(small_spec).name in ("OpenVINO", "ONNX Runtime")
    assert best_engine(small_spec).device == "cpu"
