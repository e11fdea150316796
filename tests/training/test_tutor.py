"""Learning from a larger model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.engines.base import Decoded, Embedding, Engine
from napari_sam2.training.batches import collate
from napari_sam2.training.config import BatchConfig, PhaseConfig, TrainConfig
from napari_sam2.training.loop import Budget, Run
from napari_sam2.training.objective import overlap
from napari_sam2.training.tutor import Tutor
from napari_sam2.training.windows import Window

SIZE = 128


class Knowing(Engine):
    """Finds what has the colour of the place; three candidates, one of them right."""

    name = model = "knowing"
    device = "cpu"
    image_size = 256
    mask_size = 64

    def encode(self, image, *, cancel=None, progress=None):
        return Embedding(image, image.nbytes)

    def decode(
        self,
        embedding,
        *,
        points=None,
        labels=None,
        boxes=None,
        masks=None,
        multimask=False,
    ):
        places = points[:, 0] if boxes is None else boxes.reshape(-1, 2, 2).mean(1)
        image = embedding.payload[..., 0].astype(int)
        step = image.shape[0] // self.mask_size
        masks = []
        for x, y in places:
            shown = (np.array([y, x]) + 0.5) * image.shape[0] / self.image_size
            # A box may reach beyond the window, and its middle with it.
            row, column = np.clip(shown.astype(int), 0, image.shape[0] - 1)
            alike = abs(image - image[row, column]) < 3
            masks.append(alike[step // 2 :: step, step // 2 :: step])
        right = np.where(np.array(masks)[:, None], 6.0, -6.0).astype(np.float32)
        logits = np.concatenate([-right, right, -right], 1) if multimask else right
        return Decoded(logits, np.zeros(logits.shape[:2], np.float32))


def window(seed):
    """Two squares, each of a gray of its own."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((SIZE, SIZE), np.int64)
    labels[16:56, 24:64], labels[72:112, 60:108] = 1, 2
    grays = np.array([0.1, *rng.permutation([0.4, 0.8])], np.float32)
    return Window(
        image=torch.from_numpy(grays[labels]).expand(3, -1, -1),
        labels=labels,
        numbers=np.array([1, 2]),
        boxes=np.array([[24, 16, 63, 55], [60, 72, 107, 111]], np.float32),
        origin=(0, 0),
        sparse=False,
    )


@pytest.fixture(params=[0.0, 1.0], ids=["clicks", "boxes"])
def batch(request):
    rng = np.random.default_rng(0)
    return collate([window(0), window(1)], 1, request.param, rng)


def test_the_teacher_answers_every_object_of_every_window(batch):
    (lesson,) = Tutor(Knowing(), 0.5).lessons(batch)
    (group,) = batch.groups
    assert lesson.target.shape == group.target.shape
    agreement = overlap(torch.logit(lesson.target), group.target)
    assert float(agreement.min()) > 0.9
    assert float(lesson.weight.min()) > 0.45


def test_a_teacher_that_means_something_else_is_not_listened_to(batch):
    class Wrong(Knowing):
        def decode(self, *args, **kwargs):
            decoded = super().decode(*args, **kwargs)
            return Decoded(-abs(decoded.logits), decoded.scores)

    (lesson,) = Tutor(Wrong(), 0.5).lessons(batch)
    assert float(lesson.weight.max()) == 0


def test_a_run_learns_from_its_teacher(tmp_path):
    phase = PhaseConfig(batches=[BatchConfig(64, 2, 2)], rounds=[1.0])
    config = TrainConfig(schedule=[phase], synthetic=1.0, processes=1, device="cpu")
    run = Run(tmp_path, {}, config, Budget(steps=2))
    try:
        alone = run.advance()
        assert "taught" not in alone
        run.tutor = Tutor(Knowing(), 0.5)
        taught = run.advance()["taught"]
        assert all(np.isfinite(taught))
    finally:
        run.source.close()
