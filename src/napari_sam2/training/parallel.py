"""Several processes that train one model.

Every process computes the gradient of a batch of its own; they meet once a step, in
shared memory, to average. The result depends on their number but not on their speed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import torch
from torch import multiprocessing

from napari_sam2.training.loop import Run, training_device

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from torch import Tensor

    from napari_sam2.training.config import TrainConfig
    from napari_sam2.training.data import Sample
    from napari_sam2.training.loop import Budget

PATIENCE = 3600.0  # seconds to wait for a process that may have been paused


@dataclass
class Peers:
    """One process among those that train together.

    Attributes
    ----------
    rank : int
        Number of this process; 0 keeps the records.
    board : torch.Tensor
        Shared memory, float32 of shape (processes, numbers).
    barrier : multiprocessing.Barrier
        Where processes meet.
    """

    rank: int
    board: Tensor
    barrier: Barrier

    @torch.no_grad()
    def average(self, tensors: list[Tensor]) -> None:
        """Replace tensors by their means over the processes, in place."""
        self._post(tensors)
        # Everyone adds up in the same order and so gets the same bits.
        mean = self.board.mean(0)
        self.barrier.wait(PATIENCE)
        start = 0
        for tensor in tensors:
            tensor.copy_(mean[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()

    def first(self, value: float) -> float:
        """Return what the first process says."""
        self._post([torch.tensor([value])])
        said = float(self.board[0, 0])
        self.barrier.wait(PATIENCE)
        return said

    def _post(self, tensors: list[Tensor]) -> None:
        start = 0
        for tensor in tensors:
            flat = self.board[self.rank, start : start + tensor.numel()]
            flat.view(tensor.shape).copy_(tensor)
            start += tensor.numel()
        self.barrier.wait(PATIENCE)


def train_together(
    folder: Path,
    groups: dict[str, list[Sample]],
    config: TrainConfig,
    budget: Budget,
    seed: int = 0,
    resume: bool = False,
    say: Callable[[str], Any] = print,
) -> None:
    """Train with as many processes as the recipe says.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the run.
    groups : dict
        Samples by data set.
    config : TrainConfig
        The recipe.
    budget : Budget
        How long to train.
    seed : int
        Seed of the run.
    resume : bool
        Go on from the checkpoint of the folder.
    say : callable
        Gets lines of text.
    """
    if config.processes == 1 or training_device(config.device).type != "cpu":
        _train(folder, groups, config, budget, seed, resume, None, say)
        return
    context = multiprocessing.get_context("spawn")
    board = torch.zeros(config.processes, _numbers(folder, config)).share_memory_()
    barrier = context.Barrier(config.processes)
    helpers = [
        context.Process(
            target=_train,
            args=(
                folder,
                groups,
                config,
                budget,
                seed,
                resume,
                Peers(rank, board, barrier),
                None,
            ),
            daemon=True,
        )
        for rank in range(1, config.processes)
    ]
    for helper in helpers:
        helper.start()
    try:
        peers = Peers(0, board, barrier)
        _train(folder, groups, config, budget, seed, resume, peers, say)
        for helper in helpers:
            helper.join()
    finally:
        # After an error here the others would wait at the barrier.
        for helper in helpers:
            helper.terminate()


def _numbers(folder: Path, config: TrainConfig) -> int:
    """How many numbers the processes exchange in a step."""
    from napari_sam2.training.config import TrainConfig
    from napari_sam2.training.loop import Budget

    blank = Run(folder, {}, TrainConfig(processes=config.processes), Budget(steps=0))
    blank.source.close()
    return sum(tensor.numel() for tensor in blank.shared())


def _train(
    folder: Path,
    groups: dict[str, list[Sample]],
    config: TrainConfig,
    budget: Budget,
    seed: int,
    resume: bool,
    peers: Peers | None,
    say: Callable[[str], Any] | None,
) -> None:
    first = multiprocessing.parent_process()
    if first is not None:
        Thread(target=_follow, args=(first,), daemon=True).start()
    run = Run(folder, groups, config, budget, seed, peers)
    if resume:
        run.resume()
        if say is not None:
            say(f"resumed at step {run.step}")
    run.train(say or (lambda line: sys.stderr.write(line + "\n")))


def _follow(first: BaseProcess) -> None:
    """End with the first process, whatever ended it; at the barrier one cannot."""
    first.join()
    os._exit(1)
