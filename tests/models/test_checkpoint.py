from __future__ import annotations

import functools
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from napari_sam2.errors import CheckpointError
from napari_sam2.models.checkpoint import load_into, read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.trace),))


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize("key", ["model", "state_dict", None])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves(tmp_path: Path, key: str | None, zipped: bool) -> None:
    path = tmp_path / "weights.pt"
    content = STATE if key is None else {"epoch": 3, key: STATE}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_same(read_checkpoint(path), STATE)


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_safetensors_whatever_their_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file({key: tensor.half() for key, tensor in STATE.items()}, path)
    state = read_checkpoint(path)
    assert state["weight"].dtype == torch.float16

    model = nn.Linear(3, 2)
    load_into(model, state, path)
    assert model.weight.dtype == torch.float32
    assert torch.equal(model.weight, STATE["weight"])


def test_weights_saved_without_checksums(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"model": STATE}, path)
    finally:
        torch.serialization.set_crc32_options(before)
    assert_same(read_checkpoint(path), STATE)


def _zip(content: object, path: Path) -> None:
    torch.save(content, path)


def _old(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def _pickle(content: object, path: Path, protocol: int) -> None:
    path.write_bytes(pickle.dumps(content, protocol))


@pytest.mark.parametrize(
    "save",
    [
        _zip,
        _old,
        *(functools.partial(_pickle, protocol=protocol) for protocol in range(6)),
    ],
    ids=["zip", "old", *(f"pickle{protocol}" for protocol in range(6))],
)
def test_code_is_not_run(tmp_path: Path, save: Callable[[object, Path], None]) -> None:
    path = tmp_path / "weights.pt"
    trace = tmp_path / "the code was here"
    save({"model": Code(trace)}, path)
    with pytest.raises(CheckpointError, match=r"not loaded, because it is unsafe"):
        read_checkpoint(path)
    assert not trace.exists()


def test_whole_module_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(nn.Linear(3, 2), path)
    with pytest.raises(CheckpointError, match=r"unsafe.*torch\.nn\S+\.Linear"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [3, 100, 0.5, -1])
@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_truncated_file(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / "weights.pt"
    state = {"weight": torch.ones(100, 100)}
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    end = kept if isinstance(kept, int) else int(kept * len(content))
    path.write_bytes(content[:end])
    with pytest.raises(CheckpointError, match="damaged or incomplete"):
        read_checkpoint(path)


def test_single_damaged_byte(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"model": {"weight": torch.ones(100, 100)}}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged or incomplete"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
        (b"<Error><Code>AccessDenied</Code></Error>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"just some text that somebody wrote", "damaged"),
        (bytes(1000), "damaged"),
        (bytes(range(256)), "damaged"),
    ],
    ids=["empty", "page", "error", "pointer", "text", "zeros", "noise"],
)
@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_files_that_are_no_checkpoints(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content", [{}, [1, 2], {"epoch": 3}, {"model": {"weight": 1}}, STATE["bias"]]
)
def test_checkpoint_without_weights(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="holds no weights"):
        read_checkpoint(path)


def test_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path / "none.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path)


def test_other_architecture_is_summarized() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    state = {
        "0.weight": torch.ones(2, 4),
        "0.bias": torch.ones(2),
        "memory.encoder.weight": torch.ones(1),
        "memory.encoder.bias": torch.ones(1),
    }
    with pytest.raises(CheckpointError) as caught:
        load_into(model, state, Path("mine.pt"), title="SAM 2.1 tiny")
    message = str(caught.value)
    assert "mine.pt does not fit the architecture of SAM 2.1 tiny" in message
    assert "2 tensors are missing (1.weight, 1.bias)" in message
    assert "2 tensors are too many (memory.encoder)" in message
    assert "1 tensor is of another shape (0.weight)" in message


def test_tensors_that_cannot_be_copied(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({**STATE, "weight": STATE["weight"].to_sparse()}, path)
    with pytest.raises(CheckpointError, match="damaged"):
        load_into(nn.Linear(3, 2), read_checkpoint(path), path)


def test_model_is_left_alone_when_the_weights_do_not_fit() -> None:
    model = nn.Linear(3, 2)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError):
        load_into(model, {"weight": torch.ones(2, 3)}, Path("mine.pt"))
    assert_same(dict(model.state_dict()), before)
