"""Everything that a session knows comes back from JSON as it was."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.annotation import operations
from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.channels import Channel
from napari_sam2.annotation.history import Edit, NotesChange, ObjectChange
from napari_sam2.annotation.objects import AnnotatedObject, Notes
from napari_sam2.annotation.operations import (
    Classify,
    Delete,
    Merge,
    Operation,
    Relabel,
    Review,
    Split,
)
from napari_sam2.annotation.origins import ImageOrigin
from napari_sam2.annotation.overlap import Overlap, OverlapRule
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.serialization import Packer, Unpacker
from napari_sam2.segmentation.intensity import Contrast
from napari_sam2.segmentation.points import Box, Point
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import MaskPrompt, Prompts
from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.segmentation.region import Region
from napari_sam2.segmentation.strokes import Lasso, Scribble
from napari_sam2.segmentation.view import PlaneIndex, View

_PLANE = replace(
    Plane.of_array(np.zeros((40, 60)), name="cells", limits=(0.5, 7.0), gamma=1.5),
    channels=(
        None,
        Channel(
            ImageOrigin("GFP", (3, 40, 60), "<u2", Path("/images/gfp.tif"), "cafe"),
            PlaneIndex((2, 0, 0), 1, 2),
            (10.0, 900.0),
            0.7,
            image=object(),
        ),
        None,
    ),
    seen=(None, Contrast(0.5, 7.0, 1.5), None),
)
_VIEW = View((40, 60), (5, 10, 35, 50), 64, transposed=True)


def _logits(seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(16, 16)).astype(np.float32)


_FULL = AnnotatedObject(
    label=3,
    prompts=Prompts(
        points=(Point(1.5, 2.25), Point(8.0, 9.0, inside=False)),
        box=Box(1.0, 2.0, 20.0, 30.0),
        mask=MaskPrompt(_logits(1), _VIEW),
        scribbles=(Scribble(((1.0, 2.0), (3.5, 4.0)), inside=False),),
        lassos=(Lasso(((1.0, 2.0), (9.0, 4.0), (5.0, 8.0))),),
        region=Region.of(np.eye(4, dtype=bool), 3, 5),
        answered=1,
        beyond=(Region.of(np.eye(3, dtype=bool), 36, 52),),
        choice=2,
    ),
    prediction=Prediction(
        0.75,
        _logits(2),
        _VIEW,
        Refinement(0.5, smoothing=1.5, fill_holes=True, min_area=9),
        rank=1,
    ),
    plane=_PLANE,
    model="weights",
    written=PixelChange.between(
        (40, 60), (np.array([1, 1, 2]), np.array([5, 6, 5])), np.array([0, 0, 2]), 3
    ),
    beyond=(Region.of(np.eye(2, dtype=bool), 36, 54),),
)


def _through_json(thing: Any, kind: Any) -> Any:
    packer = Packer()
    packed = packer.pack(thing)
    text = json.dumps(
        {"packed": packed, "defines": packer.take_defined()}, allow_nan=False
    )
    read = json.loads(text)
    unpacker = Unpacker(lambda plane: plane)
    unpacker.take_in(read["defines"])
    return unpacker.unpack(kind, read["packed"])


@pytest.mark.parametrize("kind", [AnnotatedObject, Prompts])
def test_the_example_has_a_value_in_every_field(kind: type) -> None:
    """A field that is new has to be given one here, so that it is covered below."""
    example = _FULL if kind is AnnotatedObject else _FULL.prompts
    empty = Prompts() if kind is Prompts else None
    for field in fields(kind):
        value = getattr(example, field.name)
        default = getattr(empty, field.name, None)
        assert value is not None, field.name
        assert value is not default, field.name
        assert not (isinstance(value, (int, tuple)) and value == default), field.name


def test_an_object_comes_back() -> None:
    found = _through_json(_FULL, AnnotatedObject)
    assert found.label == 3
    assert found.model == "weights"
    assert found.prompts == _FULL.prompts
    assert found.beyond == _FULL.beyond
    assert found.plane.index == _PLANE.index
    assert found.plane.limits == (0.5, 7.0)
    assert found.plane.gamma == 1.5
    assert found.plane.seen == _PLANE.seen
    channel, given = found.plane.channels[1], _PLANE.channels[1]
    assert channel is not None
    assert given is not None
    assert channel == replace(given, image=None)
    assert found.plane.array_shape == (40, 60)
    assert found.plane.name == "cells"
    for field in fields(PixelChange):
        np.testing.assert_array_equal(
            getattr(found.written, field.name), getattr(_FULL.written, field.name)
        )


def test_an_answer_comes_back_without_its_logits() -> None:
    answer = _FULL.prediction
    found = _through_json(_FULL, AnnotatedObject).prediction
    assert found.bbox == answer.bbox
    np.testing.assert_array_equal(found.crop, answer.crop)
    assert found.digest == answer.digest
    for field in fields(Prediction):
        if field.name not in ("logits", "alternatives"):
            assert getattr(found, field.name) == getattr(answer, field.name)
    assert found.as_prompt() == answer.as_prompt()


def test_an_edit_comes_back_with_what_it_shares() -> None:
    kept = _FULL
    assert kept.written is not None
    draft = replace(kept, written=None)
    edit = Edit(
        "Keep object 3",
        (kept.written,),
        draft,
        kept,
        (ObjectChange(3, None, kept),),
        notes=(NotesChange(3, Notes(), Notes("nucleus", reviewed=True)),),
        removed=(4,),
        operation=Split(3),
        largest=9,
        overlap=Overlap(OverlapRule.INSIDE, 5),
        number=7,
    )
    assert all(getattr(edit, field.name) for field in fields(Edit))
    found: Edit = _through_json(edit, Edit)
    assert found.title == edit.title
    for name in ("number", "notes", "removed", "operation", "largest", "overlap"):
        assert getattr(found, name) == getattr(edit, name)
    assert found.after is found.objects[0].after
    assert found.after is not None
    assert found.after.written is found.changes[0]
    assert found.before is not None
    assert not found.before.kept


def test_a_mask_that_is_no_earlier_answer_is_written_out() -> None:
    found = _through_json(_FULL, AnnotatedObject)
    np.testing.assert_array_equal(found.prompts.mask.logits, _FULL.prompts.mask.logits)


def test_a_mask_that_is_an_earlier_answer_is_named_only() -> None:
    answer = Prediction(0.9, _logits(5), _VIEW)
    first = replace(_FULL, prediction=answer)
    prompts = replace(_FULL.prompts, mask=answer.as_prompt())
    second = replace(_FULL, prompts=prompts)
    one, two = _through_json((first, second), tuple[AnnotatedObject, ...])
    assert two.prompts == prompts
    assert two.prompts.mask.answer is one.prediction


@given(
    st.builds(
        Prompts,
        points=st.lists(
            st.builds(
                Point,
                st.floats(allow_nan=False, allow_infinity=False),
                st.floats(allow_nan=False, allow_infinity=False),
                st.booleans(),
            ),
            max_size=4,
        ).map(tuple),
        scribbles=st.lists(
            st.builds(
                Scribble,
                st.lists(
                    st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
                    min_size=1,
                    max_size=3,
                ).map(tuple),
                st.booleans(),
            ),
            max_size=2,
        ).map(tuple),
        choice=st.none() | st.integers(0, 2),
    )
)
def test_prompts_come_back_to_the_last_bit(prompts: Prompts) -> None:
    assert _through_json(prompts, Prompts) == prompts


@pytest.mark.parametrize(
    "operation",
    [
        Delete((1, 2)),
        Merge((3, 1), into=1),
        Split(7),
        Relabel(3, 9),
        Classify((1,), "nucleus"),
        Review((4, 5)),
    ],
)
def test_operations_come_back(operation: Operation) -> None:
    assert _through_json(operation, Operation) == operation


def test_every_operation_is_tested() -> None:
    assert len(operations.__all__) == 6 + 1


def test_what_nobody_has_thought_of_fails_at_once() -> None:
    with pytest.raises(TypeError, match="Nobody has thought"):
        Packer().pack(object())
