"""The state of a run: what it takes to go on as if nothing had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_sam2.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn


class Average:
    """Exponential moving average of weights and running statistics.

    Parameters
    ----------
    model : torch.nn.Module
        The model to follow.
    decay : float
        Share of the average that survives a step.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow one step; early steps are forgotten sooner."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        floats: list[Tensor] = []
        targets: list[Tensor] = []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                floats.append(self.values[name])
                targets.append(value)
            else:
                self.values[name].copy_(value)
        torch._foreach_lerp_(floats, targets, share)


def save(path: Path, **state: Any) -> None:
    """Write a checkpoint; an interrupted write leaves the old one."""
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If there is none.
    """
    if not path.is_file():
        raise CheckpointError(
            f"There is no {path} to go on from. Leave out --resume to begin anew."
        )
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
