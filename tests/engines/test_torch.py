"""Devices, failures and memory of the torch engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_sam2.engines import create_engine
from napari_sam2.engines.torch import TorchEngine
from napari_sam2.errors import (
    EngineError,
    NotDownloadedError,
    OutOfMemoryError,
    UnknownModelError,
)
from napari_sam2.models.catalog import get_model
from tests.engines.official import picture

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from napari_sam2.engines.base import Embedding

POINT = np.full((1, 1, 2), 100, dtype=np.float32)
INSIDE = np.ones((1, 1), dtype=np.int32)


@pytest.fixture(scope="module")
def embedding(torch_engine: TorchEngine) -> Embedding:
    return torch_engine.encode(picture(100, 150))


def test_auto_takes_the_best_device_there_is(
    small_model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert TorchEngine(small_model, "auto").device == "cpu"


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "finds no CUDA device"),
        ("cuda:3", "finds no CUDA device"),
        ("mps", "finds no MPS device"),
        ("abacus", 'knows no device "abacus"'),
    ],
)
def test_a_device_that_is_not_there_is_an_error(
    small_model: nn.Module,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    message: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(EngineError, match=message):
        TorchEngine(small_model, device)


def test_a_cuda_device_beyond_the_last_is_an_error(
    small_model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(EngineError, match=r"no cuda:7.* finds 2"):
        TorchEngine(small_model, "cuda:7")


def test_a_checkpoint_is_loaded_by_its_path(
    small_model: nn.Module, small_config: Path, tmp_path: Path
) -> None:
    path = tmp_path / "own.safetensors"
    save_file(small_model.state_dict(), path)
    spec = get_model(path, small_config)
    loaded, given = create_engine(spec, "cpu"), TorchEngine(small_model, "cpu")

    image = picture(80, 80)
    answers = [
        engine.decode(engine.encode(image), points=POINT, labels=INSIDE)
        for engine in (loaded, given)
    ]
    np.testing.assert_array_equal(answers[0].logits, answers[1].logits)
    assert loaded.model == spec.fingerprint
    assert loaded.model != given.model


def test_models_that_are_missing_are_named() -> None:
    with pytest.raises(UnknownModelError, match="no model 'nope'"):
        create_engine("nope")
    with pytest.raises(NotDownloadedError, match="Download it first"):
        create_engine("sam2.1-tiny", "cpu")


def test_a_given_model_is_neither_changed_nor_followed(small_model: nn.Module) -> None:
    before = {name: value.clone() for name, value in small_model.state_dict().items()}
    engine = TorchEngine(small_model, "cpu")
    image = picture(64, 64)
    answer = engine.decode(engine.encode(image), points=POINT, labels=INSIDE)

    assert small_model.state_dict().keys() == before.keys()
    assert all(p.requires_grad for p in small_model.parameters())
    parameter = next(small_model.image_encoder.parameters())
    try:
        parameter.data += 1
        again = engine.decode(engine.encode(image), points=POINT, labels=INSIDE)
    finally:
        small_model.load_state_dict(before)
    np.testing.assert_array_equal(answer.logits, again.logits)


def test_an_embedding_holds_what_the_decoder_needs_and_no_more(
    torch_engine: TorchEngine, embedding: Embedding
) -> None:
    places = (torch_engine.image_size // 16) ** 2
    # The embedding at stride 16 and three projections of it, half as wide; then the
    # features at strides 8 and 4.
    floats = places * (256 + 3 * 128 + 4 * 64 + 16 * 32)
    assert embedding.nbytes == 4 * floats
    tensors = embedding.payload.prepared
    assert sum(t.untyped_storage().nbytes() for t in tensors) == embedding.nbytes
    assert not any(t.requires_grad for t in tensors)


def test_logits_stay_within_what_a_mask_prompt_may_be(small_model: nn.Module) -> None:
    engine = TorchEngine(small_model, "cpu")
    for mlp in engine._decoder.masks:
        mlp.layers[-1].weight.mul_(1e4)
    answer = engine.decode(
        engine.encode(picture(64, 64)), points=POINT, labels=INSIDE, multimask=True
    )
    assert answer.logits.max() == 32
    assert answer.logits.min() == -32


@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), OutOfMemoryError, "smaller"),
        (RuntimeError("MPS backend out of memory"), OutOfMemoryError, "smaller"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            OutOfMemoryError,
            "smaller",
        ),
        (MemoryError(), OutOfMemoryError, "smaller"),
        (RuntimeError("CUDA error: device lost"), EngineError, "device lost"),
    ],
)
def test_failures_of_the_device_are_said_in_words(
    small_model: nn.Module, failure: Exception, error: type[Exception], message: str
) -> None:
    engine = TorchEngine(small_model, "cpu")

    def fail(*_: object) -> None:
        raise failure

    hook = engine._encoder.trunk.register_forward_hook(fail)
    with pytest.raises(EngineError, match=message) as caught:
        engine.encode(picture(64, 64))
    assert type(caught.value) is error
    hook.remove()
    engine.encode(picture(64, 64))
