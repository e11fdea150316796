"""Values that need no numbers, as plain JSON and back.

Dataclasses are written field by field and read back by their annotations. What is
referred to by its number is the concern of
:mod:`napari_sam2.annotation.serialization`.
"""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import numpy as np

from napari_sam2.annotation.field_types import field_types
from napari_sam2.annotation.packing import (
    pack_array,
    pack_mask,
    unpack_array,
    unpack_mask,
)

__all__ = ["pack_plain", "unpack_plain"]

_Json = Any


def pack_plain(value: Any) -> _Json:
    """Turn a value that needs no numbers into JSON."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return pack_mask(value) if value.dtype == bool else pack_array(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [pack_plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: pack_plain(getattr(value, field.name))
            for field in fields(value)
            if field.init
        }
    raise TypeError(f"Nobody has thought of how a {type(value)} is written.")


def unpack_plain(kind: Any, packed: _Json) -> Any:
    """Undo :func:`pack_plain`, given the type or its annotation."""
    origin, arguments = get_origin(kind), get_args(kind)
    if packed is None or kind is Any:
        return packed
    if origin in (Union, types.UnionType):
        some = [one for one in arguments if one is not type(None)]
        if len(some) == 1:
            return unpack_plain(some[0], packed)
        if all(one in (bool, int, float, str) for one in some):
            return packed
        raise TypeError(f"Nobody has thought of how one of {some} is read.")
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(unpack_plain(arguments[0], one) for one in packed)
        return tuple(map(unpack_plain, arguments, packed))
    if origin is np.ndarray or kind is np.ndarray:
        return unpack_mask(packed) if "edges" in packed else unpack_array(packed)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = field_types(kind)
        return kind(
            **{
                field.name: unpack_plain(hints[field.name], packed[field.name])
                for field in fields(kind)
                if field.init and field.name in packed
            }
        )
    if kind in (bool, int, float, str) or (
        isinstance(kind, type) and issubclass(kind, (Enum, Path))
    ):
        return kind(packed)
    raise TypeError(f"Nobody has thought of how a {kind} is read.")
