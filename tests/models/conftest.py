from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from napari_sam2.models.catalog import HOME_VARIABLE, ModelSpec
from napari_sam2.models.checksum import file_sha256
from tests.models.server import FileServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of our own, and no proxy between us and the local server."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    monkeypatch.setenv("NO_PROXY", "*")
    return folder


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer(random.Random(0).randbytes(1_000_000))
    yield server
    server.close()


@pytest.fixture
def spec(server: FileServer, tmp_path: Path) -> ModelSpec:
    """A model whose weights the server has."""
    assert isinstance(server.content, bytes)
    reference = tmp_path / "reference"
    reference.write_bytes(server.content)
    return ModelSpec(
        name="test",
        title="Test model",
        config="sam2.1_hiera_t",
        url=server.url,
        size=len(server.content),
        sha256=file_sha256(reference),
    )
