"""Arrays from image files, for those who work without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["read_image"]


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
    try:
        return _read(path)
    except Exception as error:  # every library has its own
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
