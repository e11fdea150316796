"""The outline of what was marked."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as nps

from napari_sam2.segmentation.region import Region, outline


@given(nps.arrays(bool, nps.array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_an_outline_runs_between_inside_and_outside(mask: np.ndarray) -> None:
    edges = outline(mask).reshape(-1, 2, 2)
    assert (np.abs(edges[:, 0] - edges[:, 1]).sum(axis=1) == 1).all()
    padded = np.pad(mask, 1)
    count = sum(np.count_nonzero(np.diff(padded, axis=axis)) for axis in (0, 1))
    assert len(edges) == count
    for middle in edges.mean(axis=1):
        # Of the two pixels that an edge lies between, one is inside.
        axis = int(middle[0] != np.floor(middle[0]))
        step = np.array([0.5, 0]) if axis else np.array([0, 0.5])
        both = [padded[tuple((middle + s * step).astype(int) + 1)] for s in (-1.0, 1.0)]
        assert sum(both) == 1


def test_the_outline_of_a_region_lies_where_it_does() -> None:
    region = Region.of(np.ones((2, 3), dtype=bool), 10, 20)
    assert region.edges.min(axis=0).tolist() == [9.5, 19.5]
    assert region.edges.max(axis=0).tolist() == [11.5, 22.5]


def test_of_a_huge_region_only_the_box_is_outlined() -> None:
    """Without ever making its pixels."""
    region = Region(5, 7, 100_000, 80_000, (0, 100_000 * 80_000))
    assert len(region.edges) == 8
    assert region.edges.max(axis=0).tolist() == [100_004.5, 80_006.5]
