"""Where a careful person would click.

The first click goes to the point of the object that is deepest inside, and each
further one to the deepest point of the largest connected error: the protocol of
Xu et al. 2016, "Deep interactive object selection", and Li et al. 2018,
"Interactive image segmentation with latent diversity". Sofiiuk et al. 2021,
"Reviving iterative training with mask guidance for interactive segmentation",
differ in one thing: of the two kinds of error they take the deeper, not the larger.
As theirs, this user does not click the same pixel twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

EXACT = 512**2
"""Pixels of a bounding box up to which depths are those of every pixel."""


class Aim(Protocol):
    """Chooses a pixel of a region."""

    def __call__(
        self, region: NDArray[np.bool_], taken: Collection[tuple[int, int]] = ()
    ) -> tuple[int, int] | None:
        """Return row and column, or None if all pixels are taken."""


def deepest_point(
    region: NDArray[np.bool_], taken: Collection[tuple[int, int]] = ()
) -> tuple[int, int] | None:
    """Pixel of a region that lies farthest from everything outside.

    Beyond the borders of the array is outside.

    Parameters
    ----------
    region : numpy.ndarray
        bool of shape (rows, columns), not empty.
    taken : collection of tuple of int
        Rows and columns that are not to be chosen.

    Returns
    -------
    tuple of int or None
        Row and column; the first in reading order of equally deep ones. In a
        region with a bounding box above `EXACT` pixels, every n-th pixel is
        considered, with n as small as possible. None if all pixels are taken.
    """
    row, column, depth = deepest(region, taken)
    return (row, column) if depth > 0 else None


def deepest(
    region: NDArray[np.bool_], taken: Collection[tuple[int, int]] = ()
) -> tuple[int, int, float]:
    """Return row, column and depth of the deepest point, in pixels.

    See `deepest_point`. The depth is 0 if all pixels are taken.
    """
    from scipy import ndimage as ndi

    # Around its box all is outside, so the rest of a large image can stay away.
    r0, c0, r1, c1 = tight_box(region)
    inner = region[r0 : r1 + 1, c0 : c1 + 1]
    step = max(1, int(np.ceil(np.sqrt(inner.size / EXACT))))
    if step > 1 and inner[::step, ::step].any():
        inner = inner[::step, ::step]
    else:  # so thin that only a look at every pixel finds it
        step = 1
    depth = ndi.distance_transform_edt(np.pad(inner, 1))[1:-1, 1:-1]
    for row, column in taken:
        (i, beside), (j, below) = divmod(row - r0, step), divmod(column - c0, step)
        inside = 0 <= i < depth.shape[0] and 0 <= j < depth.shape[1]
        if inside and not (beside or below):
            depth[i, j] = 0
    at = np.unravel_index(int(depth.argmax()), depth.shape)
    row, column = r0 + step * int(at[0]), c0 + step * int(at[1])
    return row, column, step * float(depth[at])


class NoisyAim:
    """Clicks about the deepest point, as a hurried person does.

    The place is drawn from a normal distribution around the deepest point, with a
    standard deviation of half its depth along each axis, until it falls into the
    region: nobody misses what is in plain sight, few hit its middle.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    """

    SPREAD = 0.5  # of the depth
    TRIES = 100

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def __call__(
        self, region: NDArray[np.bool_], taken: Collection[tuple[int, int]] = ()
    ) -> tuple[int, int] | None:
        """Return row and column, or None if all pixels are taken."""
        row, column, depth = deepest(region, taken)
        if not depth:
            return None
        noise = self._rng.normal(0, self.SPREAD * depth, (self.TRIES, 2))
        places = np.rint(noise + np.array([row, column])).astype(int)
        for r, c in places.tolist():
            inside = 0 <= r < region.shape[0] and 0 <= c < region.shape[1]
            if inside and region[r, c] and (r, c) not in taken:
                return r, c
        return row, column


def error_click(
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    *,
    aim: Aim = deepest_point,
    taken: Collection[tuple[int, int]] = (),
) -> tuple[int, int, int] | None:
    """Click into the largest connected error.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        bool of the same shape (rows, columns).
    aim : callable
        Chooses the pixel of the error; by default the deepest.
    taken : collection of tuple of int
        Rows and columns that were clicked before. An error of nothing else is
        passed over for the next smaller.

    Returns
    -------
    tuple of int or None
        Row, column and label (1 where the mask misses the object, 0 where it is
        not the object), or None if there is no error.
    """
    wrong = mask != truth
    if not wrong.any():
        return None
    r0, c0, r1, c1 = tight_box(wrong)
    window = (slice(r0, r1 + 1), slice(c0, c1 + 1))
    beside = {(row - r0, column - c0) for row, column in taken}
    for error, label in _errors(mask[window], truth[window]):
        place = aim(error, beside)
        if place is not None:
            return r0 + place[0], c0 + place[1], label
    return None


def _errors(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.bool_], int]]:
    """Connected errors, the largest first; of equal ones, what is missed first."""
    from scipy import ndimage as ndi

    missed, _ = ndi.label(truth & ~mask)
    leaked, _ = ndi.label(mask & ~truth)
    sizes = [np.bincount(parts.ravel())[1:] for parts in (missed, leaked)]
    order = np.argsort(-np.concatenate(sizes), kind="stable")
    for number in order.tolist():
        if number < len(sizes[0]):
            yield missed == number + 1, 1
        else:
            yield leaked == number - len(sizes[0]) + 1, 0


def tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Bounding box of a mask.

    Parameters
    ----------
    mask : numpy.ndarray
        bool of shape (rows, columns), not empty.

    Returns
    -------
    tuple of int
        First row, first column, last row and last column that the mask touches.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])
