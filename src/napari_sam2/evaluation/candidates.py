"""What is to be measured, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.errors import ModelError
from napari_sam2.evaluation.baselines import all_baselines
from napari_sam2.evaluation.segmenters import engine_name, open_segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sam2.evaluation.protocol import Segments


@dataclass(frozen=True)
class Candidates:
    """What is to be measured.

    Attributes
    ----------
    model : str
        Name in the catalog, or a checkpoint.
    others : tuple of str
        More of them.
    baselines : bool
        Whether the classical methods are measured too.
    device, engine, precision : str
        How models are computed.
    zoom : bool or None
        Whether models look at objects again; None: each as it is used.
    """

    model: str
    others: tuple[str, ...] = ()
    baselines: bool = False
    device: str = "auto"
    engine: str = "torch"
    precision: str = "fp32"
    zoom: bool | None = None

    def check(self) -> None:
        """Raise if something cannot be, before hours are spent.

        Raises
        ------
        ModelError, EngineError
            If two candidates have one name, or if there is no such engine.
        """
        engine_name(self.engine, self.precision)
        names = [self.model, *self.others]
        double = {name for name in names if names.count(name) > 1}
        if double:
            raise ModelError(
                f"“{double.pop()}” is to be compared with itself: give each model once."
            )

    def open(self) -> Iterator[tuple[str, Segments]]:
        """Load one after the other, so that but one is in memory."""
        engine = engine_name(self.engine, self.precision)
        for name in (self.model, *self.others):
            yield name, open_segmenter(name, self.device, engine, self.zoom)
        if self.baselines:
            yield from all_baselines().items()
