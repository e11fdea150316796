"""What a user would otherwise use: classical methods that get the same prompts.

Each has the protocol of a segmenter, see `napari_sam2.evaluation.protocol`, and a
bounded cost on images of any size: it works on a window, with fewer pixels if there
are too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam2.evaluation.baselines.base import Baseline

__all__ = ["all_baselines"]


def all_baselines() -> dict[str, Baseline]:
    """Make one of each, by name."""
    from napari_sam2.evaluation.baselines.flood import FloodFill
    from napari_sam2.evaluation.baselines.walker import RandomWalker
    from napari_sam2.evaluation.baselines.watershed import Watershed

    return {
        "flood fill": FloodFill(),
        "random walker": RandomWalker(),
        "watershed": Watershed(),
    }
