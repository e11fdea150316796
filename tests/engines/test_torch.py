"""Devices, failures, memory and bad prompts of the torch engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_sam2.engines import create_engine
from napari_sam2.engines.base import Embedding
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

POINT = np.full((1, 1, 2), 100, dtype=np.float32)
INSIDE = np.ones((1, 1), dtype=np.int32)


@pytest.fixture(scope="module")
def embedding(engine: TorchEngine) -> Embedding:
    return engine.encode(picture(100, 150))


def test_says_what_it_is(engine: TorchEngine) -> None:
    assert engine.name == "torch"
    assert engine.device == "cpu"
    assert engine.image_size == 256
    assert engine.mask_size == 64


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
    engine: TorchEngine, embedding: Embedding
) -> None:
    grid = engine.image_size // 16
    # The embedding at stride 16, then the features at strides 4 and 8.
    floats = 256 * grid**2 + 32 * (4 * grid) ** 2 + 64 * (2 * grid) ** 2
    assert embedding.nbytes == 4 * floats
    tensors = [embedding.payload.embedding, *embedding.payload.high_res]
    assert sum(t.untyped_storage().nbytes() for t in tensors) == embedding.nbytes
    assert not any(t.requires_grad for t in tensors)


def test_the_same_prompts_give_the_same_answer(
    engine: TorchEngine, embedding: Embedding
) -> None:
    one = engine.decode(embedding, points=POINT, labels=INSIDE, multimask=True)
    two = engine.decode(embedding, points=POINT, labels=INSIDE, multimask=True)
    np.testing.assert_array_equal(one.logits, two.logits)
    np.testing.assert_array_equal(one.scores, two.scores)


def test_logits_stay_within_what_a_mask_prompt_may_be(small_model: nn.Module) -> None:
    engine = TorchEngine(small_model, "cpu")
    for mlp in engine._decoder.output_hypernetworks_mlps:
        mlp.layers[-1].weight.mul_(1e4)
    answer = engine.decode(
        engine.encode(picture(64, 64)), points=POINT, labels=INSIDE, multimask=True
    )
    assert answer.logits.max() == 32
    assert answer.logits.min() == -32


def test_read_only_prompts_are_taken(engine: TorchEngine, embedding: Embedding) -> None:
    masks = np.zeros((1, 1, 64, 64), dtype=np.float32)
    masks.flags.writeable = False
    engine.decode(embedding, masks=masks)


@pytest.mark.parametrize(
    "prompts",
    [
        {},
        {"points": POINT},
        {"labels": INSIDE},
        {"points": POINT, "labels": np.ones((1, 2), np.int32)},
        {"points": POINT[0], "labels": INSIDE},
        {"points": np.zeros((2, 1, 2)), "labels": np.ones((2, 1)), "boxes": [[0] * 4]},
        {"boxes": np.zeros((1, 3))},
        {"masks": np.zeros((1, 1, 32, 32))},
        {"masks": np.zeros((1, 64, 64))},
    ],
)
def test_prompts_that_form_no_batch_are_an_error(
    engine: TorchEngine, embedding: Embedding, prompts: dict[str, Any]
) -> None:
    arrays = {name: np.asarray(value) for name, value in prompts.items()}
    with pytest.raises(EngineError, match="do not form one batch"):
        engine.decode(embedding, **arrays)


def test_the_embedding_of_another_engine_or_model_is_an_error(
    engine: TorchEngine, small_model: nn.Module
) -> None:
    other = TorchEngine(small_model, "cpu").encode(picture(64, 64))
    for embedding in (Embedding("something", 9), other):
        with pytest.raises(EngineError, match="another engine or model"):
            engine.decode(embedding, points=POINT, labels=INSIDE)


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
