"""What the model sees contains what the user sees, is sharp enough, and stays."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_sam2.segmentation.view import BBox, View
from napari_sam2.segmentation.viewport import (
    neighbours,
    seen_whole,
    view_for,
    visible_part,
)

sizes = st.sampled_from([64, 512, 1024])
lengths = st.one_of(st.integers(1, 5000), st.integers(1, 200_000))
shapes = st.tuples(lengths, lengths)


@st.composite
def rectangles(draw: st.DrawFn, shape: tuple[int, int]) -> BBox:
    """Draw a rectangle that shows something of a plane, and may reach beyond it."""
    starts = [draw(st.integers(-length, length - 1)) for length in shape]
    stops = [
        draw(st.integers(max(start, 0) + 1, 2 * length))
        for start, length in zip(starts, shape, strict=True)
    ]
    return (starts[0], starts[1], stops[0], stops[1])


@st.composite
def scenes(draw: st.DrawFn) -> tuple[tuple[int, int], BBox, int]:
    shape = draw(shapes)
    return shape, draw(rectangles(shape)), draw(sizes)


def contains(view: View, part: BBox) -> bool:
    r0, c0, r1, c1 = view.window
    return r0 <= part[0] and c0 <= part[1] and part[2] <= r1 and part[3] <= c1


@given(scenes())
def test_a_view_shows_what_is_visible_and_no_more_than_the_plane(
    scene: tuple[tuple[int, int], BBox, int],
) -> None:
    shape, visible, size = scene
    view = view_for(shape, visible, size)
    part = visible_part(shape, visible)
    assert part is not None
    assert contains(view, part)
    assert contains(View.whole(shape, size), view.window)
    assert view == view_for(shape, visible, size)


@given(scenes())
def test_a_view_is_as_sharp_as_what_is_visible_and_magnifies_nothing(
    scene: tuple[tuple[int, int], BBox, int],
) -> None:
    shape, visible, size = scene
    assume(not seen_whole(shape, size))
    view = view_for(shape, visible, size)
    part = visible_part(shape, visible)
    assert part is not None
    extent = max(part[2] - part[0], part[3] - part[1])
    assert max(view.height, view.width) <= max(size, 2 * extent)
    for side, length in zip((view.height, view.width), shape, strict=True):
        assert side >= min(size, length)


@given(scenes(), st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(0.97, 1.03))
def test_small_pans_and_zooms_leave_the_view_as_it_is(
    scene: tuple[tuple[int, int], BBox, int], down: float, right: float, zoom: float
) -> None:
    shape, visible, size = scene
    part = visible_part(shape, visible)
    assert part is not None
    r0, c0, r1, c1 = part
    extent = max(r1 - r0, c1 - c0)
    assume(extent >= 50)
    view = view_for(shape, part, size)
    moved = (
        round(r0 + down * extent - (zoom - 1) * (r1 - r0) / 2),
        round(c0 + right * extent - (zoom - 1) * (c1 - c0) / 2),
        round(r1 + down * extent + (zoom - 1) * (r1 - r0) / 2),
        round(c1 + right * extent + (zoom - 1) * (c1 - c0) / 2),
    )
    assume(visible_part(shape, moved) is not None)
    again = view_for(shape, moved, size, view)
    if visible_part(shape, moved) is not None and again != view:
        # Only where hardly any margin is left on a side of it.
        part = visible_part(shape, moved)
        assert part is not None
        room = extent / 16 + 2
        edges = zip(view.window, part, (0, 0, *shape), strict=True)
        assert any(abs(edge - at) <= room and edge != end for edge, at, end in edges)


@given(scenes())
def test_a_view_that_was_just_chosen_stays(
    scene: tuple[tuple[int, int], BBox, int],
) -> None:
    shape, visible, size = scene
    # As the user pans and comes back, the same view is found again.
    view = view_for(shape, visible, size)
    assert view_for(shape, visible, size, view_for(shape, None, size)) in (
        view,
        View.whole(shape, size),
    )


def test_a_small_image_is_seen_whole_wherever_the_user_looks() -> None:
    whole = View.whole((1024, 900), 512)
    assert view_for((1024, 900), (10, 10, 60, 60), 512) == whole
    assert view_for((2048, 2048), (0, 0, 9, 9), 1024) == View.whole((2048, 2048), 1024)
    assert neighbours(whole, (10, 10, 60, 60)) == []


def test_zooming_in_gives_a_sharper_view() -> None:
    shape, sides = (100_000, 100_000), []
    for extent in (100_000, 20_000, 5_000, 1_000, 300, 30):
        visible = (50_000, 40_000, 50_000 + extent, 40_000 + extent)
        view = view_for(shape, visible, 512)
        sides.append(view.width)
    assert sides == sorted(sides, reverse=True)
    assert sides[0] == 98_304 or sides[0] == 100_000
    assert sides[-1] == 512


def test_while_the_camera_moves_the_view_changes_seldom() -> None:
    shape, view, seen = (50_000, 50_000), None, []
    for step in range(400):
        left = 1000 + 5 * step
        view = view_for(shape, (1000, left, 1800, left + 1000), 512, view)
        if not seen or seen[-1] != view:
            seen.append(view)
    # Two screens are panned through.
    assert 2 <= len(seen) <= 12


def test_the_neighbours_are_where_a_pan_or_a_zoom_leads() -> None:
    shape, visible = (100_000, 100_000), (50_000, 50_000, 51_000, 51_000)
    view = view_for(shape, visible, 512)
    near = neighbours(view, visible)
    assert view not in near
    assert len(near) == len(set(near)) >= 5
    assert any(one.width < view.width for one in near)
    assert any(one.width > view.width for one in near)
    corner = neighbours(view_for(shape, (0, 0, 900, 900), 512), (0, 0, 900, 900))
    assert all(one.window[0] >= 0 and one.window[1] >= 0 for one in corner)


@pytest.mark.parametrize("visible", [None, (-50, -50, -1, -1), (9000, 0, 9999, 50)])
def test_where_nothing_is_visible_all_of_it_is_meant(visible: BBox | None) -> None:
    assert view_for((5000, 5000), visible, 512) == View.whole((5000, 5000), 512)
