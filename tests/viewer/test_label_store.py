"""A Labels layer as the place where objects are kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.errors import LabelsError
from napari_sam2.viewer.label_store import LayerLabels, _change

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

    from napari_sam2.annotation.changes import PixelChange

BLOCK = (np.array([1, 1, 2, 2]), np.array([3, 4, 3, 4]))
FAR = (np.array([7, 7]), np.array([0, 1]))


@pytest.fixture(autouse=True, params=["pixel by pixel", "as a brush does"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a few pixels in both ways, of which one is for many."""
    if request.param == "as a brush does":
        monkeypatch.setattr("napari_sam2.viewer.label_store._MANY", 1)
        monkeypatch.setattr("napari_sam2.viewer.label_store._SPARSE", 100)


@pytest.fixture
def layer(viewer: ViewerModel) -> Labels:
    return viewer.add_labels(np.zeros((9, 9), np.uint16))


@pytest.fixture
def edits(store: LayerLabels) -> list[list[PixelChange]]:
    edits: list[list[PixelChange]] = []
    store.edited.connect(edits.append)
    return edits


@pytest.fixture
def store(layer: Labels) -> LayerLabels:
    return LayerLabels(layer)


def test_a_write_is_one_item_of_naparis_undo(layer: Labels, store: LayerLabels) -> None:
    store.write(BLOCK, 5)
    store.write(FAR, np.array([1, 2]))
    np.testing.assert_array_equal(store.read(FAR), [1, 2])
    layer.undo()
    np.testing.assert_array_equal(store.read(FAR), [0, 0])
    np.testing.assert_array_equal(store.read(BLOCK), [5] * 4)
    layer.undo()
    assert not layer.data.any()
    layer.redo()
    np.testing.assert_array_equal(store.read(BLOCK), [5] * 4)


def test_what_is_written_into_a_stack_is_seen_on_its_plane(
    viewer: ViewerModel,
) -> None:
    layer = viewer.add_labels(np.zeros((3, 9, 9), np.uint16))
    store = LayerLabels(layer)
    viewer.dims.set_current_step(0, 1)
    for plane in (0, 1):
        store.write((np.full(4, plane), *BLOCK), 5 + plane)
    np.testing.assert_array_equal(layer._slice.image.raw[BLOCK], [6] * 4)
    assert np.unique(layer.data[0][BLOCK]).tolist() == [5]
    layer.undo()
    layer.undo()
    assert not layer.data.any()
    assert not layer._slice.image.raw.any()


def test_what_is_to_be_preserved_is_written_all_the_same(
    layer: Labels, store: LayerLabels
) -> None:
    store.write(BLOCK, 5)
    layer.preserve_labels = True
    store.write(BLOCK, 6)
    np.testing.assert_array_equal(store.read(BLOCK), [6] * 4)


def test_what_is_read_is_a_copy(store: LayerLabels) -> None:
    values = store.read(BLOCK)
    values[:] = 9
    assert store.max_id() == 0


@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize(
    ("dtype", "value", "grown"),
    [
        (np.uint8, 255, np.uint8),
        (np.uint8, 256, np.uint16),
        (np.uint16, 70_000, np.uint32),
        (np.int8, 130, np.uint8),
    ],
)
def test_ids_that_need_more_room_get_it_and_undo_still_fits(
    viewer: ViewerModel, dtype: Any, value: int, grown: Any, visible: bool
) -> None:
    layer = viewer.add_labels(np.zeros((9, 9), dtype), visible=visible)
    store = LayerLabels(layer)
    store.write(FAR, 7)
    store.write(BLOCK, value)
    assert layer.data.dtype == grown
    np.testing.assert_array_equal(store.read(BLOCK), [value] * 4)
    np.testing.assert_array_equal(store.read(FAR), [7, 7])
    layer.undo()
    np.testing.assert_array_equal(store.read(BLOCK), [0] * 4)
    layer.undo()
    assert not layer.data.any()


def test_only_what_others_do_is_told(
    layer: Labels, store: LayerLabels, edits: list[list[PixelChange]]
) -> None:
    store.write(BLOCK, 5)
    assert edits == []
    layer.brush_size = 1
    layer.paint((1, 3), 8)
    (change,) = edits.pop()
    np.testing.assert_array_equal(change.where, [1 * 9 + 3])
    np.testing.assert_array_equal(change.before, [5])
    np.testing.assert_array_equal(change.after, [8])


def test_a_stroke_is_told_once_when_it_is_finished(
    layer: Labels, store: LayerLabels, edits: list[list[PixelChange]]
) -> None:
    before = layer.data.copy()
    layer.brush_size = 3
    with layer.block_history():
        layer.paint((2, 2), 4)
        assert store.busy
        layer.paint((3, 4), 4)
        assert edits == []
    assert not store.busy
    (changes,) = edits
    painted = layer.data.copy()
    for change in reversed(changes):
        change.revert(store)
    np.testing.assert_array_equal(layer.data, before)
    for change in changes:
        change.apply(store)
    np.testing.assert_array_equal(layer.data, painted)


@pytest.mark.parametrize("n_edit_dimensions", [2, 3])
def test_fill_and_eraser_in_a_stack(
    viewer: ViewerModel, n_edit_dimensions: int
) -> None:
    data = np.zeros((4, 9, 9), np.uint16)
    data[1:3, 2:5, 2:5] = 3
    layer = viewer.add_labels(data.copy())
    viewer.dims.set_current_step(0, 2)
    layer.n_edit_dimensions = n_edit_dimensions
    store = LayerLabels(layer)
    edits: list[list[PixelChange]] = []
    store.edited.connect(edits.append)
    layer.fill((2, 3, 3), 6)
    layer.paint((2, 3, 3), 0)
    assert len(edits) == 2
    assert (layer.data != data).any()
    for changes in reversed(edits):
        for change in reversed(changes):
            change.revert(store)
    np.testing.assert_array_equal(layer.data, data)


def test_the_form_in_which_older_naparis_told_of_strokes() -> None:
    atom = ((np.array([1, 2]), np.array([0, 0])), np.array([0, 4]), 7)
    change = _change((3, 3), atom)
    np.testing.assert_array_equal(change.where, [3, 6])
    np.testing.assert_array_equal(change.before, [0, 4])
    np.testing.assert_array_equal(change.after, [7])
    whole = SimpleNamespace(
        slice_key=(slice(1, 3), slice(0, 2)),
        mask=None,
        old_values=np.array([[0, 1], [2, 3]]),
        new_value=9,
    )
    change = _change((3, 3), whole)
    np.testing.assert_array_equal(change.where, [3, 4, 6, 7])
    np.testing.assert_array_equal(change.before, [0, 1, 2, 3])


def test_labels_that_take_nothing_say_so(viewer: ViewerModel) -> None:
    frozen = np.zeros((9, 9), np.uint16)
    frozen.flags.writeable = False
    store = LayerLabels(viewer.add_labels(frozen, name="frozen"))
    with pytest.raises(LabelsError, match="“frozen” could not be written"):
        store.write(BLOCK, 1)
    assert not store.writing


def test_what_is_known_of_new_labels_holds_until_they_are_not_empty(
    layer: Labels,
) -> None:
    store = LayerLabels(layer, largest=0)
    assert store.max_id() == 0
    store.write(BLOCK, 5)
    assert store.max_id() == 5
    other = LayerLabels(layer, largest=5)
    layer.paint((1, 3), 8)
    assert other.max_id() == 8


def test_a_closed_store_listens_no_longer(
    layer: Labels, store: LayerLabels, edits: list[list[PixelChange]]
) -> None:
    store.close()
    layer.paint((1, 3), 8)
    assert edits == []
