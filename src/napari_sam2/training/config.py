"""The recipe: everything about a training run that is not data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class BatchConfig:
    """One sort of batch.

    Attributes
    ----------
    size : int
        Side of the windows in pixels, a multiple of 64, at most the model's input.
    images : int
        Windows in a batch.
    objects : int
        Most objects prompted in a window.
    weight : float
        How often this sort is drawn, relative to the others of its phase.
    """

    size: int = 256
    images: int = 6
    objects: int = 6
    weight: float = 1.0


@dataclass
class PhaseConfig:
    """A part of the schedule.

    Attributes
    ----------
    until : float
        Share of the whole run at which the phase ends, 0-1.
    batches : list of BatchConfig
        Sorts of batches to draw from.
    whole_view : float
        Share of windows taken from the image as inference squashes it; the others
        are scaled so that a random object gets a random size.
    rounds : list of float
        Probabilities of 1, 2, 3, ... rounds of prompts. The first and the last two
        are learned from.
    freeze_norm : bool
        Use the running statistics of batch normalisation, as inference does.
    """

    until: float = 1.0
    batches: list[BatchConfig] = field(default_factory=lambda: [BatchConfig()])
    whole_view: float = 0.5
    rounds: list[float] = field(default_factory=lambda: [0.45, 0.45, 0.1])
    freeze_norm: bool = False


def _schedule() -> list[PhaseConfig]:
    # Windows are cheap; but attention is spread over as many places as there are, so
    # what is learned in windows has to be confirmed in whole views.
    small = BatchConfig(128, images=16, objects=4)
    window = BatchConfig(256, images=6, objects=6)
    view = BatchConfig(512, images=2, objects=10)
    weighed = dataclasses.replace
    return [
        PhaseConfig(until=0.4, batches=[small, window], rounds=[0.6, 0.35, 0.05]),
        PhaseConfig(
            until=0.75,
            batches=[weighed(window, weight=0.6), weighed(view, weight=0.4)],
            whole_view=0.4,
            rounds=[0.3, 0.35, 0.2, 0.07, 0.05, 0.03],
        ),
        PhaseConfig(
            until=1.0,
            batches=[weighed(window, weight=0.3), weighed(view, weight=0.7)],
            whole_view=0.4,
            rounds=[0.25, 0.3, 0.2, 0.1, 0.08, 0.07],
            freeze_norm=True,
        ),
    ]


@dataclass
class TrainConfig:
    """The recipe of a run.

    Attributes
    ----------
    schedule : list of PhaseConfig
        Phases in the order of their ends.
    learning_rate, weight_decay, clip : float
        Of AdamW; `clip` bounds the norm of the gradient.
    warmup : int
        Steps over which the learning rate rises.
    final_rate : float
        Learning rate at the end of the cosine, relative to its peak.
    average : float
        Decay of the exponential moving average of the weights.
    tie : float
        Scale of the tied projections at the start, see `napari_sam2.training.start`;
        0 leaves them as SAM 2 has them.
    frequencies : list of float
        Lowest and highest scale of the position encoding's random frequencies.
    synthetic : float
        Share of windows from synthetic scenes.
    scenes : int
        Synthetic scenes of each kind kept at a time.
    renewal : int
        Steps after which a synthetic scene is replaced.
    balance : float
        A data set of n images is drawn with weight n to this power.
    boxes : float
        Share of objects whose first prompt is a box.
    smallest : int
        Least area of a prompted object in a window, in pixels.
    dense : float
        Weight of the auxiliary dense targets.
    processes : int
        Processes that share a step, each with batches of its own and one thread of
        torch. On cores that others use too this is much faster than threads, which
        wait for each other in every operation.
    only : list of str
        Beginnings of the names of the weights to train, all others stay as they are;
        empty for all. A last stage of `sam_mask_decoder.iou` teaches the model, whose
        masks change no more, to judge them.
    loaders : int
        Processes that make batches; 0 for a thread, which keeps pace with a CPU. A GPU
        wants as many as there are cores.
    device : str
        Where to train: `cpu`, `cuda`, or `auto` for the better one of what there is.
        A GPU is used by one process.
    teacher : str
        A larger model to learn from as well: its name in the catalogue or a
        checkpoint, see `napari_sam2.training.tutor`. Empty for none.
    lesson : float
        Weight of the loss against the teacher's masks, beside that against the labels.
    initial : str
        Exported weights (`*.safetensors`) to begin from; empty for fresh ones. The
        auxiliary head and the optimizer begin anew in either case.
    """

    schedule: list[PhaseConfig] = field(default_factory=_schedule)
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    clip: float = 1.0
    warmup: int = 150
    final_rate: float = 0.03
    average: float = 0.998
    tie: float = 2.0
    frequencies: list[float] = field(default_factory=lambda: [0.47, 2.7])
    synthetic: float = 0.3
    scenes: int = 10
    renewal: int = 1500
    balance: float = 0.4
    boxes: float = 0.45
    smallest: int = 48
    dense: float = 0.3
    processes: int = 2
    only: list[str] = field(default_factory=list)
    loaders: int = 0
    device: str = "auto"
    teacher: str = ""
    lesson: float = 0.5
    initial: str = ""

    def phase(self, progress: float) -> PhaseConfig:
        """Phase at a share of the run, 0-1."""
        for phase in self.schedule:
            if progress < phase.until:
                return phase
        return self.schedule[-1]


def load_config(path: Path | None) -> TrainConfig:
    """Read a recipe from a YAML file; what it leaves out keeps its default.

    Parameters
    ----------
    path : pathlib.Path or None
        None gives the recipe of the starter model.

    Returns
    -------
    TrainConfig
        The recipe.
    """
    from omegaconf import OmegaConf

    default = OmegaConf.structured(TrainConfig)
    merged = OmegaConf.merge(default, OmegaConf.load(path)) if path else default
    return cast("TrainConfig", OmegaConf.to_object(merged))
