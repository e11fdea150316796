"""Batches: a function of seed and step, made ahead of time in a thread."""

from __future__ import annotations

from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.multiprocessing import get_context
from torch.nn import functional

from napari_sam2.training.data import SyntheticScenes
from napari_sam2.training.objective import CELL, dense_targets, neighbourhood
from napari_sam2.training.prompts import (
    BOTTOM_RIGHT,
    POSITIVE,
    TOP_LEFT,
    first_click,
    loose_box,
)
from napari_sam2.training.windows import Window, cut

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_sam2.training.config import PhaseConfig, TrainConfig
    from napari_sam2.training.data import Sample


@dataclass(frozen=True)
class Group:
    """Objects whose first prompts are of one kind.

    Attributes
    ----------
    index : torch.Tensor
        Window of every object, int64.
    points, labels : torch.Tensor
        First prompts in pixels of the window: float32 of shape (objects, points, 2)
        and int32 of shape (objects, points).
    target, weight : torch.Tensor
        Share of the object in every cell of 4 x 4 pixels, and the weight of the
        cell, float32 of shape (objects, 1, size / 4, size / 4).
    """

    index: Tensor
    points: Tensor
    labels: Tensor
    target: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Group:
        """Return the same on a device."""
        return Group(
            *(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self))
        )


@dataclass(frozen=True)
class Batch:
    """Windows, their prompts and what is to come out.

    Attributes
    ----------
    images : torch.Tensor
        float32 of shape (windows, 3, size, size), 0-1.
    origins : list of tuple of int
        Row and column of every window in the view.
    dense : torch.Tensor
        Targets of the dense head, shape (windows, 4, size / 4, size / 4).
    known : torch.Tensor
        1 where the background of a window is known, else 0.
    groups : list of Group
        Clicked objects and boxed objects.
    rounds : int
        Rounds of prompts.
    """

    images: Tensor
    origins: list[tuple[int, int]]
    dense: Tensor
    known: Tensor
    groups: list[Group]
    rounds: int

    def to(self, device: torch.device) -> Batch:
        """Return the same on a device."""
        return replace(
            self,
            images=self.images.to(device, non_blocking=True),
            dense=self.dense.to(device, non_blocking=True),
            known=self.known.to(device, non_blocking=True),
            groups=[group.to(device) for group in self.groups],
        )


class BatchSource:
    """Draw batches.

    Parameters
    ----------
    groups : dict
        Samples by data set, from `napari_sam2.training.data.read_folder`.
    config : TrainConfig
        The recipe.
    seed : int
        Seed of the run.
    """

    def __init__(
        self, groups: dict[str, list[Sample]], config: TrainConfig, seed: int
    ) -> None:
        self.groups = list(groups.values())
        weights = np.array([len(group) ** config.balance for group in self.groups])
        self.weights = weights / weights.sum() if len(weights) else weights
        self.config = config
        self.seed = seed
        self.scenes = SyntheticScenes(seed, config.scenes, config.renewal)
        self._pool: Executor
        if config.loaders:
            # The groups travel to every process once; batches come back in memory
            # that is shared.
            self._pool = ProcessPoolExecutor(
                config.loaders,
                get_context("spawn"),
                _become_loader,
                (groups, replace(config, loaders=0), seed),
            )
        else:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[tuple[int, int], Future[Batch]] = {}

    def get(self, step: int, phase: PhaseConfig, stream: int = 0) -> Batch:
        """Return the batch of a step and begin with the next.

        Parameters
        ----------
        step : int
            The step.
        phase : PhaseConfig
            The phase of the schedule.
        stream : int
            Number of the process; each has batches of its own.

        Returns
        -------
        Batch
            The batch.
        """
        wanted = [(step + k, id(phase)) for k in range(1 + max(1, self.ahead))]
        for key in self._ahead.keys() - set(wanted):
            self._ahead.pop(key).cancel()
        ready = self._ahead.pop(wanted[0], None)
        for key in wanted[1:]:
            if key not in self._ahead:
                self._ahead[key] = self._submit(key[0], phase, stream)
        return ready.result() if ready is not None else self.make(step, phase, stream)

    @property
    def ahead(self) -> int:
        """Batches that are made ahead of the one in use."""
        return 3 * self.config.loaders

    def _submit(self, step: int, phase: PhaseConfig, stream: int) -> Future[Batch]:
        if self.config.loaders:
            # Scenes are renewed by step and seed alone: every loader has the same.
            return self._pool.submit(_load, self.seed, step, phase, stream)
        return self._pool.submit(self.make, step, phase, stream)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def make(self, step: int, phase: PhaseConfig, stream: int = 0) -> Batch:
        """Make the batch of a step from scratch."""
        # All streams draw the same sort of batch, or they would wait for each other.
        common = np.random.default_rng([self.seed, step])
        odds = np.array([sort.weight for sort in phase.batches])
        sort = phase.batches[common.choice(len(odds), p=odds / odds.sum())]
        rounds = 1 + int(common.choice(len(phase.rounds), p=phase.rounds))
        rng = np.random.default_rng([self.seed, step, stream])
        windows: list[Window] = []
        while len(windows) < sort.images:
            window = cut(
                self._sample(step, rng),
                sort.size,
                bool(rng.random() < phase.whole_view),
                sort.objects,
                self.config.smallest,
                rng,
            )
            if window is not None:
                windows.append(window)
        return collate(windows, rounds, self.config.boxes, rng)

    def _sample(self, step: int, rng: np.random.Generator) -> Sample:
        while True:
            if not self.groups or rng.random() < self.config.synthetic:
                sample = self.scenes.draw(step, rng)
            else:
                group = self.groups[rng.choice(len(self.groups), p=self.weights)]
                sample = group[rng.integers(len(group))]
            if len(sample.boxes):
                return sample


_loader: BatchSource


def _become_loader(
    groups: dict[str, list[Sample]], config: TrainConfig, seed: int
) -> None:
    global _loader
    torch.set_num_threads(1)
    _loader = BatchSource(groups, config, seed)


def _load(seed: int, step: int, phase: PhaseConfig, stream: int) -> Batch:
    _loader.seed = _loader.scenes.seed = seed
    return _loader.make(step, phase, stream)


def collate(
    windows: list[Window], rounds: int, boxes: float, rng: np.random.Generator
) -> Batch:
    """Put windows together and draw the first prompts.

    Parameters
    ----------
    windows : list of Window
        Of one size.
    rounds : int
        Rounds of prompts.
    boxes : float
        Share of objects whose first prompt is a box.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Batch
        The batch.
    """
    rows: dict[bool, list[tuple[int, NDArray[np.float32], Tensor]]] = {
        True: [],
        False: [],
    }
    for number, window in enumerate(windows):
        masks = window.labels[None] == window.numbers[:, None, None]
        shares = functional.avg_pool2d(torch.from_numpy(masks).float(), CELL)
        for mask, box, share in zip(masks, window.boxes, shares, strict=True):
            boxed = bool(rng.random() < boxes)
            prompt = (
                loose_box(box, window.origin, rng)
                if boxed
                else np.array([first_click(mask, rng)], np.float32)
            )
            rows[boxed].append((number, prompt, share))
    groups = []
    for boxed, objects in rows.items():
        if not objects:
            continue
        index, points, seen = (list(column) for column in zip(*objects, strict=True))
        labels = [TOP_LEFT, BOTTOM_RIGHT] if boxed else [POSITIVE]
        target = torch.stack(seen)
        groups.append(
            Group(
                torch.tensor(index),
                torch.from_numpy(np.stack(points).astype(np.float32)),
                torch.tensor([labels] * len(index), dtype=torch.int32),
                target[:, None],
                neighbourhood(_extent(target > 0), target.shape[-1]),
            )
        )
    return Batch(
        torch.stack([window.image for window in windows]),
        [window.origin for window in windows],
        torch.from_numpy(np.stack([dense_targets(w.labels) for w in windows])),
        torch.tensor([0.0 if w.sparse else 1.0 for w in windows]),
        groups,
        rounds,
    )


def _extent(masks: Tensor) -> Tensor:
    """Bounding boxes (x, y, x, y), half-open, of masks (objects, rows, columns)."""
    sides = []
    for axis in (1, 2):  # along x all rows are looked at, along y all columns
        used = masks.any(axis).float()
        sides.append((used.argmax(1), used.shape[1] - used.flip(1).argmax(1)))
    (x0, x1), (y0, y1) = sides
    return torch.stack([x0, y0, x1, y1], 1).float()
