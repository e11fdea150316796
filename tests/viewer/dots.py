"""A huge image that exists only where somebody looks, and a window that is killed.

``python -m tests.viewer.dots`` keeps objects on it, begins another one, says so, and
waits for its end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 100_000
PERIOD, RADIUS = 400, 60
NEAR, NEXT = (50_200, 50_200), (50_200, 50_600)
FAR = (90_200, 10_200)


class Dots:
    """A lazy array of discs in rows and columns, at one level of a pyramid."""

    dtype = np.dtype(np.uint8)
    ndim = 2

    def __init__(self, level: int) -> None:
        self.scale = 2**level
        self.shape = (SIDE // self.scale, SIDE // self.scale)
        self.size = self.shape[0] * self.shape[1]

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        index = index if isinstance(index, tuple) else (index, slice(None))
        rows, cols = (
            np.arange(*part.indices(length)) if isinstance(part, slice) else part
            for part, length in zip(index, self.shape, strict=True)
        )
        rows, cols = (
            ((np.asarray(axis) + 0.5) * self.scale) % PERIOD - PERIOD / 2
            for axis in (rows, cols)
        )
        inside = np.hypot(rows[..., None], cols) <= RADIUS
        return np.where(inside, 200, 0).astype(np.uint8)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        assert self.size < 10_000_000
        return self[:, :].astype(dtype or self.dtype)


def add_slide(viewer: Any) -> Any:
    """Open the image in a viewer."""
    return viewer.add_image(
        [Dots(level) for level in range(8)],
        multiscale=True,
        contrast_limits=(0, 255),
        name="slide",
        scale=(0.5, 0.5),
    )


def _main() -> None:
    import napari

    from napari_sam2.viewer.controller import controller_for
    from tests.viewer.fakes import FakeSegmenter

    viewer = napari.Viewer()
    add_slide(viewer)
    segmenter = FakeSegmenter()
    session = controller_for(viewer, segmenter_factory=lambda *_: segmenter).session
    session.look_at(_around(NEAR))
    session.click(*NEAR)
    session.click(*NEXT)
    session.look_at(_around(FAR))
    session.click(*FAR)
    session.wait()
    session.undo()
    session.wait()
    session.look_at(_around(NEAR))
    session.collect = True
    session.click(NEAR[0] + PERIOD, NEAR[1])
    session.wait()
    print("kept", sorted(session.objects), session.current is not None, flush=True)
    napari.run()


def _around(place: tuple[int, int]) -> tuple[int, int, int, int]:
    row, col = place
    return row - 500, col - 500, row + 500, col + 500


if __name__ == "__main__":
    _main()
