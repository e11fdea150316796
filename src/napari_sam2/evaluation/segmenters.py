"""From the words of a command line to a segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.engines.variant import Variant

if TYPE_CHECKING:
    from napari_sam2.evaluation.protocol import Segments


def engine_name(engine: str, precision: str) -> str:
    """Join both to a name of :class:`~napari_sam2.engines.variant.Variant`.

    Raises
    ------
    EngineError
        If there is no such engine, or if it does not compute like that.
    """
    if engine == "auto" and precision == "fp32":
        return engine
    name = engine if precision == "fp32" else f"{engine}-{precision}"
    return Variant.parse(name).name


def open_segmenter(
    model: str, device: str, engine: str, zoom: bool | None = None
) -> Segments:
    """Load a model.

    Parameters
    ----------
    model : str
        Name in the catalog, or a checkpoint.
    device : str
        auto, cpu, cuda or mps.
    engine : str
        From :func:`engine_name`.
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
        model=checkpoint if checkpoint.is_file() else model,
        device=device,
        compute_with=engine,
        zoom=zoom,
    )
