"""Raising the flag, and what an engine does about it."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.errors import Cancelled
from tests.engines.official import picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sam2.engines.torch import TorchEngine


@pytest.fixture
def token() -> CancelToken:
    return CancelToken()


def test_a_fresh_token_lets_work_go_on(token: CancelToken) -> None:
    assert not token.cancelled
    token.raise_if_cancelled()


def test_a_cancelled_token_stops_work(token: CancelToken) -> None:
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_callbacks_are_called_once(token: CancelToken) -> None:
    calls: list[str] = []
    token.on_cancel(lambda: calls.append("before"))
    token.cancel()
    token.cancel()
    token.on_cancel(lambda: calls.append("after"))
    assert calls == ["before", "after"]


def test_a_callback_can_be_taken_off(token: CancelToken) -> None:
    calls: list[str] = []
    remove = token.on_cancel(lambda: calls.append("called"))
    remove()
    remove()
    token.cancel()
    assert calls == []


def test_a_callback_may_ask_the_token(token: CancelToken) -> None:
    seen: list[bool] = []
    remove = token.on_cancel(lambda: (seen.append(token.cancelled), remove())[0])
    token.cancel()
    assert seen == [True]


class Counter:
    """Counts the blocks of an encoder that have run to their end."""

    def __init__(self, torch_engine: TorchEngine) -> None:
        self.count = 0
        self._hooks = [
            block.register_forward_hook(self._add)
            for block in torch_engine._encoder.blocks()
        ]

    def _add(self, *_: object) -> None:
        self.count += 1

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


@pytest.fixture
def blocks(torch_engine: TorchEngine) -> Iterator[Counter]:
    counter = Counter(torch_engine)
    yield counter
    counter.remove()


def test_another_thread_stops_an_encode_between_blocks(
    torch_engine: TorchEngine, blocks: Counter, token: CancelToken
) -> None:
    image = picture(256, 256)
    torch_engine.encode(image)
    in_all, blocks.count = blocks.count, 0
    under_way, cancelled = threading.Event(), threading.Event()

    def cancel() -> None:
        under_way.wait()
        token.cancel()
        cancelled.set()

    def hold_up(fraction: float) -> None:
        if blocks.count == 4:
            under_way.set()
            cancelled.wait()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        torch_engine.encode(image, cancel=token, progress=hold_up)
    thread.join()

    # The block that was about to start is the last one that runs.
    assert blocks.count == 5
    assert in_all > 12


def test_an_encode_that_was_cancelled_before_runs_no_block(
    torch_engine: TorchEngine, blocks: Counter, token: CancelToken
) -> None:
    token.cancel()
    with pytest.raises(Cancelled):
        torch_engine.encode(picture(64, 64), cancel=token)
    assert blocks.count == 0


def test_cancelling_after_the_last_block_still_counts(
    torch_engine: TorchEngine, token: CancelToken
) -> None:
    hook = torch_engine._encoder.register_forward_hook(lambda *_: token.cancel())
    with pytest.raises(Cancelled):
        torch_engine.encode(picture(64, 64), cancel=token)
    hook.remove()


def test_nothing_stays_behind_after_a_cancelled_encode(
    torch_engine: TorchEngine,
) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        torch_engine.encode(picture(64, 64), cancel=token)

    assert not any(block._forward_pre_hooks for block in torch_engine._encoder.blocks())
    gone = weakref.ref(token)
    del token
    gc.collect()
    assert gone() is None


def test_a_cancellation_that_is_kept_keeps_no_tensors(
    torch_engine: TorchEngine, token: CancelToken
) -> None:
    tensors: list[weakref.ref[object]] = []
    hooks = [
        block.register_forward_hook(
            lambda _module, _inputs, output: tensors.append(weakref.ref(output))
        )
        for block in torch_engine._encoder.blocks()
    ]
    with pytest.raises(Cancelled) as kept:
        torch_engine.encode(
            picture(64, 64),
            cancel=token,
            progress=lambda _: token.cancel() if len(tensors) == 3 else None,
        )
    for hook in hooks:
        hook.remove()
    assert kept.value is not None
    assert len(tensors) == 4
    assert not any(tensor() is not None for tensor in tensors)


def test_the_engine_works_on_after_a_cancelled_encode(
    torch_engine: TorchEngine, token: CancelToken
) -> None:
    image = picture(200, 100)
    points = np.full((1, 1, 2), 90, dtype=np.float32)
    labels = np.ones((1, 1), dtype=np.int32)
    before = torch_engine.decode(
        torch_engine.encode(image), points=points, labels=labels
    )
    token.cancel()
    with pytest.raises(Cancelled):
        torch_engine.encode(image, cancel=token)
    after = torch_engine.decode(
        torch_engine.encode(image), points=points, labels=labels
    )
    np.testing.assert_array_equal(before.logits, after.logits)


def test_progress_rises_from_nothing_to_all(torch_engine: TorchEngine) -> None:
    fractions: list[float] = []
    threads: set[int] = set()

    def report(fraction: float) -> None:
        fractions.append(fraction)
        threads.add(threading.get_ident())

    torch_engine.encode(picture(64, 64), progress=report)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(set(fractions))
    assert len(fractions) > 12
    assert threads == {threading.get_ident()}
