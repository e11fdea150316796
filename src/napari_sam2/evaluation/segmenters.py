"""From the words of a command line to a segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from napari_sam2.evaluation.protocol import Segments

ENGINES = ("torch",)
PRECISIONS = ("fp32",)


def check_engine(engine: str, precision: str) -> None:
    """Raise unless there is such an engine and it computes like that.

    Raises
    ------
    EngineError
        If there is not.
    """
    for kind, asked, known in (
        ("engine", engine, ENGINES),
        ("precision", precision, PRECISIONS),
    ):
        if asked not in known:
            raise EngineError(
                f"There is no {kind} “{asked}”. Choose from: {', '.join(known)}."
            )


def open_segmenter(model: str, device: str, zoom: bool | None = None) -> Segments:
    """Load a model.

    Parameters
    ----------
    model : str
        Name in the catalog, or a checkpoint.
    device : str
        auto, cpu, cuda or mps.
    zoom : bool, optional
        Whether it looks at objects again, more closely; by default as the model is
        used.

    Raises
    ------
    ModelError, EngineError
        If it cannot be loaded.
    """
    from napari_sam2.segmentation.segmenter import Segmenter

    checkpoint = Path(model)
    return Segmenter(
        model=checkpoint if checkpoint.is_file() else model, device=device, zoom=zoom
    )
