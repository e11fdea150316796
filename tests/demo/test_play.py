"""The demonstration, played with a model that knows the truth."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager
from PIL import Image
from rich.console import Console
from scipy.ndimage import binary_dilation

from napari_sam2.demo import play
from napari_sam2.engines.base import Decoded, Embedding, Engine
from napari_sam2.samples import synthetic
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.viewer.controller import controller_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import napari
    import numpy.typing as npt

    Labels = npt.NDArray[np.uint16]


class Oracle(Engine):
    """Knows every object; the first click gets it too fat, as far as told."""

    name = model = "oracle"
    device = "cpu"
    image_size = mask_size = 512

    def __init__(self, truth: Labels, fat: int) -> None:
        self._truth = truth
        self._fat = fat

    def encode(self, image: npt.NDArray[np.uint8], **_: Any) -> Embedding:
        return Embedding(None, 1)

    def decode(self, embedding: Embedding, **prompts: Any) -> Decoded:
        (x, y), *more = prompts["points"][0]
        mask = self._truth == self._truth[round(y), round(x)]
        if not more and self._fat:
            mask = binary_dilation(mask, iterations=self._fat)
        logits = np.where(mask, 8, -8).astype(np.float32)
        candidates = 3 if prompts["multimask"] else 1
        return Decoded(
            np.repeat(logits[None, None], candidates, axis=1),
            np.full((1, candidates), 0.9, np.float32),
        )


@pytest.fixture
def run(
    make_napari_viewer: Callable[..., napari.Viewer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[int], tuple[bool, str]]]:
    """Play with an oracle; returns whether it was good, and what was told."""
    played: list[play.Play] = []
    # The demonstration has a process of its own; here, other tests went before.
    notification_manager.records.clear()

    def run(fat: int) -> tuple[bool, str]:
        def open_window(sample: str) -> tuple[Any, ...]:
            viewer = make_napari_viewer(show=True)
            image, truth = (
                viewer._add_layer_from_data(*layer)[0] for layer in synthetic(sample)
            )
            viewer.layers.selection.active = image
            oracle = Oracle(truth.data, fat)
            controller = controller_for(
                viewer, segmenter_factory=lambda *_: Segmenter(engine=oracle)
            )
            return viewer, [image, truth], controller

        monkeypatch.setattr(play, "open_window", open_window)
        console = Console(record=True, width=120)
        played.append(play.Play(tmp_path / "demo", time.time(), console))
        return played[0].run(), console.export_text()

    yield run
    controller_for(played[0].viewer).close()
    vars(played[0].robot).clear()
    vars(played[0]).clear()
    gc.collect()


def test_objects_are_kept_corrected_and_taken_back(
    run: Callable[[int], tuple[bool, str]], tmp_path: Path
) -> None:
    good, told = run(2)
    assert good, told
    assert "first mask" in told
    assert told.count("right click takes away") == play.OBJECTS
    assert told.count("Ctrl+Shift+Z") == play.OBJECTS
    labels = tifffile.imread(tmp_path / "demo" / "labels.tif")
    assert sorted(np.unique(labels)) == list(range(play.OBJECTS + 1))
    with Image.open(tmp_path / "demo" / "screenshot.png") as screenshot:
        assert min(screenshot.size) > 500
        assert len(screenshot.convert("RGB").getcolors(1 << 24) or ()) > 50


def test_a_bad_object_is_a_failure(
    run: Callable[[int], tuple[bool, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "GOOD_ENOUGH", 1.01)
    good, told = run(0)
    assert not good
    assert "Failed: IoU below 1.01" in told
