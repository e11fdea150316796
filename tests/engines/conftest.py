"""Engines to test, and what they must equal."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from omegaconf import OmegaConf
from safetensors.torch import save_file

from napari_sam2.engines.export import export_model
from napari_sam2.engines.exports import find_export, make_export
from napari_sam2.engines.onnx import OnnxEngine
from napari_sam2.engines.openvino import OpenVinoEngine
from napari_sam2.engines.torch import TorchEngine
from napari_sam2.models.build import build_model
from napari_sam2.models.catalog import CATALOG, get_model
from napari_sam2.models.configs import config_file
from tests.engines.official import Pair, randomized

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.exported import Export
    from napari_sam2.models.catalog import ModelSpec

RUNTIMES = ("torch", "ONNX Runtime", "OpenVINO")


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Architecture of SAM 2.1 tiny with an input of 256 pixels."""
    assert CATALOG["sam2.1-tiny"].config is not None
    config = OmegaConf.load(config_file(CATALOG["sam2.1-tiny"].config))
    config.model.image_size = 256
    path = tmp_path_factory.mktemp("small") / "small.yaml"
    OmegaConf.save(config, path)
    return path


@pytest.fixture(scope="session")
def small_model(small_config: Path) -> nn.Module:
    """Return the small architecture with random weights."""
    return randomized(small_config)


@pytest.fixture(scope="session")
def small_spec(
    small_config: Path, small_model: nn.Module, tmp_path_factory: pytest.TempPathFactory
) -> ModelSpec:
    """Return the same model as a checkpoint."""
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    save_file(small_model.state_dict(), path)
    return get_model(path, small_config)


@pytest.fixture(scope="session")
def exported(
    tmp_path_factory: pytest.TempPathFactory, small_spec: ModelSpec
) -> Callable[[str], Export]:
    """Export a model, once, with the pixels that this package's engines want.

    The starter here, the small one as the program does: aside, in its own folder.
    """

    @cache
    def export(model: str) -> Export:
        home = tmp_path_factory.mktemp("export")
        if model == "starter":
            return export_model(get_model(model), home / model, pixels="float32")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NAPARI_SAM2_HOME", str(home))
            assert find_export(small_spec) is None
            return make_export(small_spec)

    return export


@pytest.fixture(scope="session")
def torch_engine(small_model: nn.Module) -> TorchEngine:
    """Return torch with the small architecture."""
    return TorchEngine(small_model, "cpu")


@pytest.fixture(scope="session")
def engines(
    exported: Callable[[str], Export], torch_engine: TorchEngine, small_config: Path
) -> Callable[[str, str], Engine]:
    """Return an engine by its runtime and its model."""

    @cache
    def engine(runtime: str, model: str) -> Engine:
        if runtime == "ONNX Runtime":
            return OnnxEngine(exported(model))
        if runtime == "OpenVINO":
            return OpenVinoEngine(exported(model))
        if model == "random small":
            return torch_engine
        return TorchEngine(_model(model, small_config), "cpu")

    return engine


@pytest.fixture(scope="session", params=RUNTIMES)
def engine(
    request: pytest.FixtureRequest, engines: Callable[[str, str], Engine]
) -> Engine:
    """Return each engine with the small architecture."""
    return engines(request.param, "random small")


def _model(name: str, small_config: Path) -> nn.Module:
    if name == "starter":
        return build_model(get_model("starter"))
    if name == "random tiny":
        assert CATALOG["sam2.1-tiny"].config is not None
        return randomized(CATALOG["sam2.1-tiny"].config)
    return randomized(small_config)


@pytest.fixture(
    scope="session",
    params=[
        *[(runtime, "random small") for runtime in RUNTIMES],
        *[(runtime, "starter") for runtime in RUNTIMES],
        ("torch", "random tiny"),
    ],
    ids=" ".join,
)
def pair(
    request: pytest.FixtureRequest,
    small_config: Path,
    engines: Callable[[str, str], Engine],
) -> Pair:
    """Return each engine and the official predictor, having seen the same image."""
    return Pair(engines(*request.param), _model(request.param[1], small_config))
