"""How soon an image answers that was looked at before, beside one that was not.

Run with ``python -m benchmarks reopen``. A session without a window: from the choice of
a plane of 1024 x 1024 to its being ready, with nothing in memory but the model. What
comes from the disk has to give the very same logits.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.models import MODELS, spec_of
from benchmarks.timing import Timing, measured
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.engines import create_engine
from napari_sam2.segmentation.embedding_files import CACHE_VARIABLE, EmbeddingFiles
from napari_sam2.segmentation.embeddings import EmbeddingCache
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.synthesis import generate

__all__ = ["Reopened", "measure"]

_SIDE = 1024


@dataclass(frozen=True)
class Reopened:
    """What one model takes."""

    computes: str
    encoded: Timing
    read: Timing
    megabytes: float


def measure(model: str, engine: str = "auto", repeats: int = 7) -> Reopened:
    """Choose image after image, and each once more from the disk.

    Raises
    ------
    RuntimeError
        If an answer from the disk is another one.
    """
    image = generate("nuclei", (_SIDE, _SIDE), seed=1).image
    encoded, read = [], []
    os.environ.pop(CACHE_VARIABLE, None)
    with tempfile.TemporaryDirectory() as folder:
        files = EmbeddingFiles(lambda: 10.0, Path(folder))
        memory = EmbeddingCache(files=files)
        segmenter = Segmenter(
            engine=create_engine(spec_of(model), "auto", engine), cache=memory
        )
        session = AnnotationSession(
            segmenter_factory=lambda *_: segmenter, embeddings=files
        )
        session.wait()
        for number in range(repeats + 1):
            plane = image + number
            encoded.append(measured(partial(_ready, session, plane)))
            before = _click(segmenter, plane)
            files.flush()
            memory.clear()
            session.set_plane(None)
            read.append(measured(partial(_ready, session, plane)))
            if not np.array_equal(_click(segmenter, plane), before):
                raise RuntimeError("What came from the disk gives other logits.")
            memory.clear()
        session.close()
        megabytes = files.usage.nbytes / files.usage.count / 1e6
    # The first is about warming up.
    return Reopened(
        segmenter.computes,
        *(Timing(tuple(times[1:])) for times in (encoded, read)),
        megabytes,
    )


def _ready(session: AnnotationSession, plane: np.ndarray) -> None:  # type: ignore[type-arg]
    session.set_plane(Plane.of_array(plane))
    session.wait()


def _click(segmenter: Segmenter, plane: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    segmenter.set_image(plane)
    return segmenter.predict(points=[(512, 512)]).logits


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks reopen")
    parser.add_argument("--models", nargs="+", default=list(MODELS), metavar="MODEL")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    for model in options.models:
        found = measure(model, options.engine, options.repeats)
        print(f"{model}, {found.computes}, {found.megabytes:.1f} MB a view")
        print(f"  chosen → ready, encoded        {found.encoded}")
        print(f"  the same, from the disk        {found.read}", flush=True)


if __name__ == "__main__":
    main()
