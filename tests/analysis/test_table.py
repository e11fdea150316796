"""The table that goes with labels: true of the file that it lies beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from napari_sam2.analysis.table import (
    object_table,
    read_table,
    save_table,
    table_path,
)
from napari_sam2.errors import ExportError, LabelsError

if TYPE_CHECKING:
    from pathlib import Path


@given(
    nps.arrays(
        np.int32,
        nps.array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements=st.integers(-1, 4),
    )
)
def test_every_object_is_measured(labels: np.ndarray) -> None:
    table = object_table(labels, pixel_size=[3.0] * (labels.ndim - 2) + [0.5, 2])
    assert table["id"] == sorted(set(labels[labels > 0].tolist()))
    for row, label in enumerate(table["id"]):
        places = np.nonzero(labels == label)
        assert table["area_pixels"][row] == table["area"][row] == places[0].size
        for axis, at in enumerate(places):
            assert table[f"bbox-{axis}"][row] == at.min()
            assert table[f"bbox-{axis + labels.ndim}"][row] == at.max() + 1


def test_what_is_said_of_objects_is_in_their_rows() -> None:
    labels = np.array([[5, 5], [0, 9]])
    features: dict[str, Any] = {
        "index": np.array([9, 5, 3]),
        "class": ["a", "b", "gone"],
        "score": np.array([0.25, np.nan, 1], dtype=np.float32),
        "area": [0, 0, 0],
        "roundness": [1.5, 2.5, 3.5],
    }
    table = object_table(labels, features, pixel_size=(0.5, 0.5), unit="µm")
    assert table["id"] == [5, 9]
    assert table["class"] == ["b", "a"]
    assert table["score"] == ["", 0.25]
    assert table["area_pixels"] == [2, 1]
    assert table["area"] == [0.5, 0.25]
    assert table["unit"] == ["µm^2", "µm^2"]
    assert table["reviewed"] == ["", ""]
    assert table["roundness"] == [2.5, 1.5]


def test_scores_are_written_as_short_as_they_are(tmp_path: Path) -> None:
    features = {"index": [1], "score": np.array([0.1], dtype=np.float32)}
    path = save_table(tmp_path / "t.csv", object_table(np.ones((2, 2), int), features))
    assert path.read_text("utf-8").splitlines()[1].startswith("1,,,0.1,4,4.0,pixel,")


def test_a_table_comes_back(tmp_path: Path) -> None:
    features = {
        "index": [1, 2],
        "class": ['with, comma and "quotes"', "Zelle\nµ"],
        "reviewed": [True, False],
    }
    labels = np.array([[1, 2], [1, 2]])
    path = save_table(tmp_path / "t.csv", object_table(labels, features))
    back = read_table(path)
    assert {name: back[name] for name in features} == features


def test_a_spreadsheet_may_have_been_at_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,reviewed\n1.0,TRUE\n2,0\n", "utf-8-sig")
    assert read_table(path) == {"index": [1, 2], "reviewed": [True, False]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name\n",
        b"name\n3\n",
        b"id\nx\n",
        b"\xff\xfe\x00",
        b'id\n"1',
        b"id,class\n\n,",
    ],
)
def test_other_files_are_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(LabelsError, match="no table of objects"):
        read_table(path)
    with pytest.raises(LabelsError, match="no table of objects"):
        read_table(tmp_path / "missing.csv")


def test_a_table_of_nothing(tmp_path: Path) -> None:
    path = save_table(tmp_path / "t.csv", object_table(np.zeros((2, 2), int)))
    assert not any(read_table(path).values())


def test_it_lies_beside_the_labels(tmp_path: Path) -> None:
    assert table_path(tmp_path / "a.b.tif") == tmp_path / "a.b_objects.csv"
    with pytest.raises(ExportError):
        save_table(tmp_path / "missing" / "t.csv", {"id": []})
