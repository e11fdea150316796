"""One training step: rounds of prompts, their losses, and their next prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from napari_sam2.training.network import Features, decode, encode
from napari_sam2.training.objective import (
    CELL,
    DenseHead,
    dense_loss,
    mask_loss,
    overlap,
)
from napari_sam2.training.prompts import TOP_LEFT, correction
from napari_sam2.training.windows import window_encoding

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor

    from napari_sam2.training.batches import Batch, Group
    from napari_sam2.training.tutor import Lesson, Tutor

# Weight of the squared error of the predicted IoU. SAM 2 takes absolute errors; but the
# candidate to choose is the one with the highest mean, not the highest median.
JUDGEMENT = 4.0
OTHERS = 0.1  # weight of the mean over candidates beside the best of them
LIMIT = 32.0  # SAM 2 clamps the logits it feeds back
FORGET = 0.15  # how often a round does not get to see the mask before it
LEARNED = 2  # last rounds that are learned from, beside the first


@dataclass
class Outcome:
    """What a step measured: names and values, to be averaged."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: Tensor) -> None:
        """Add a value."""
        self.values.setdefault(name, []).append(float(value.detach()))


def batch_loss(
    model: SAM2Base,
    head: DenseHead,
    batch: Batch,
    dense_weight: float,
    generator: torch.Generator,
    tutor: Tutor | None = None,
) -> tuple[Tensor, Outcome]:
    """Loss of a batch.

    Parameters
    ----------
    model : sam2.modeling.sam2_base.SAM2Base
        The model.
    head : DenseHead
        Auxiliary head.
    batch : Batch
        Windows and first prompts.
    dense_weight : float
        Weight of the auxiliary loss.
    generator : torch.Generator
        Source of the correction clicks, on the CPU.
    tutor : Tutor, optional
        A larger model to learn from as well.

    Returns
    -------
    tuple
        The loss, a scalar tensor, and what was measured on the way.
    """
    # One context for all, because leaving it forgets the converted weights.
    with torch.autocast(batch.images.device.type, dtype=torch.bfloat16):
        return _batch_loss(model, head, batch, dense_weight, generator, tutor)


def _batch_loss(
    model: SAM2Base,
    head: DenseHead,
    batch: Batch,
    dense_weight: float,
    generator: torch.Generator,
    tutor: Tutor | None,
) -> tuple[Tensor, Outcome]:
    outcome = Outcome()
    device = batch.images.device
    size = batch.images.shape[-1]
    features = encode(model, batch.images)
    maps = head(features.finest)
    auxiliary = dense_loss(maps.float(), batch.dense, batch.known)
    outcome.note("dense", auxiliary)
    loss = dense_weight * auxiliary
    # Told is the loss of the first prompts: corrections, of which a step has more or
    # fewer, would make the curve go up and down with their number.
    told = loss.detach()

    with torch.autocast(device.type, enabled=False):
        whole = model.sam_prompt_encoder.get_dense_pe()
    encodings = torch.cat([window_encoding(whole, o, size) for o in batch.origins])
    corners = torch.tensor(
        [(x, y) for y, x in batch.origins], dtype=torch.float32, device=device
    )
    lessons = [None] * len(batch.groups) if tutor is None else tutor.lessons(batch)
    objects = sum(len(group.index) for group in batch.groups)
    for group, lesson in zip(batch.groups, lessons, strict=True):
        share = len(group.index) / objects
        total, first = _group_loss(
            model,
            features,
            encodings,
            corners,
            group,
            batch.rounds,
            generator,
            outcome,
            lesson,
        )
        loss, told = loss + share * total, told + share * first
    outcome.note("loss", told)
    return loss, outcome


def _group_loss(
    model: SAM2Base,
    features: Features,
    encodings: Tensor,
    corners: Tensor,
    group: Group,
    rounds: int,
    generator: torch.Generator,
    outcome: Outcome,
    lesson: Lesson | None,
) -> tuple[Tensor, Tensor]:
    """Loss of all rounds, and that of the first one."""
    boxed = int(group.labels[0, 0]) == TOP_LEFT
    own = features.of(group.index)
    encoding, corner = encodings[group.index], corners[group.index][:, None]
    points, labels = group.points, group.labels
    previous: Tensor | None = None
    total = torch.zeros((), device=encodings.device)
    for turn in range(rounds):
        # The rounds between only lead there: to know what a mask is like that has been
        # corrected many times, a third of the cost will do.
        learned = turn == 0 or turn >= rounds - LEARNED
        with (
            torch.set_grad_enabled(learned),
            # Weights converted without gradients must not be used with them later.
            torch.autocast(encodings.device.type, torch.bfloat16, True, learned),
        ):
            logits, predicted = decode(
                model, own, encoding, points + corner, labels, previous
            )
        actual = overlap(logits, group.target)
        single = turn > 0 or boxed
        if turn == 0:
            each = mask_loss(logits, group.target, group.weight)
            candidates = each[:, 1:].min(1)[0] + OTHERS * each[:, 1:].mean(1)
            # A box is not ambiguous: its mask is the single one, the candidates are
            # what SAM 2 falls back to when that is unstable.
            total = (
                total + each[:, 0].mean() + (0.5 if boxed else 1) * candidates.mean()
            )
            total = total + JUDGEMENT * (predicted - actual).square().mean()
            if lesson is not None:
                # The teacher answers the same prompts; the candidate that comes
                # closest to its mask is the one to learn from it.
                taught = mask_loss(logits, lesson.target, group.weight)
                closest = taught[:, 1:].min(1)[0] + taught[:, 0]
                total = total + (lesson.weight * closest).mean()
                outcome.note("taught", closest.mean())
            chosen = predicted[:, 1:].argmax(1) + 1
            outcome.note(
                "iou_box" if boxed else "iou_1",
                _pick(actual, chosen * (not single)).mean(),
            )
            first = total.detach()
        else:
            each = mask_loss(logits[:, :1], group.target, group.weight)
            total = total + each.mean()
            error = predicted[:, 0] - actual[:, 0]
            total = total + JUDGEMENT * error.square().mean()
            outcome.note(
                f"iou_{turn + 1}" if not boxed else f"iou_box_{turn}",
                actual[:, 0].mean(),
            )
        if turn + 1 < rounds:
            shown = _pick(logits, chosen * (not single))[:, None].detach()
            clicks, signs = correction(shown, group.target, generator)
            points = torch.cat([points, clicks * CELL], 1)
            labels = torch.cat([labels, signs], 1)
            forget = torch.rand((), generator=generator) < FORGET
            previous = None if forget else shown.clamp(-LIMIT, LIMIT)
    return total, first


def _pick(values: Tensor, which: Tensor) -> Tensor:
    """One mask of each object."""
    return values[torch.arange(len(values), device=values.device), which]
