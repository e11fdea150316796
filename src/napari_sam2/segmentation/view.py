"""What the model sees of an image, and the geometry there and back.

The only module that knows both coordinate systems: ``(row, col)`` of a plane,
which everything outside of the engines speaks, and ``(x, y)`` of the model's
square input. Both have pixel centres at integers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_sam2.segmentation.prompts import Box, Point

__all__ = ["BBox", "PlaneIndex", "View"]

BBox = tuple[int, int, int, int]
"""``(row_start, col_start, row_stop, col_stop)``, half-open, in plane pixels."""


@dataclass(frozen=True)
class PlaneIndex:
    """Which 2-D plane of an n-D array is meant.

    Attributes
    ----------
    position : tuple of int
        Index along every axis of the array; the entries of the two axes of
        the plane do not matter and are 0.
    row_axis, col_axis : int
        Axes of the array that are the rows and the columns of the plane. The
        rows need not come first: napari shows transposed planes, too.
    """

    position: tuple[int, ...] = (0, 0)
    row_axis: int = 0
    col_axis: int = 1

    def take(
        self,
        array: npt.NDArray[np.generic],
        rows: slice = slice(None),
        cols: slice = slice(None),
    ) -> npt.NDArray[np.generic]:
        """Return the plane of ``array`` or a part of it; further axes (RGB) stay.

        Works for anything that is indexed as numpy arrays are, and indexes it once,
        so that what is read on indexing is read no further than needed. What comes
        back is of the kind that the array returns, a view where it has views.
        """
        places: list[slice | int] = list(self.position)
        places[self.row_axis], places[self.col_axis] = rows, cols
        index = tuple(places)
        plane = array[index]
        if self.row_axis > self.col_axis:
            axes = (1, 0, *range(2, plane.ndim))
            plane = plane.transpose(axes)
        return plane

    def moved(self, steps: tuple[int, ...]) -> PlaneIndex:
        """Return the plane that lies so many steps away along each axis.

        Raises
        ------
        IndexError
            If the array has more axes or fewer.
        """
        if len(steps) != len(self.position):
            raise IndexError(f"{len(self.position)} axes, not {len(steps)}.")
        of_plane = (self.row_axis, self.col_axis)
        position = tuple(
            place if axis in of_plane else place + step
            for axis, (place, step) in enumerate(zip(self.position, steps, strict=True))
        )
        return replace(self, position=position)

    def holds(self, indices: Sequence[npt.NDArray[np.intp]]) -> npt.NDArray[np.bool_]:
        """Say which places of the n-D array lie on the plane.

        Parameters
        ----------
        indices : sequence of ndarray of int, each of shape (n,)
            One array for each axis.
        """
        here = np.ones(len(indices[0]), dtype=bool)
        for axis, (places, position) in enumerate(
            zip(indices, self.position, strict=True)
        ):
            if axis not in (self.row_axis, self.col_axis):
                here &= places == position
        return here

    def indices(
        self, rows: npt.NDArray[np.intp], cols: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], ...]:
        """Return the n-D indices of places of the plane.

        Parameters
        ----------
        rows, cols : ndarray of int, shape (n,)
            Places on the plane.

        Returns
        -------
        tuple of ndarray of int, each of shape (n,)
            One array for each axis of the n-D array.
        """
        return tuple(
            rows
            if axis == self.row_axis
            else cols
            if axis == self.col_axis
            else np.full(rows.shape, place, dtype=np.intp)
            for axis, place in enumerate(self.position)
        )


@dataclass(frozen=True)
class View:
    """The rectangle of a plane that is squashed to the model's square input.

    Attributes
    ----------
    plane_shape : tuple of int
        ``(rows, cols)`` of the whole plane.
    window : tuple of int
        The rectangle, ``(row_start, col_start, row_stop, col_stop)``, half-open.
    image_size : int
        Side of the model's input, in pixels.
    transposed : bool
        Whether rows of the plane are columns to the model. Logits are turned back at
        once: wherever they are not the engine's, they lie as the plane does.
    """

    plane_shape: tuple[int, int]
    window: BBox
    image_size: int
    transposed: bool = False

    @classmethod
    def whole(cls, plane_shape: tuple[int, int], image_size: int) -> View:
        """See the whole plane."""
        return cls(plane_shape, (0, 0, *plane_shape), image_size)

    @property
    def height(self) -> int:
        """Rows of the rectangle."""
        return self.window[2] - self.window[0]

    @property
    def width(self) -> int:
        """Columns of the rectangle."""
        return self.window[3] - self.window[1]

    def contains(self, row: float, col: float) -> bool:
        """Whether a place lies on a pixel of the rectangle."""
        r0, c0, r1, c1 = self.window
        return r0 - 0.5 <= row < r1 - 0.5 and c0 - 0.5 <= col < c1 - 0.5

    def points_to_model(self, points: Sequence[Point]) -> npt.NDArray[np.float32]:
        """Turn places of the plane into the model's coordinates.

        Returns
        -------
        ndarray of float32, shape (n, 2)
            ``(x, y)`` in pixels of the model's input.
        """
        return self._to_model(_rows_cols(points))

    def box_to_model(self, box: Box) -> npt.NDArray[np.float32]:
        """Turn a box of the plane into the model's coordinates.

        Returns
        -------
        ndarray of float32, shape (4,)
            ``(x_min, y_min, x_max, y_max)`` in pixels of the model's input.
        """
        corners = np.array(box, dtype=np.float64).reshape(2, 2)
        return self._to_model(corners).reshape(4)

    def _to_model(self, rows_cols: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        # Edges map to edges: the centre of a pixel is half a pixel from its edge.
        y_x = self._shares(rows_cols) * self.image_size - 0.5
        x_y = y_x if self.transposed else y_x[:, ::-1]
        return np.ascontiguousarray(x_y, dtype=np.float32)

    def _shares(self, rows_cols: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Turn places of the plane into shares of the rectangle's sides."""
        shares: npt.NDArray[np.float64] = (
            rows_cols - np.array(self.window[:2]) + 0.5
        ) / np.array([self.height, self.width])
        return shares

    def points_to_plane(self, x_y: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Turn ``(x, y)`` of the model, shape (n, 2), into ``(row, col)``."""
        scale = np.array([self.height, self.width]) / self.image_size
        x_y = np.asarray(x_y, dtype=np.float64).reshape(-1, 2)
        y_x = x_y if self.transposed else x_y[:, ::-1]
        rows_cols: npt.NDArray[np.float64] = (
            (y_x + 0.5) * scale - 0.5 + np.array(self.window[:2])
        )
        return rows_cols

    def cells(self, points: Sequence[Point], mask_size: int) -> npt.NDArray[np.intp]:
        """Say on which pixels of low-resolution logits places of the plane lie.

        Returns
        -------
        ndarray of int, shape (n, 2)
            ``(row, col)``; the nearest ones for places outside of the view.
        """
        cells = self._shares(_rows_cols(points)) * mask_size
        return np.clip(cells.astype(np.intp), 0, mask_size - 1)

    def logits_scale_translate(
        self, mask_size: int
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """How an array of low-resolution logits lies over the plane.

        Returns
        -------
        scale, translate : tuple of float
            Of rows and columns: pixel ``i`` of the logits has its centre at
            ``i * scale + translate`` of the plane.
        """
        scale = (self.height / mask_size, self.width / mask_size)
        translate = (
            self.window[0] + scale[0] / 2 - 0.5,
            self.window[1] + scale[1] / 2 - 0.5,
        )
        return scale, translate


def _rows_cols(points: Sequence[Point]) -> npt.NDArray[np.float64]:
    return np.array([p[:2] for p in points], dtype=np.float64).reshape(-1, 2)
