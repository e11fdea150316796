"""Arrays from image files, for those who work without a window."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["is_rgb", "open_image", "read_image"]


_WHOLE = 1 << 30
"""Bytes up to which a compressed TIFF is read as a whole."""


def read_image(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read an image or labels: TIFF, NumPy, or whatever imageio knows.

    Parameters
    ----------
    path : path-like
        A file on this machine.

    Returns
    -------
    ndarray
        With the shape and the type of the file.

    Raises
    ------
    ImageError
        If there is no such file, or it is not an image.
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError(f"There is no file “{path}”.")
    with _as_image_error(path):
        return _read(path)


@contextmanager
def _as_image_error(path: Path) -> Iterator[None]:
    """Give what goes wrong in reading one type: every library has its own."""
    try:
        yield
    except Exception as error:
        raise ImageError(
            f"“{path}” cannot be read as an image: {str(error) or type(error).__name__}"
        ) from error


def _read(path: Path) -> npt.NDArray[Any]:
    import numpy as np

    extension = path.suffix.lower()
    if extension in (".tif", ".tiff"):
        import tifffile

        return np.asarray(tifffile.imread(path))
    if extension == ".npy":
        return np.asarray(np.load(path, allow_pickle=False))
    import imageio.v3

    return np.asarray(imageio.v3.imread(path))


def open_image(path: str | os.PathLike[str]) -> list[Any]:
    """Open an image, one that is larger than memory as well.

    Parameters
    ----------
    path : path-like
        A file; or a folder that is a zarr array, or a group with several resolutions,
        OME-Zarr say.

    Returns
    -------
    list of array_like
        Its resolutions, the full one first; what need not be read yet is not.

    Raises
    ------
    ImageError
        If there is no such file, or it is not an image.
    """
    path = Path(path)
    if not path.exists():
        raise ImageError(f"There is no file “{path}”.")
    with _as_image_error(path):
        levels = _opened(path)
    if levels[0].ndim < 2 or 0 in levels[0].shape:
        raise ImageError(f"“{path}” is no image: its shape is {levels[0].shape}.")
    return levels


def is_rgb(shape: tuple[int, ...]) -> bool:
    """Whether napari takes an array of this shape for RGB or RGBA."""
    return len(shape) > 2 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 30


def _opened(path: Path) -> list[Any]:
    import numpy as np

    if path.is_dir():
        return _resolutions(path)
    extension = path.suffix.lower()
    if extension == ".npy":
        return [np.load(path, mmap_mode="r", allow_pickle=False)]
    if extension in (".tif", ".tiff"):
        import tifffile

        try:
            return [tifffile.memmap(path, mode="r")]
        except ValueError:
            # It is compressed, or in pieces.
            return _tiff_levels(path)
    return [_read(path)]


def _tiff_levels(path: Path) -> list[Any]:
    """Read a TIFF as a whole, or if that is too much, a tile at a time."""
    import tifffile
    import zarr

    file = tifffile.TiffFile(path)
    series = file.series[0]
    if series.size * series.dtype.itemsize <= _WHOLE:
        with file:
            return [series.asarray()]
    tiles = series.aszarr()
    weakref.finalize(tiles, file.close)
    found: Any = zarr.open(tiles, mode="r")
    if isinstance(found, zarr.Array):
        return [found]
    return [found[str(number)] for number in range(len(list(found.array_keys())))]


def _resolutions(path: Path) -> list[Any]:
    import zarr

    found = zarr.open(path, mode="r")
    if isinstance(found, zarr.Array):
        return [found]
    about: Any = found.attrs.get("ome", found.attrs)
    if "multiscales" in about:
        names = [one["path"] for one in about["multiscales"][0]["datasets"]]
        return [found[name] for name in names]
    names = sorted(found.array_keys())
    if not names:
        raise ValueError("there is no array in it")
    return sorted((found[name] for name in names), key=lambda one: -one.size)
