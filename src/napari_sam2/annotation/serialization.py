"""What a session knows, as plain JSON values and back.

Dataclasses are written field by field and read back by their annotations, so a
field that is added to one of them is covered as long as its type is. What is
referred to often (planes, pixel changes, objects) is written once, with a
number, and by that number from then on.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from napari_sam2.annotation import operations
from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.channels import Channel
from napari_sam2.annotation.field_types import field_types
from napari_sam2.annotation.objects import AnnotatedObject
from napari_sam2.annotation.operations import Operation
from napari_sam2.annotation.packing import (
    pack_array,
    pack_mask,
    pack_runs,
    pack_values,
    unpack_array,
    unpack_mask,
    unpack_runs,
    unpack_values,
)
from napari_sam2.annotation.plain import pack_plain, unpack_plain
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recall import RecalledMask, RecalledPrediction, outlined
from napari_sam2.errors import ImageError
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import MaskPrompt, Prompts
from napari_sam2.segmentation.view import BBox, View

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_sam2.segmentation.intensity import Contrast

__all__ = ["Packer", "Unpacker"]

_Json = Any

_LEFT_OUT: dict[type | None, set[str]] = {
    # What can only be had from the image itself.
    Plane: {"source", "image", "lazy", "describe"},
    Channel: {"image"},
    # Named by their digest; candidates that were not chosen are gone.
    Prediction: {"logits", "alternatives"},
}
_OPERATIONS: dict[str, type] = {
    name: getattr(operations, name)
    for name in operations.__all__
    if name != Operation.__name__
}
_NUMBERED = (Plane, PixelChange, AnnotatedObject)


class Packer:
    """Turns values into JSON, remembering what it has numbered.

    Attributes
    ----------
    defined : dict of str to list
        What got a number since :meth:`take_defined` was called last.
    """

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._planes: dict[str, int] = {}
        self._answers: set[bytes] = set()
        self._count = 0
        self.defined: dict[str, list[_Json]] = {}

    def take_defined(self) -> dict[str, list[_Json]]:
        """Return what was numbered since the last time."""
        defined, self.defined = self.defined, {}
        return defined

    def remember(self, thing: object, number: int) -> None:
        """Take note of the number that something has in the journal already."""
        self._numbers[thing] = number
        self._count = max(self._count, number + 1)

    def remember_plane(self, packed: dict[str, _Json], number: int) -> None:
        """Take note of the number that a plane has in the journal already."""
        content = {key: value for key, value in packed.items() if key != "id"}
        self._planes[json.dumps(content, sort_keys=True)] = number
        self._count = max(self._count, number + 1)

    def remember_answer(self, digest: bytes) -> None:
        """Take note that an answer is in the journal already."""
        self._answers.add(digest)

    def pack(self, value: Any) -> _Json:
        """Turn a value into JSON.

        Raises
        ------
        TypeError
            If values of its type were not thought of.
        """
        if isinstance(value, _NUMBERED):
            return self._numbered(value)
        if isinstance(value, MaskPrompt):
            return self._mask(value)
        if isinstance(value, Prediction):
            return self._prediction(value)
        if isinstance(value, tuple):
            return [self.pack(one) for one in value]
        if type(value) in _OPERATIONS.values():
            return {"kind": type(value).__name__, **self._fields(value)}
        if is_dataclass(value) and not isinstance(value, type):
            return self._fields(value, type(value))
        return pack_plain(value)

    def _fields(self, value: Any, kind: Any = None) -> dict[str, _Json]:
        """Pack the fields of a value, or those of a base class of its."""
        packed = {}
        for field in fields(kind or value):
            if not field.init or field.name in _LEFT_OUT.get(kind, ()):
                continue
            content = getattr(value, field.name)
            if not (field.default is not MISSING and _same(content, field.default)):
                packed[field.name] = self.pack(content)
        return packed

    def _numbered(self, thing: Any) -> int:
        if isinstance(thing, Plane):
            packed = self._fields(thing, Plane)
            text = json.dumps(packed, sort_keys=True)
            if text not in self._planes:
                self._planes[text] = self._define("planes", packed)
            return self._planes[text]
        number = self._numbers.get(thing)
        if number is None:
            if isinstance(thing, PixelChange):
                packed = _pack_change(thing)
            else:
                packed = self._fields(thing)
            kind = "changes" if isinstance(thing, PixelChange) else "objects"
            number = self._numbers[thing] = self._define(kind, packed)
        return number

    def _define(self, kind: str, packed: dict[str, _Json]) -> int:
        number = self._count
        self._count += 1
        self.defined.setdefault(kind, []).append({"id": number, **packed})
        return number

    def _mask(self, mask: MaskPrompt) -> _Json:
        view = None if mask.view is None else self.pack(mask.view)
        if mask.digest in self._answers:
            return {"answer": mask.digest.hex(), "view": view}
        return {"logits": pack_array(mask.logits), "view": view}

    def _prediction(self, found: Prediction) -> _Json:
        self._answers.add(found.digest)
        return {
            **self._fields(found, Prediction),
            "digest": found.digest.hex(),
            "bbox": list(found.bbox),
            "crop": pack_mask(found.crop),
        }


class Unpacker:
    """Turns JSON into values again.

    Parameters
    ----------
    plane : callable
        ``plane(described)`` returns the plane of the image at hand that is meant
        by one that nothing can be read from.

    Attributes
    ----------
    numbered : dict of int to object
        Everything that has a number.
    answers : dict of bytes to RecalledPrediction
        Every answer, by its digest.
    """

    def __init__(self, plane: Callable[[Plane], Plane]) -> None:
        self._plane = plane
        self.numbered: dict[int, Any] = {}
        self.answers: dict[bytes, RecalledPrediction] = {}

    def take_in(
        self,
        defined: dict[str, list[_Json]],
        before: RecalledPrediction | None = None,
    ) -> None:
        """Read what a record defines.

        Parameters
        ----------
        defined : dict
            What got a number in the record.
        before : RecalledPrediction, optional
            The answer that those of this record are closer looks at.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it does not make sense.
        """
        for packed in defined.get("planes", ()):
            described = self._fields(Plane, packed, source=_Nowhere())
            self.numbered[packed["id"]] = self._plane(described)
        for packed in defined.get("changes", ()):
            self.numbered[packed["id"]] = _unpack_change(packed)
        for packed in defined.get("objects", ()):
            self.numbered[packed["id"]] = self._object(packed, before)

    def unpack(self, kind: Any, packed: _Json) -> Any:
        """Read a value of a type, or of what an annotation allows."""
        if packed is None:
            return None
        if kind is AnnotatedObject:
            # One that was defined on a damaged line is not known, that is all.
            return self.numbered.get(packed)
        if kind in _NUMBERED:
            return self.numbered[packed]
        if kind is MaskPrompt:
            return self._mask(packed)
        if kind is Operation:
            return self._fields(_OPERATIONS[packed["kind"]], packed)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            some = [one for one in arguments if one is not type(None)]
            if len(some) > 1:
                return unpack_plain(kind, packed)
            return self.unpack(some[0], packed)
        if origin is tuple:
            if arguments[-1] is Ellipsis:
                return tuple(self.unpack(arguments[0], one) for one in packed)
            return tuple(map(self.unpack, arguments, packed))
        if isinstance(kind, type) and issubclass(kind, tuple):
            return kind(*map(self.unpack, field_types(kind).values(), packed))
        if isinstance(kind, type) and is_dataclass(kind):
            return self._fields(kind, packed)
        return unpack_plain(kind, packed)

    def _fields(self, kind: Any, packed: _Json, **known: Any) -> Any:
        hints = field_types(kind)
        read = {
            field.name: self.unpack(hints[field.name], packed[field.name])
            for field in fields(kind)
            if field.init and field.name in packed
        }
        return kind(**read, **known)

    def _object(
        self, packed: _Json, before: RecalledPrediction | None
    ) -> AnnotatedObject:
        prompts: Prompts = self.unpack(Prompts, packed["prompts"])
        plane: Plane = self.unpack(Plane, packed["plane"])
        prediction = self._prediction(packed["prediction"], prompts, before, plane.seen)
        hints = field_types(AnnotatedObject)
        rest = {
            field.name: self.unpack(hints[field.name], packed[field.name])
            for field in fields(AnnotatedObject)
            if field.name in packed and field.name not in ("prompts", "prediction")
        }
        return AnnotatedObject(prompts=prompts, prediction=prediction, **rest)

    def _prediction(
        self,
        packed: _Json,
        prompts: Prompts,
        before: RecalledPrediction | None,
        seen: tuple[Contrast | None, ...],
    ) -> RecalledPrediction:
        hints = field_types(Prediction)
        rest = {
            field.name: self.unpack(hints[field.name], packed[field.name])
            for field in fields(Prediction)
            if field.name in packed and field.name not in _LEFT_OUT[Prediction]
        }
        bbox, crop = tuple(packed["bbox"]), unpack_mask(packed["crop"])
        name = bytes.fromhex(packed["digest"])
        known = self.answers.get(name)
        if known is not None:
            # The first one says how the logits came about.
            prompts, before, seen = known.prompts, known.sharper_of, known.seen
        found = RecalledPrediction(
            logits=outlined(bbox, crop, rest["view"]),
            name=name,
            prompts=prompts,
            sharper_of=before,
            seen=seen,
            **rest,
        )
        found.__dict__["_cut"] = (bbox, crop)
        self.answers.setdefault(name, found)
        return found

    def _mask(self, packed: _Json) -> MaskPrompt:
        view = self.unpack(View, packed["view"])
        if "logits" in packed:
            return MaskPrompt(unpack_array(packed["logits"]), view)
        answer = self.answers[bytes.fromhex(packed["answer"])]
        return RecalledMask(answer.logits, view, answer)


def _pack_change(change: PixelChange) -> dict[str, _Json]:
    return {
        "shape": list(change.shape),
        "where": pack_runs(change.where),
        "before": pack_values(change.before),
        "after": pack_values(change.after),
    }


def _unpack_change(packed: dict[str, _Json]) -> PixelChange:
    return PixelChange(
        tuple(packed["shape"]),
        unpack_runs(packed["where"]),
        unpack_values(packed["before"]),
        unpack_values(packed["after"]),
    )


def _same(content: Any, default: Any) -> bool:
    if content is default:
        return True
    return type(content) is type(default) and bool(content == default)


class _Nowhere:
    """Where the pixels of a plane are that a journal describes."""

    shape = (0, 0)

    def read(
        self, window: BBox, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        raise ImageError("A journal knows of an image, but not its pixels: open it.")

    def overview(self) -> npt.NDArray[Any]:
        return self.read((0, 0, 0, 0))

    def moved(self, steps: tuple[int, ...]) -> _Nowhere:
        return self
