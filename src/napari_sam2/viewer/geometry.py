"""Where the pixels of the plane in view are drawn in napari's world.

A layer can be scaled, moved, rotated and sheared, its axes shown transposed,
and its units differ from the viewer's. All of that is one affine map of two
dimensions between ``(row, col)`` of the plane and the two displayed axes of the
world: the very map by which napari draws the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from napari.components import Dims
    from napari.layers import Layer

__all__ = ["PlaneGeometry", "displayed_axes", "geometry_of", "unit_factors"]


@dataclass(frozen=True, eq=False)
class PlaneGeometry:
    """Affine map between a plane and the displayed axes of the world.

    Attributes
    ----------
    displayed : tuple of int
        The world's axes that run down and to the right on the canvas.
    linear : ndarray of float, shape (2, 2)
        World displacement, in the order of ``displayed``, of one row (first
        column of the matrix) and of one column (second).
    origin : ndarray of float, shape (2,)
        Where the center of pixel ``(0, 0)`` is drawn.
    """

    displayed: tuple[int, int]
    linear: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]

    def to_world(self, places: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Turn ``(row, col)``, shape (n, 2), into the two displayed coordinates."""
        turned = np.asarray(places, dtype=np.float64) @ self.linear.T
        return np.asarray(turned + self.origin)

    def to_plane(self, position: Sequence[float]) -> tuple[float, float]:
        """Turn an n-D position in the world into ``(row, col)``."""
        place = np.array([position[axis] for axis in self.displayed])
        row, col = self._inverse @ (place - self.origin)
        return float(row), float(col)

    def of_grid(
        self, scale: Sequence[float], translate: Sequence[float]
    ) -> PlaneGeometry:
        """Return the map of a coarser or finer grid that lies on the plane.

        Parameters
        ----------
        scale, translate : sequence of float, length 2
            Grid point ``i`` lies at ``i * scale + translate`` of the plane.
        """
        return PlaneGeometry(
            self.displayed,
            self.linear * np.asarray(scale, dtype=np.float64),
            self.linear @ np.asarray(translate, dtype=np.float64) + self.origin,
        )

    @cached_property
    def _inverse(self) -> npt.NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self.linear), dtype=np.float64)


def displayed_axes(ndim: int, dims: Dims) -> tuple[int, int] | None:
    """Which axes of a layer run down and to the right on the canvas.

    Parameters
    ----------
    ndim : int
        Of the layer, channels not counted.
    dims : Dims
        Of the viewer.

    Returns
    -------
    tuple of int or None
        None where an axis on the canvas is one that the layer does not have.
    """
    missing = dims.ndim - ndim
    down, right = (axis - missing for axis in dims.displayed[-2:])
    return (down, right) if min(down, right) >= 0 else None


def geometry_of(layer: Layer, dims: Dims) -> PlaneGeometry | None:
    """Return where the plane of a layer that is in view is drawn, in 2-D display.

    napari draws a plane without the part of a rotation or shear that leads out
    of it; this is the same map.
    """
    axes = displayed_axes(layer.ndim, dims)
    if axes is None:
        return None
    pick = list(axes)
    factors = unit_factors(layer, dims)[pick]
    zero = np.zeros(layer.ndim)
    origin = np.asarray(layer.data_to_world(zero))[pick]
    columns = []
    for axis in axes:
        step = zero.copy()
        step[axis] = 1
        columns.append(np.asarray(layer.data_to_world(step))[pick] - origin)
    linear = np.stack(columns, axis=1) * factors[:, None]
    missing = dims.ndim - layer.ndim
    return PlaneGeometry(
        (axes[0] + missing, axes[1] + missing), linear, origin * factors
    )


def unit_factors(layer: Layer, dims: Dims) -> npt.NDArray[np.float64]:
    """How many of the world's units one unit of the layer is, for each axis.

    ``layer.data_to_world`` knows the layer's own units only, the canvas is
    drawn in the units that all layers share.
    """
    world: Sequence[Any] | None = dims.units
    if world is None or len(world) < layer.ndim:
        return np.ones(layer.ndim)
    import pint

    try:
        return np.array(
            [
                (1 * own).to(shared).magnitude
                for own, shared in zip(layer.units, world[-layer.ndim :], strict=True)
            ],
            dtype=np.float64,
        )
    except pint.DimensionalityError:
        # Layers of pixels beside layers of micrometers: napari ignores units then.
        return np.ones(layer.ndim)
