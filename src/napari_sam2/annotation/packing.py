"""Arrays as short text: run lengths, zlib, base64."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "pack_array",
    "pack_mask",
    "pack_runs",
    "pack_values",
    "unpack_array",
    "unpack_mask",
    "unpack_runs",
    "unpack_values",
]

_Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]

# Runs are short already: what the higher levels save is not worth their time.
_LEVEL = 1


def pack_array(array: npt.NDArray[Any]) -> dict[str, Any]:
    """Pack any array of numbers."""
    array = np.ascontiguousarray(array)
    text = b64encode(zlib.compress(array.data, _LEVEL)).decode("ascii")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "zlib": text}


def unpack_array(packed: dict[str, Any]) -> npt.NDArray[Any]:
    """Undo :func:`pack_array`."""
    flat = np.frombuffer(zlib.decompress(b64decode(packed["zlib"])), packed["dtype"])
    return flat.reshape(packed["shape"])


def pack_runs(places: _Ints) -> dict[str, Any]:
    """Pack indices as runs of consecutive ones, in the order they are in.

    Parameters
    ----------
    places : ndarray of unsigned int, shape (n,)
        Those of an object are some hundred runs, whatever its area.
    """
    # Unsigned differences wrap around, and are not 1 then.
    starts = np.flatnonzero(np.diff(places) != 1) + 1
    starts = np.concatenate([[0], starts]) if places.size else starts
    lengths = np.diff(np.append(starts, places.size))
    first = places[starts].astype(np.int64)
    both = np.stack([np.diff(first, prepend=0), lengths])
    return {"dtype": places.dtype.str, "runs": pack_array(both)}


def unpack_runs(
    packed: dict[str, Any],
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Undo :func:`pack_runs`."""
    steps, lengths = unpack_array(packed["runs"])
    before = np.cumsum(lengths) - lengths
    offsets = np.repeat(np.cumsum(steps) - before, lengths)
    places = offsets + np.arange(offsets.size)
    return np.asarray(places, dtype=packed["dtype"])


def pack_values(values: _Ints) -> dict[str, Any]:
    """Pack ids as runs of equal ones."""
    starts = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate([[0], starts]) if values.size else starts
    lengths = np.diff(np.append(starts, values.size)).astype(np.int64)
    if lengths.size == 1:
        return {"dtype": values.dtype.str, "of": int(values[0]), "n": int(lengths[0])}
    return {
        "dtype": values.dtype.str,
        "values": pack_array(values[starts]),
        "lengths": pack_array(lengths),
    }


def unpack_values(packed: dict[str, Any]) -> _Ints:
    """Undo :func:`pack_values`."""
    if "of" in packed:
        return np.full(packed["n"], packed["of"], dtype=packed["dtype"])
    values = unpack_array(packed["values"])
    return np.repeat(values, unpack_array(packed["lengths"])).astype(packed["dtype"])


def pack_mask(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Pack a mask of any shape."""
    flat = mask.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        edges = np.concatenate([[0], edges])
    if flat.size and flat[-1]:
        edges = np.append(edges, flat.size)
    return {"shape": list(mask.shape), "edges": pack_array(np.diff(edges, prepend=0))}


def unpack_mask(packed: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Undo :func:`pack_mask`."""
    edges = np.cumsum(unpack_array(packed["edges"]))
    flat = np.zeros(int(np.prod(packed["shape"])) + 1, dtype=np.int8)
    flat[edges[::2]] += 1
    flat[edges[1::2]] -= 1
    mask: npt.NDArray[np.bool_] = np.cumsum(flat[:-1], dtype=np.int8).astype(bool)
    return mask.reshape(packed["shape"])
