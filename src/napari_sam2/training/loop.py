"""The training run."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_sam2.training import checkpoint
from napari_sam2.training.batches import BatchSource
from napari_sam2.training.objective import DenseHead
from napari_sam2.training.start import build, load_exported
from napari_sam2.training.steps import batch_loss
from napari_sam2.training.tutor import Tutor

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.training.config import TrainConfig
    from napari_sam2.training.data import Sample
    from napari_sam2.training.parallel import Peers

REPORT = 50  # steps between lines of the loss curve
SAVE = 60.0  # seconds between checkpoints
COLUMNS = (
    "step", "seconds", "rate", "loss", "dense",
    "iou_1", "iou_2", "iou_3", "iou_4", "iou_box", "iou_box_1", "iou_box_2",
    "iou_box_3", "taught",
)  # fmt: skip


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of steps, or a time.

    Attributes
    ----------
    steps : int or None
        Steps of the whole run.
    seconds : float or None
        Time of the whole run, without the time between interruption and resumption.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Check that exactly one of the two is given."""
        if (self.steps is None) == (self.seconds is None):
            raise ValueError("give either a number of steps or a time")

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is spent."""
        if self.steps is not None:
            return step / max(self.steps, 1)
        return seconds / max(self.seconds or 0.0, 1e-6)


class Run:
    """A training run in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Gets `checkpoint.pt` and `loss.csv`.
    groups : dict
        Samples by data set; may be empty, then only synthetic scenes are seen.
    config : TrainConfig
        The recipe.
    budget : Budget
        How long to train.
    seed : int
        The same seed, data and recipe give the same first losses; with a budget of
        steps, the same run.
    peers : Peers, optional
        The processes that share the run; by default there is only this one.
    """

    def __init__(
        self,
        folder: Path,
        groups: dict[str, list[Sample]],
        config: TrainConfig,
        budget: Budget,
        seed: int = 0,
        peers: Peers | None = None,
    ) -> None:
        torch.set_num_threads(1)
        self.device = training_device(config.device)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = config
        self.budget = budget
        self.seed = seed
        self.step = 0
        self.seconds = 0.0
        self.model = build(seed, config.tie, config.frequencies)
        if config.initial:
            load_exported(self.model, Path(config.initial))
        if config.only:
            for name, parameter in self.model.named_parameters():
                if not name.startswith(tuple(config.only)):
                    parameter.requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = DenseHead(self.model.hidden_dim)
        self.model.to(self.device)
        self.head.to(self.device)
        self.tutor = (
            Tutor.of(config.teacher, str(self.device), config.lesson)
            if config.teacher
            else None
        )
        self.optimizer = torch.optim.AdamW(
            _parameter_groups([self.model, self.head], config.weight_decay),
            lr=config.learning_rate,
            fused=True,
        )
        self.average = checkpoint.Average(self.model, config.average)
        self.source = BatchSource(groups, config, seed)
        self.peers = peers

    @property
    def checkpoint_path(self) -> Path:
        """Where the state of the run is kept."""
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the checkpoint of the folder.

        Raises
        ------
        CheckpointError
            If there is none.
        """
        state = checkpoint.load(self.checkpoint_path)
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.values = {
            name: value.to(self.device) for name, value in state["average"].items()
        }
        self.step, self.seconds = state["step"], state["seconds"]
        self.seed = self.source.seed = self.source.scenes.seed = state["seed"]
        torch.set_rng_state(state["rng"])

    def save(self) -> None:
        """Write the checkpoint."""
        checkpoint.save(
            self.checkpoint_path,
            model=self.model.state_dict(),
            head=self.head.state_dict(),
            optimizer=self.optimizer.state_dict(),
            average=self.average.values,
            step=self.step,
            seconds=self.seconds,
            seed=self.seed,
            rng=torch.get_rng_state(),
        )

    def train(self, say: Callable[[str], Any] = print) -> None:
        """Train until the budget is spent.

        Parameters
        ----------
        say : callable
            Gets a line of text every `REPORT` steps.
        """
        gathered: dict[str, list[float]] = {}
        saved = self.seconds
        try:
            while self.budget.progress(self.step, self.seconds) < 1:
                begun = time.monotonic()
                for name, values in self.advance().items():
                    gathered.setdefault(name, []).extend(values)
                self.seconds += time.monotonic() - begun
                if self.peers is not None:
                    # One clock for all, or their learning rates would drift apart.
                    self.seconds = self.peers.first(self.seconds)
                    if self.peers.rank > 0:
                        continue
                if self.step % REPORT == 0:
                    say(self._report(gathered))
                    gathered = {}
                if self.seconds - saved >= SAVE:
                    saved = self.seconds
                    self.save()
            if self.peers is None or self.peers.rank == 0:
                self.save()
        finally:
            self.source.close()

    def advance(self) -> dict[str, list[float]]:
        """Make one step and return what it measured."""
        config = self.config
        progress = self.budget.progress(self.step, self.seconds)
        phase = config.phase(progress)
        rate = _rate(config, self.step, progress)
        for options in self.optimizer.param_groups:
            options["lr"] = rate
        self.model.train()
        if phase.freeze_norm:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        stream = self.peers.rank if self.peers is not None else 0
        batch = self.source.get(self.step, phase, stream).to(self.device)
        # Seeded by step, so that a resumed run draws the same clicks.
        generator = torch.Generator().manual_seed(
            (self.seed * 1_000_003 + self.step) * 64 + stream
        )
        loss, outcome = batch_loss(
            self.model, self.head, batch, config.dense, generator, self.tutor
        )
        self.optimizer.zero_grad()
        loss.backward()
        if self.peers is not None:
            self.peers.average(self.shared())
        nn.utils.clip_grad_norm_(
            [*self.model.parameters(), *self.head.parameters()], config.clip
        )
        self.optimizer.step()
        self.step += 1
        self.average.update(self.model, self.step)
        return outcome.values

    def shared(self) -> list[torch.Tensor]:
        """Gradients and running statistics: what processes have to agree upon."""
        shared = []
        for parameter in [*self.model.parameters(), *self.head.parameters()]:
            # Whether a parameter takes part in a step may differ between processes.
            if parameter.grad is None and parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
            if parameter.grad is not None:
                shared.append(parameter.grad)
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                shared += [module.running_mean, module.running_var]
        return shared

    def _report(self, gathered: dict[str, list[float]]) -> str:
        means = {k: sum(v) / len(v) for k, v in gathered.items()}
        means["rate"] = self.optimizer.param_groups[0]["lr"]
        row = {k: f"{means[k]:.5g}" for k in COLUMNS if k in means}
        row |= {"step": str(self.step), "seconds": f"{self.seconds:.0f}"}
        path = self.folder / "loss.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        return "  ".join(f"{k} {row[k]}" for k in COLUMNS if k in row)


def training_device(name: str) -> torch.device:
    """Say what `auto` means here; see `TrainConfig.device`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _rate(config: TrainConfig, step: int, progress: float) -> float:
    """Learning rate: linear warm-up, then a cosine."""
    warm = min(1.0, (step + 1) / max(config.warmup, 1))
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0))
    low = config.final_rate
    return config.learning_rate * warm * (low + (1 - low) * cosine)


def _parameter_groups(modules: list[nn.Module], decay: float) -> list[dict[str, Any]]:
    """Matrices and kernels decay; norms, biases and embeddings do not."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for module in modules:
        for name, parameter in module.named_parameters():
            small = parameter.ndim < 2 or "embed" in name or "token" in name
            (free if small else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": decay},
        {"params": free, "weight_decay": 0.0},
    ]
