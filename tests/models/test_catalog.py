from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from napari_sam2.errors import CheckpointError, UnknownModelError
from napari_sam2.models.catalog import (
    CATALOG,
    HOME_VARIABLE,
    ModelSpec,
    get_model,
    is_available,
    model_name,
    models_folder,
    weights_path,
)
from napari_sam2.models.configs import config_file

if TYPE_CHECKING:
    from pathlib import Path

OFFICIAL = [spec for spec in CATALOG.values() if spec.url is not None]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "mine.pt"
    path.write_bytes(b"weights")
    return path


def test_the_model_that_needs_no_download_comes_first() -> None:
    assert list(CATALOG) == [
        "starter",
        "sam2.1-tiny",
        "sam2.1-small",
        "sam2.1-base-plus",
        "sam2.1-large",
    ]


@pytest.mark.parametrize("spec", OFFICIAL, ids=lambda spec: spec.name)
def test_official_models_can_be_downloaded_and_verified(spec: ModelSpec) -> None:
    assert spec.url is not None
    assert spec.size is not None
    assert spec.sha256 is not None
    assert spec.url.startswith("https://")
    assert spec.url.endswith(".pt")
    assert spec.size > 150_000_000
    assert re.fullmatch("[0-9a-f]{64}", spec.sha256)
    assert weights_path(spec).parent == models_folder()
    assert not is_available(spec)


def test_no_two_models_share_a_checksum() -> None:
    checksums = {spec.sha256 for spec in OFFICIAL}
    assert len(checksums) == len(OFFICIAL)
    # SAM 2.0 small, which a public list gives for 2.1 small.
    assert not any(str(checksum).startswith("95949964") for checksum in checksums)


@pytest.mark.parametrize("spec", CATALOG.values(), ids=lambda spec: spec.name)
def test_every_config_exists(spec: ModelSpec) -> None:
    assert spec.config is not None
    assert config_file(spec.config).is_file()


def test_starter_needs_no_folder_of_the_user(home: Path) -> None:
    assert home not in weights_path(CATALOG["starter"]).parents


def test_models_by_name() -> None:
    assert get_model("sam2.1-tiny") is CATALOG["sam2.1-tiny"]
    assert get_model(CATALOG["starter"]) is CATALOG["starter"]


def test_misspelled_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownModelError) as caught:
        get_model("sam2.1_tiny")
    message = str(caught.value)
    assert "Did you mean 'sam2.1-tiny'?" in message
    assert "sam2.1-large" in message


def test_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.pt"
    for model in (path, str(path)):
        with pytest.raises(UnknownModelError, match=re.escape(f"at {path}.")):
            get_model(model)


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-this-name/x.pt"])
def test_names_that_cannot_be_paths(name: str) -> None:
    with pytest.raises(UnknownModelError, match=r"There is no (model|checkpoint)"):
        get_model(name)


def test_folder_is_not_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="is a folder"):
        get_model(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        "sam2.1_hiera_b+",
        "sam2.1_hiera_b+.yaml",
        "configs/sam2.1/sam2.1_hiera_b+.yaml",
        "sam2.1-base-plus",
    ],
)
def test_own_checkpoint_with_a_config_of_sam2(checkpoint: Path, config: str) -> None:
    spec = get_model(str(checkpoint), config)
    assert spec.name == "mine"
    assert spec.title == "mine.pt"
    assert weights_path(spec) == checkpoint.resolve()
    assert is_available(spec)
    assert spec.config is not None
    assert config_file(spec.config).name == "sam2.1_hiera_b+.yaml"


def test_own_checkpoint_with_a_config_of_its_own(
    checkpoint: Path, tmp_path: Path
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("model: {}")
    assert get_model(checkpoint, config).config == str(config.resolve())


def test_config_that_is_not_there(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no config.*sam2\.1_hiera_t"):
        get_model(checkpoint, "sam3")


def test_config_goes_with_a_checkpoint_only() -> None:
    with pytest.raises(UnknownModelError, match="has its own config"):
        get_model("starter", "sam2.1_hiera_t")


def test_fingerprint_of_official_models_needs_no_download() -> None:
    assert len({spec.fingerprint for spec in OFFICIAL}) == len(OFFICIAL)


def test_fingerprint_follows_weights_and_config(checkpoint: Path) -> None:
    spec = get_model(checkpoint, "sam2.1_hiera_t")
    first = spec.fingerprint
    assert spec.fingerprint == first
    assert replace(spec, config="sam2.1_hiera_s").fingerprint != first
    assert replace(spec, config=None).fingerprint != first
    # Of the same size: the time of change tells.
    checkpoint.write_bytes(b"WEIGHTS")
    os.utime(checkpoint, ns=(1, 1))
    assert spec.fingerprint != first


def test_fingerprint_of_a_file_that_is_gone(checkpoint: Path) -> None:
    spec = get_model(checkpoint)
    checkpoint.unlink()
    assert not is_available(spec)
    with pytest.raises(CheckpointError, match="any more"):
        _ = spec.fingerprint


def test_fingerprint_with_a_config_that_is_no_text(
    checkpoint: Path, tmp_path: Path
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_bytes("model: {} # Größe".encode("latin-1"))
    spec = get_model(checkpoint, config)
    with pytest.raises(CheckpointError, match=r"mine\.yaml cannot be read"):
        _ = spec.fingerprint


def test_folder_of_the_models(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models_folder() == home / "models"
    monkeypatch.delenv(HOME_VARIABLE)
    assert "napari-sam2" in models_folder().parts


def test_a_model_is_known_by_its_fingerprint() -> None:
    for spec in CATALOG.values():
        assert model_name(spec.fingerprint) == spec.name
    assert model_name("somebody else's") == "somebody else's"
