"""What went to a disk and came back gives the very same logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sam2.engines.onnx import OnnxEngine
from napari_sam2.engines.openvino import OpenVinoEngine
from napari_sam2.engines.torch import TorchEngine
from napari_sam2.segmentation.tensor_file import read_tensors, write_tensors
from tests.engines.conftest import RUNTIMES
from tests.engines.official import picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.exported import Export
    from napari_sam2.models.catalog import ModelSpec


@pytest.fixture(scope="module", params=RUNTIMES)
def lasting(
    request: pytest.FixtureRequest,
    small_spec: ModelSpec,
    exported: Callable[[str], Export],
) -> Engine:
    """Return each engine with a checkpoint, which other processes may know as well."""
    if request.param == "torch":
        return TorchEngine(small_spec, "cpu")
    kind = OnnxEngine if request.param == "ONNX Runtime" else OpenVinoEngine
    return kind(exported("random small"))


def test_from_the_disk_come_the_very_same_logits(
    lasting: Engine, tmp_path: Path
) -> None:
    embedding = lasting.encode(picture(120, 200))
    packed = lasting.pack(embedding)
    assert packed is not None
    assert lasting.version
    write_tensors(tmp_path / "a", packed, {})
    again = lasting.unpack(read_tensors(tmp_path / "a"))
    assert again.nbytes == embedding.nbytes
    points = np.random.default_rng(0).uniform(0, 255, (3, 2, 2)).astype(np.float32)
    labels = np.ones((3, 2), np.int32)
    prompts = (
        {"points": points, "labels": labels, "multimask": True},
        {"boxes": np.array([[30, 40, 150, 200]], np.float32)},
        {
            "points": points[:1],
            "labels": labels[:1],
            "masks": np.full((1, 1, 64, 64), -3, np.float32),
        },
    )
    for asked in prompts:
        one, two = (lasting.decode(each, **asked) for each in (embedding, again))
        np.testing.assert_array_equal(one.logits, two.logits)
        np.testing.assert_array_equal(one.scores, two.scores)


def test_parts_of_something_else_are_an_error(lasting: Engine) -> None:
    with pytest.raises(ValueError, match="not the parts"):
        lasting.unpack({"something": np.zeros(3)})


def test_a_model_of_this_process_alone_is_not_packed(small_model: nn.Module) -> None:
    engine = TorchEngine(small_model, "cpu")
    assert engine.pack(engine.encode(picture(64, 64))) is None
