"""Arrays in a file, as quick to read as the disk is: the safetensors format.

Written by hand, so that the arrays go to the disk as they lie, while other threads run,
and come back where runtimes like them best, at multiples of 64 bytes: what computes
with whole registers may round differently elsewhere.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["read_tensors", "write_tensors"]

_ALIGNMENT = 64
_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
}
_NAMES = {kind: name for name, kind in _TYPES.items()}

# A header that claims to be longer is none.
_LONGEST_HEADER = 1 << 20


def write_tensors(
    path: Path, arrays: dict[str, npt.NDArray[Any]], about: dict[str, str]
) -> None:
    """Write arrays to a file.

    Parameters
    ----------
    path : Path
        Of the file.
    arrays : dict of str to ndarray
        Of numbers.
    about : dict of str to str
        Whatever one may want to know who finds the file.

    Raises
    ------
    OSError
        If it cannot be written.
    KeyError
        If an array is of a type that is not known here.
    """
    header: dict[str, Any] = {}
    checksum, start = 0, 0
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for name, array in whole.items():
        stop = start + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": array.shape,
            "data_offsets": [start, stop],
        }
        checksum = zlib.crc32(_bytes(array), checksum)
        start = stop
    header["__metadata__"] = {**about, "crc32": str(checksum)}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in whole.values():
            file.write(_bytes(array))


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of a file.

    Returns
    -------
    dict of str to ndarray
        As they were written; parts of one piece of memory.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is damaged, or no such file.
    """
    with path.open("rb", buffering=0) as file:
        try:
            header = _header(file)
            about = header.pop("__metadata__")
            size = max((one["data_offsets"][1] for one in header.values()), default=0)
            data = _aligned(size)
            if _read_into(file, data) != size or file.read(1):
                raise ValueError("it ends too early, or too late")
            if str(zlib.crc32(data.data)) != about["crc32"]:
                raise ValueError("its checksum is another one")
            return {name: _array(data, **one) for name, one in header.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def _header(file: BinaryIO | Any) -> dict[str, Any]:
    length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER:
        raise ValueError("it has no header")
    header: dict[str, Any] = json.loads(file.read(length))
    return header


def _array(
    data: npt.NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]
) -> npt.NDArray[Any]:
    start, stop = data_offsets
    array: npt.NDArray[Any] = data[start:stop].view(_TYPES[dtype]).reshape(shape)
    if array.ctypes.data % _ALIGNMENT == 0:
        return array
    moved: npt.NDArray[Any] = _aligned(array.nbytes).view(array.dtype).reshape(shape)
    moved[...] = array
    return moved


def _aligned(size: int) -> npt.NDArray[np.uint8]:
    """Memory of some bytes that begins at a multiple of the alignment."""
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size]


def _read_into(file: Any, data: npt.NDArray[np.uint8]) -> int:
    """Fill an array from a file, which may give less than it is asked for."""
    done = 0
    while done < len(data):
        got = file.readinto(data[done:].data)
        if not got:
            break
        done += got
    return done


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
