"""The model of the list: what it says, in which order, and how quickly."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.object_model import AREA, CLASS, ID, REVIEWED, ObjectModel
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.modeltest import ModelTester

    from tests.viewer.fakes import FakeSegmenter

ROLE = Qt.ItemDataRole


def color_of(label: int) -> np.ndarray:
    return np.array([label % 3 / 2, 0.5, 0, 1])


@pytest.fixture
def session(segmenter: FakeSegmenter, image: np.ndarray) -> Iterator[AnnotationSession]:
    session = AnnotationSession(segmenter_factory=lambda *_: segmenter)
    store = ArrayLabels(image.shape)
    store.array()[:2, :5] = 7
    store.array()[5:6, :5] = 9
    session.set_labels(store)
    session.set_plane(Plane.of_array(image))
    session.wait()
    yield session
    session.close()


@pytest.fixture
def model(session: AnnotationSession) -> Iterator[ObjectModel]:
    connections = Connections()
    yield ObjectModel(session, color_of, connections)
    connections.close()


def labels(model: ObjectModel) -> list[int]:
    return [model.label_at(row) for row in range(model.rowCount())]


def text(model: ObjectModel, row: int, column: int) -> str:
    return model.data(model.index(row, column))


def test_it_is_a_model_as_qt_wants_it(
    session: AnnotationSession, model: ObjectModel, qtmodeltester: ModelTester
) -> None:
    # Qt's own checks run through all that follows.
    qtmodeltester.check(model, force_py=True)
    session.click(*A)
    session.merge([9, 7])
    session.classify([10], "coin")
    session.wait()
    model.sort(AREA, Qt.SortOrder.DescendingOrder)
    session.undo()
    session.undo()
    session.wait()
    qtmodeltester.check(model, force_py=True)


def test_objects_from_before_and_new_ones_have_a_row(
    session: AnnotationSession, model: ObjectModel
) -> None:
    assert labels(model) == [7, 9]
    session.click(*A)
    session.wait()
    assert labels(model) == [7, 9, 10]
    assert [text(model, 0, column) for column in range(4)] == ["7", "", "", "10"]
    assert text(model, 2, 2) == "0.90"
    assert int(text(model, 2, AREA).replace(",", "")) == session.row(10).area
    session.delete([7])
    session.wait()
    assert labels(model) == [9, 10]
    session.undo()
    session.wait()
    assert labels(model) == [7, 9, 10]


def test_sorting_by_each_column(session: AnnotationSession, model: ObjectModel) -> None:
    session.click(*A)
    session.classify([9], "b")
    session.classify([10], "a")
    session.review([7])
    session.wait()
    up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
    orders = []
    for column in range(5):
        for order in (up, down):
            model.sort(column, order)
            orders.append(labels(model))
    assert orders == [
        [7, 9, 10],
        [10, 9, 7],
        [10, 9, 7],  # what has no class is last, both ways
        [9, 10, 7],
        [10, 7, 9],  # and so is what has no score
        [10, 7, 9],
        [9, 7, 10],
        [10, 7, 9],
        [9, 10, 7],
        [7, 9, 10],
    ]


def test_a_new_row_comes_where_the_order_wants_it(
    session: AnnotationSession, model: ObjectModel
) -> None:
    model.sort(AREA, Qt.SortOrder.DescendingOrder)
    session.click(*A)
    session.wait()
    assert labels(model) == [10, 7, 9]


def test_a_row_stays_while_it_changes(
    session: AnnotationSession, model: ObjectModel
) -> None:
    model.sort(REVIEWED)
    session.review([7])
    session.wait()
    assert labels(model) == [7, 9]


def test_class_and_tick_are_set_in_place(
    session: AnnotationSession, model: ObjectModel
) -> None:
    assert model.setData(model.index(0, CLASS), " nucleus ")
    checked = Qt.CheckState.Checked
    assert model.setData(model.index(1, REVIEWED), checked, ROLE.CheckStateRole)
    assert not model.setData(model.index(1, AREA), 5)
    assert session.notes(7).category == "nucleus"
    assert session.notes(9).reviewed
    index = model.index(1, REVIEWED)
    assert model.data(index, ROLE.CheckStateRole) == checked
    session.undo()
    session.undo()
    assert session.notes(7).category is None


def test_a_row_says_who_made_it(session: AnnotationSession, model: ObjectModel) -> None:
    session.click(*A)
    session.add(*B)
    session.wait()
    tip = model.data(model.index(2, ID), ROLE.ToolTipRole)
    assert "made by starter with 2 prompts" in tip
    assert "painted" in model.data(model.index(0, ID), ROLE.ToolTipRole)
    color = model.data(model.index(0, ID), ROLE.DecorationRole)
    assert color.getRgbF()[:2] == pytest.approx((0.5, 0.5), abs=0.01)


def test_ten_thousand_objects_stay_quick(
    session: AnnotationSession, model: ObjectModel
) -> None:
    store = ArrayLabels((1000, 1000))
    store.array()[...] = np.kron(
        np.arange(1, 10_001, dtype=np.uint16).reshape(100, 100),
        np.ones((10, 10), np.uint16),
    )
    session.set_labels(store)
    session.wait()
    assert model.rowCount() == 10_000
    start = perf_counter()
    session.delete([5000])
    session.wait()
    model.data(model.index(0, ID))
    session.undo()
    session.wait()
    one = perf_counter() - start
    assert labels(model)[4999] == 5000
    start = perf_counter()
    model.sort(AREA)
    whole = perf_counter() - start
    # Generous, for a machine that is busy: a widget for each row takes seconds.
    assert one < 0.25
    assert whole < 0.5
