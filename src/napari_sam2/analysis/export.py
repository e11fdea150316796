"""Labels to files that other programs read, and that napari reads back alike."""

from __future__ import annotations

import math
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np

from napari_sam2.analysis.blocks import is_lazy
from napari_sam2.analysis.streaming import write_tiles, write_zarr
from napari_sam2.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    PixelSize = float | Sequence[float] | None

__all__ = ["EXTENSIONS", "atomically", "save_labels"]

_METERS = {
    "m": 1.0,
    "meter": 1.0,
    "cm": 1e-2,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "mm": 1e-3,
    "millimeter": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,  # the micro sign …
    "μm": 1e-6,  # … and the Greek letter, which looks the same
    "micron": 1e-6,
    "micrometer": 1e-6,
    "nm": 1e-9,
    "nanometer": 1e-9,
    "angstrom": 1e-10,
    "å": 1e-10,
    "pm": 1e-12,
    "picometer": 1e-12,
}

# Offsets of a classic TIFF are 32 bits wide; what is near gets 64.
_CLASSIC_TIFF_LIMIT = 2**32 - 2**25

# A TIFF stores a resolution as a fraction of two integers of 32 bits.
_TIFF_MOST_PER_UNIT = 2**32 - 1

# A PNG counts whole pixels in a meter, with 31 bits: down to half a nanometer.
_PNG_MOST_PER_METER = 2**31 - 1


def save_labels(
    path: str | os.PathLike[str],
    labels: npt.ArrayLike,
    *,
    pixel_size: PixelSize = None,
    unit: str | None = None,
) -> Path:
    """Write labels as TIFF, OME-Zarr, PNG or NumPy array, by the end of the path.

    The file appears under its name only when it is whole; an older file of
    that name stays as it was until then. What does not fit into memory is read, and
    written, a part at a time.

    Parameters
    ----------
    path : path-like
        Ends in ``.tif``, ``.tiff``, ``.zarr``, ``.png`` or ``.npy``.
    labels : array-like of int or bool, shape (..., rows, cols)
        0 is background; numpy, dask, zarr, or a level of labels on disk. TIFF and NumPy
        take any number of axes and keep the type (bool becomes uint8), OME-Zarr takes
        five. PNG takes two axes and ids up to 65,535, as uint8 or uint16; uint8 and
        uint16 stay what they are. What is large and lazy can be written as TIFF (tiles
        of a BigTIFF) and OME-Zarr only.
    pixel_size : float or sequence of float, optional
        Distance between neighboring pixels, for all axes or for each. Rows and
        columns go into the resolution of the TIFF or PNG, if it can hold them, all
        axes into the description of the TIFF and the OME-Zarr. Not stored in ``.npy``.
    unit : str, optional
        Unit of length of ``pixel_size``, such as ``"µm"`` or ``"nanometer"``.
        Without one, or with ``"pixel"``, a TIFF stores the bare numbers and a
        PNG, which has no place for them, nothing.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ExportError
        If the format cannot hold the labels, or the file cannot be written.
    """
    path = Path(path)
    lazy = is_lazy(labels)
    array = _integers(labels if lazy else np.asarray(labels))
    sizes = _sizes(pixel_size, array.ndim)
    extension = path.suffix.lower()
    if extension == ".zarr":
        _save_zarr(path, array, sizes, unit)
        return path
    if lazy and extension in (".png", ".npy"):
        raise ExportError(
            f"Labels of {' x '.join(f'{n:,}' for n in array.shape)} pixels are written "
            "a part at a time: save them as TIFF (.tif) or OME-Zarr (.zarr)."
        )
    write = _writer(extension, path, array, sizes, unit)
    atomically(path, write)
    return path


def _integers(array: Any) -> npt.NDArray[np.integer]:
    if array.dtype == bool and not is_lazy(array):
        array = array.astype(np.uint8)
    if not np.issubdtype(array.dtype, np.integer):
        raise ExportError(
            f"Labels are integers, but these are {array.dtype}: not written."
        )
    if array.ndim < 2 or 0 in array.shape:
        raise ExportError(f"Labels of shape {array.shape} are no image: not written.")
    return cast("npt.NDArray[np.integer]", array)


def _sizes(pixel_size: PixelSize, ndim: int) -> tuple[float, ...] | None:
    if pixel_size is None:
        return None
    given = np.atleast_1d(np.asarray(pixel_size, dtype=float)).tolist()
    sizes = tuple(given * ndim if len(given) == 1 else given)
    positive = all(math.isfinite(size) and size > 0 for size in sizes)
    if len(sizes) != ndim or not positive:
        raise ExportError(
            f"The pixel size must be a positive number, or one for each of the "
            f"{ndim} axes, not {pixel_size}."
        )
    return sizes


def _writer(
    extension: str,
    path: Path,
    array: npt.NDArray[np.integer],
    sizes: tuple[float, ...] | None,
    unit: str | None,
) -> Callable[[BinaryIO], None]:
    """Check that the format can hold the labels, before any file is touched."""
    meters = _meters(unit)
    if extension in (".tif", ".tiff"):
        return lambda file: _write_tiff(file, array, sizes, unit, meters)
    if extension == ".png":
        small = _for_png(array)
        return lambda file: _write_png(file, small, sizes, meters)
    if extension == ".npy":
        return lambda file: np.save(file, array, allow_pickle=False)
    raise ExportError(
        f"Cannot write labels to “{path.name}”: the name must end in "
        f"{', '.join(EXTENSIONS)}."
    )


EXTENSIONS = (".tif", ".tiff", ".zarr", ".png", ".npy")
"""Endings of the names of files that :func:`save_labels` writes."""


def _meters(unit: str | None) -> float | None:
    """Length of the unit; None if it is a bare number."""
    if unit is None or unit.lower() in ("", "pixel", "px", "dimensionless"):
        return None
    for name in (unit.lower(), unit.lower().removesuffix("s")):
        if name in _METERS:
            return _METERS[name]
        if name.replace("metre", "meter") in _METERS:
            return _METERS[name.replace("metre", "meter")]
    raise ExportError(
        f"The unit “{unit}” is not known; use one of m, cm, mm, µm, nm, pm, "
        "angstrom or inch."
    )


def _write_tiff(
    file: BinaryIO,
    array: npt.NDArray[np.integer],
    sizes: tuple[float, ...] | None,
    unit: str | None,
    meters: float | None,
) -> None:
    """Write a plain TIFF with one page for each plane.

    Neither of the flavors with axes is used: OME-TIFF and ImageJ's lose axes of
    length 1, take no 64-bit integers (ImageJ's no 32-bit ones), and want to
    know whether an axis is depth or time. tifffile notes the shape in the
    description, and reads it back from there.
    """
    import tifffile

    resolution: tuple[float, float] | None = None
    per: Literal["CENTIMETER", "NONE"] = "NONE"
    metadata: dict[str, object] = {}
    if sizes is not None:
        length = 1.0 if meters is None else meters / 1e-2
        per = "NONE" if meters is None else "CENTIMETER"
        row, col = sizes[-2] * length, sizes[-1] * length
        most = _TIFF_MOST_PER_UNIT
        if all(1 / most <= size <= most for size in (row, col)):
            resolution = (1 / col, 1 / row)
        metadata = {"spacing": list(sizes), "unit": unit or "pixel"}
    if is_lazy(array):
        write_tiles(
            file,
            array,
            resolution=resolution,
            resolutionunit=per if resolution else None,
            metadata=metadata,
            software="napari-sam2",
        )
        return
    tifffile.imwrite(
        file,
        array,
        photometric="minisblack",
        compression="zlib",
        bigtiff=array.nbytes > _CLASSIC_TIFF_LIMIT,
        resolution=resolution,
        resolutionunit=per if resolution else None,
        metadata=metadata,
        software="napari-sam2",
    )


def _for_png(array: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    if array.ndim != 2:
        raise ExportError(
            f"A PNG holds one plane, these labels have {array.ndim} axes: "
            "save them as TIFF (.tif)."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise ExportError(
            f"A PNG holds ids from 0 to 65,535, these labels have {low} to {high}: "
            "save them as TIFF (.tif)."
        )
    if array.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        return array
    return array.astype(np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16)


def _write_png(
    file: BinaryIO,
    array: npt.NDArray[np.integer],
    sizes: tuple[float, ...] | None,
    meters: float | None,
) -> None:
    from PIL import Image

    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    options: dict[str, object] = {}
    if sizes is not None and meters is not None:
        row, col = (1 / (size * meters) for size in sizes)
        if max(row, col) < _PNG_MOST_PER_METER:
            options["dpi"] = (col * 0.0254, row * 0.0254)
    Image.fromarray(native).save(file, format="PNG", **options)


def _save_zarr(
    path: Path,
    array: npt.NDArray[np.integer],
    sizes: tuple[float, ...] | None,
    unit: str | None,
) -> None:
    """Write a folder beside ``path``, then rename it."""
    if array.ndim > 5:
        raise ExportError(
            f"OME-Zarr has names for five axes, these labels have {array.ndim}: save "
            "them as TIFF (.tif)."
        )
    meters = _meters(unit)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    old = part.with_suffix(".old")
    try:
        write_zarr(part, array, sizes, None if meters is None else _named(unit))
        replaces = path.exists()
        if replaces:
            os.replace(path, old)
        try:
            os.replace(part, path)
        except OSError:
            if replaces:
                os.replace(old, path)
            raise
        # Not before the new one is there.
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _named(unit: str | None) -> str | None:
    """Return the name of a unit that OME-Zarr knows; one that it does not, as it is."""
    names = {"um": "micrometer", "µm": "micrometer", "μm": "micrometer"}
    names |= {"micron": "micrometer", "nm": "nanometer", "mm": "millimeter"}
    names |= {"m": "meter", "cm": "centimeter", "pm": "picometer", "å": "angstrom"}
    return unit and names.get(unit.lower(), unit)


def _failed(path: Path, error: OSError) -> ExportError:
    reason = error.strerror or str(error)
    return ExportError(
        f"Could not write “{path}”: {reason}. Choose another folder, or make room, "
        "and try again."
    )


def atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside ``path``, then rename: nobody ever sees half a file.

    Raises
    ------
    ExportError
        If that cannot be done.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        # Opened here, since files of the tempfile module are closed to others.
        with open(part, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink()
