"""Which part of a large plane the model should see, given what the user looks at.

The model's input is a square of fixed size. A plane that is not much larger is seen
whole. Of a larger one it sees the visible rectangle and some margin, and so as much
detail as the user: zooming in gives sharper masks, and neither time nor memory
depend on the size of the plane. Views are snapped to a pyramid of sizes and to a
grid of places, and one stays for as long as it will do, so that small pans and
zooms need no new encoding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    from napari_sam2.segmentation.view import BBox

__all__ = ["neighbours", "seen_whole", "view_for", "visible_part"]

# Planes up to this are seen whole by every model, as they always were; a small model
# looks more closely at an object once it is known.
_SMALL = 1024

# A view is this much larger than what is visible: room for objects that are cut off
# by the edge of the canvas, for pans, and for snapping.
_ROOM = 1.25

# Sides of views, relative to the next smaller power of two times the model's input.
_STEPS = (1.0, 1.5)

# Views lie on a grid of this share of their side: with the room above, what is
# visible is always inside, wherever it is.
_GRID = 8

# Share of what is visible that must remain as margin for a view to stay.
_LEAST_MARGIN = 1 / 16


def seen_whole(plane_shape: tuple[int, int], image_size: int) -> bool:
    """Whether a plane is so small that the model always sees all of it."""
    return max(plane_shape) <= max(2 * image_size, _SMALL)


def view_for(
    plane_shape: tuple[int, int],
    visible: BBox | None,
    image_size: int,
    current: View | None = None,
) -> View:
    """Choose what the model should see.

    Parameters
    ----------
    plane_shape : tuple of int
        ``(rows, cols)`` of the plane.
    visible : tuple of int, optional
        ``(row_start, col_start, row_stop, col_stop)`` of what is on the canvas, which
        may reach beyond the plane. None: nobody knows, then all of it. Where nothing
        of it is on the canvas, the view stays.
    image_size : int
        Side of the model's input.
    current : View, optional
        What the model sees now; it stays if it shows what is visible, with a margin,
        and hardly coarser than a new view would.

    Returns
    -------
    View
        Contains what is visible of the plane; the whole plane for a small one. It
        magnifies no pixel, as far as the plane is large enough.
    """
    whole = View.whole(plane_shape, image_size)
    if visible is None or seen_whole(plane_shape, image_size):
        return whole
    part = visible_part(plane_shape, visible)
    if part is None:
        return whole if current is None else current
    extent = max(part[2] - part[0], part[3] - part[1])
    side = _side(extent * _ROOM, image_size)
    if current is not None and _will_do(current, whole, part, side):
        return current
    return _placed(plane_shape, part, side, image_size)


def neighbours(view: View, visible: BBox | None) -> list[View]:
    """Say which views are likely to be wanted next: closer, farther, panned.

    Parameters
    ----------
    view : View
        The present one.
    visible : tuple of int, optional
        What is on the canvas.

    Returns
    -------
    list of View
        The most likely first; none for a plane that is always seen whole.
    """
    plane, size = view.plane_shape, view.image_size
    part = None if visible is None else visible_part(plane, visible)
    if part is None or seen_whole(plane, size):
        return []
    r0, c0, r1, c1 = part
    height, width = r1 - r0, c1 - c0
    likely = [
        (r0 + height // 4, c0 + width // 4, r1 - height // 4, c1 - width // 4),
        (r0 - height // 2, c0 - width // 2, r1 + height // 2, c1 + width // 2),
    ]
    likely += [
        (
            r0 + down * height // 2,
            c0 + right * width // 2,
            r1 + down * height // 2,
            c1 + right * width // 2,
        )
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0))
    ]
    found: list[View] = []
    for place in likely:
        if visible_part(plane, place) is None:
            continue
        near = view_for(plane, place, size, view)
        if near != view and near not in found:
            found.append(near)
    return found


def visible_part(plane_shape: tuple[int, int], visible: BBox) -> BBox | None:
    """Cut a rectangle off at the edges of the plane; None if nothing is left."""
    r0, c0 = max(visible[0], 0), max(visible[1], 0)
    r1, c1 = min(visible[2], plane_shape[0]), min(visible[3], plane_shape[1])
    return (r0, c0, r1, c1) if r0 < r1 and c0 < c1 else None


def _side(needed: float, image_size: int) -> int:
    """Return the smallest side of the pyramid that is large enough."""
    power = max(math.floor(math.log2(max(needed / image_size, 1))), 0)
    while True:
        for step in _STEPS:
            side = math.ceil(image_size * step * (1 << power))
            if side >= needed:
                return side
        power += 1


def _will_do(current: View, whole: View, part: BBox, side: int) -> bool:
    """Whether a view shows a part well enough to stay."""
    if current.plane_shape != whole.plane_shape or current.transposed:
        return False
    if current.image_size != whole.image_size:
        return False
    # At most one size coarser than what would be chosen anew. All of a plane is no
    # coarser than a view that would show nearly all of it.
    longest = max(current.height, current.width)
    if longest > min(side, max(whole.plane_shape)) * max(_STEPS):
        return False
    margin = math.ceil(_LEAST_MARGIN * max(part[2] - part[0], part[3] - part[1]))
    wanted = (part[0] - margin, part[1] - margin, part[2] + margin, part[3] + margin)
    with_margin = visible_part(whole.plane_shape, wanted)
    return with_margin is not None and _within(with_margin, current.window)


def _placed(
    plane_shape: tuple[int, int], part: BBox, side: int, image_size: int
) -> View:
    rows = _stretch(part[0], part[2], side, plane_shape[0])
    cols = _stretch(part[1], part[3], side, plane_shape[1])
    return View(plane_shape, (rows[0], cols[0], rows[1], cols[1]), image_size)


def _stretch(start: int, stop: int, side: int, length: int) -> tuple[int, int]:
    """Stretch of the grid around another, moved to lie within the plane."""
    if side >= length:
        return 0, length
    cell = max(side // _GRID, 1)
    low = round(((start + stop) / 2 - side / 2) / cell) * cell
    low = min(max(low, 0), length - side)
    return low, low + side


def _within(inner: BBox, outer: BBox) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )
