"""Engines to test, and what they must equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from omegaconf import OmegaConf

from napari_sam2.engines.torch import TorchEngine
from napari_sam2.models.build import build_model
from napari_sam2.models.catalog import CATALOG, get_model
from napari_sam2.models.configs import config_file
from tests.engines.official import Pair, randomized

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


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
def engine(small_model: nn.Module) -> TorchEngine:
    """Return an engine of the small architecture."""
    return TorchEngine(small_model, "cpu")


def _model(name: str, small_config: Path) -> nn.Module:
    if name == "starter":
        return build_model(get_model("starter"))
    if name == "random tiny":
        assert CATALOG["sam2.1-tiny"].config is not None
        return randomized(CATALOG["sam2.1-tiny"].config)
    return randomized(small_config)


@pytest.fixture(scope="session", params=["starter", "random tiny", "random small"])
def pair(request: pytest.FixtureRequest, small_config: Path) -> Pair:
    """Return each model with an image that both sides have seen."""
    return Pair(_model(request.param, small_config))
