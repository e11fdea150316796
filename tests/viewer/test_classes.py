"""Classes: their names, colors and keys, and where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam2.annotation.objects import Notes
from napari_sam2.viewer.class_colors import NO_CLASS
from napari_sam2.viewer.classes import METADATA, PALETTE, stored_classes
from napari_sam2.viewer.features import COLUMNS, notes_in
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.widget import SegmentationWidget
from tests.viewer.conftest import A, B, C
from tests.viewer.hand import LEFT, Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel

    from napari_sam2.viewer.class_bar import ClassBar
    from napari_sam2.viewer.controller import Controller


def keys_of(viewer: ViewerModel) -> set[str]:
    return {str(key) for key in viewer.keymap}


def rgb(color: str) -> list[float]:
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def test_digits_belong_to_napari_until_there_are_classes(
    controller: Controller, viewer: ViewerModel
) -> None:
    assert not {"0", "1", "2"} & keys_of(viewer)
    controller.classes.add("nucleus")
    assert {"0", "1"} <= keys_of(viewer)
    assert "2" not in keys_of(viewer)
    controller.classes.remove("nucleus")
    assert not {"0", "1"} & keys_of(viewer)


def test_a_digit_that_the_user_has_given_away_stays_so(
    controller: Controller, viewer: ViewerModel
) -> None:
    before = KEYMAP.own
    try:
        KEYMAP.assign("next", "1")
        controller.classes.add("nucleus")
        assert [action.key for action in controller.classes.actions] == ["0"]
    finally:
        KEYMAP.restore(before)


def test_a_key_names_the_current_object_and_new_ones(controller: Controller) -> None:
    session = controller.session
    controller.classes.add("nucleus")
    controller.classes.add("debris")
    session.click(*A)
    controller.actions["class_2"]()
    session.click(*B)
    controller.actions["class_1"]()
    controller.actions["class_0"]()
    session.click(*C)
    session.wait()
    assert [session.notes(n).category for n in (1, 2, 3)] == ["debris", None, None]
    session.undo()
    session.undo()
    session.wait()
    assert session.notes(2).category == "nucleus"


def test_classes_are_kept_in_the_layer_and_go_on_to_the_next(
    viewer: ViewerModel, controller: Controller
) -> None:
    controller.session.click(*A)
    controller.session.wait()
    controller.classes.add("nucleus")
    first = controller.choices.labels
    assert stored_classes(first) == controller.classes.all
    controller.workspace.new_labels()
    second = controller.choices.labels
    assert second is not first
    assert stored_classes(second) == controller.classes.all
    controller.classes.add("debris")
    assert len(stored_classes(first)) == 1
    controller.choices.labels = first
    assert controller.classes.names == ["nucleus"]


def test_other_metadata_stays(controller: Controller) -> None:
    controller.session.click(*A)
    controller.session.wait()
    layer = controller.choices.labels
    layer.metadata = {"theirs": 1, METADATA: {"else": 2}}
    controller.classes.add("nucleus")
    assert layer.metadata["theirs"] == 1
    assert layer.metadata[METADATA]["else"] == 2


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "x",
        {},
        {"classes": 3},
        {"classes": [3, None, {"name": ""}, {"color": "#ffffff"}]},
    ],
)
def test_damaged_metadata_is_no_class(viewer: ViewerModel, stored: Any) -> None:
    layer = viewer.add_labels(np.zeros((3, 3), int), metadata={METADATA: stored})
    assert stored_classes(layer) == ()


def test_a_name_without_a_color_gets_one(viewer: ViewerModel) -> None:
    stored = {"classes": ["a", {"name": "b", "color": "red"}, {"name": "a"}]}
    layer = viewer.add_labels(np.zeros((3, 3), int), metadata={METADATA: stored})
    assert [(one.name, one.color) for one in stored_classes(layer)] == [
        ("a", PALETTE[0]),
        ("b", PALETTE[1]),
    ]


def test_renaming_a_class_renames_it_for_its_objects(controller: Controller) -> None:
    session, classes = controller.session, controller.classes
    for place in (A, B, C):
        session.click(*place)
    session.classify([1, 2], "a")
    session.classify([3], "b")
    session.wait()
    assert classes.names == ["a", "b"]
    classes.rename("a", "c")
    assert classes.names == ["c", "b"]
    assert [session.notes(n).category for n in (1, 2, 3)] == ["c", "c", "b"]
    # To the name of another one: they are one from then on.
    classes.rename("c", "b")
    assert classes.names == ["b"]
    assert {session.notes(n).category for n in (1, 2, 3)} == {"b"}
    session.undo()
    session.wait()
    assert [session.notes(n).category for n in (1, 2, 3)] == ["c", "c", "b"]
    assert set(classes.names) == {"b", "c"}


def test_colors_differ_as_long_as_there_are_some(controller: Controller) -> None:
    for _ in range(len(PALETTE)):
        controller.classes.add()
    colors = [one.color for one in controller.classes.all]
    assert len(set(colors)) == len(PALETTE) == 9
    assert len(set(controller.classes.names)) == 9


def test_labels_in_the_colors_of_their_classes_and_back(controller: Controller) -> None:
    session, colors = controller.session, controller.class_colors
    for place in (A, B):
        session.click(*place)
    session.classify([1], "nucleus")
    session.wait()
    layer = controller.choices.labels
    before = layer.colormap
    colors.on = True
    assert np.allclose(controller.workspace.color_of(1)[:3], rgb(PALETTE[0]), atol=0.01)
    assert np.allclose(controller.workspace.color_of(2)[:3], rgb(NO_CLASS), atol=0.01)
    # What comes next has the color of its class before it is known.
    session.category = "nucleus"
    colors.refresh()
    assert np.allclose(
        controller.workspace.color_of(77)[:3], rgb(PALETTE[0]), atol=0.01
    )
    session.undo()
    session.wait()
    colors.refresh()
    assert np.allclose(controller.workspace.color_of(1)[:3], rgb(NO_CLASS), atol=0.01)
    colors.on = False
    assert layer.colormap is before


def test_new_objects_of_the_next_class_need_no_new_colors(
    controller: Controller,
) -> None:
    session, colors = controller.session, controller.class_colors
    session.category = "nucleus"
    session.click(*A)
    session.wait()
    colors.on = True
    colors.refresh()
    told: list[int] = []
    colors.recolored.connect(lambda: told.append(1))
    layer = controller.choices.labels
    session.click(*B)
    session.review([1])
    session.wait()
    assert not colors._later.waits
    assert not told
    assert np.allclose(controller.workspace.color_of(2)[:3], rgb(PALETTE[0]), atol=0.01)
    assert layer.data[B] == 2
    session.classify([2], None)
    session.wait()
    colors.refresh()
    assert np.allclose(controller.workspace.color_of(2)[:3], rgb(NO_CLASS), atol=0.01)


def test_closing_gives_the_colors_back(controller: Controller) -> None:
    controller.session.click(*A)
    controller.session.wait()
    layer = controller.choices.labels
    before = layer.colormap
    controller.class_colors.on = True
    controller.close()
    assert layer.colormap is before


# ------------------------------------------------------------------------ features


def test_the_features_of_the_layer_are_the_table(controller: Controller) -> None:
    session = controller.session
    for place in (A, B):
        session.click(*place)
    session.classify([2], "nucleus")
    session.review([1])
    session.wait()
    controller.features.update()
    table = controller.choices.labels.features
    assert list(table) == list(COLUMNS)
    assert table["index"].tolist() == [1, 2]
    assert table["class"].fillna("").tolist() == ["", "nucleus"]
    assert table["reviewed"].tolist() == [True, False]
    assert table["prompts"].tolist() == [1, 1]
    assert table["area"].tolist() == [session.row(n).area for n in (1, 2)]


def test_what_others_say_of_the_objects_stays(controller: Controller) -> None:
    session = controller.session
    for place in (A, B, C):
        session.click(*place)
    session.wait()
    controller.features.update()
    layer = controller.choices.labels
    layer.features = {"index": [3, 1], "roundness": [0.3, 0.1]}
    session.delete([3])
    session.wait()
    controller.features.update()
    assert layer.features["index"].tolist() == [1, 2]
    np.testing.assert_array_equal(layer.features["roundness"], [0.1, np.nan])


def test_what_was_said_is_read_back_from_a_layer(
    viewer: ViewerModel, image: np.ndarray, control: Callable[[Any], Controller]
) -> None:
    viewer.add_image(image)
    viewer.add_labels(
        (image > 0).astype(np.uint8) * 4,
        features={
            "index": [4, 9],
            "class": ["nucleus", "not there any more"],
            "reviewed": [True, True],
        },
    )
    controller = control(viewer)
    session = controller.session
    session.wait()
    assert session.notes(4) == Notes("nucleus", reviewed=True)
    assert session.notes(9) == Notes()
    assert controller.classes.names == ["nucleus"]


def test_features_of_others_are_no_notes(viewer: ViewerModel) -> None:
    layer = viewer.add_labels(
        np.zeros((3, 3), int),
        features={"index": [1, 2, 3], "class": [1.5, None, "a"], "area": [1, 2, 3]},
    )
    assert notes_in(layer.features) == {3: Notes("a")}
    layer.features = {"class": ["a"]}
    assert notes_in(layer.features) == {}


# --------------------------------------------------------------------- in a window


@pytest.fixture
def bar(hand: Hand) -> Iterator[ClassBar]:
    """The classes of an unfolded list, in a window with one object."""
    widget = SegmentationWidget(hand.viewer)
    hand.viewer.window.add_dock_widget(widget, name="SAM 2")
    hand.click_and_wait(*A)
    QTest.mouseClick(widget.objects.header, LEFT)
    hand.wait(lambda: widget.objects.classes.isVisible())
    yield widget.objects.classes
    assert widget.objects.classes.editor is None


def write(bar: ClassBar, text: str, key: Any = Qt.Key.Key_Return) -> None:
    QTest.keyClicks(bar.editor, text)
    QTest.keyClick(bar.editor, key)


def test_a_class_is_added_named_and_used_by_its_key(bar: ClassBar, hand: Hand) -> None:
    QTest.mouseClick(bar.add, LEFT)
    write(bar, "nucleus")
    assert [button.text() for button in bar.buttons] == ["1 nucleus"]
    hand.native.setFocus()
    hand.key(Qt.Key.Key_1)
    hand.wait(lambda: hand.session.notes(1).category == "nucleus")
    assert bar.buttons[0].isChecked()
    hand.click_and_wait(*B)
    assert hand.session.notes(2).category == "nucleus"
    # A second click on it takes it back.
    QTest.mouseClick(bar.buttons[0], LEFT)
    hand.wait(lambda: hand.session.notes(2).category is None)
    assert not bar.buttons[0].isChecked()


def test_a_name_can_be_left_as_it_was(bar: ClassBar, hand: Hand) -> None:
    QTest.mouseClick(bar.add, LEFT)
    write(bar, "x", Qt.Key.Key_Escape)
    assert [button.text() for button in bar.buttons] == ["1 class 1"]
    QTest.mouseDClick(bar.buttons[0], LEFT)
    write(bar, "nucleus")
    assert hand.controller.classes.names == ["nucleus"]


def test_the_menu_of_a_class_renames_and_removes(bar: ClassBar, hand: Hand) -> None:
    hand.controller.classes.add("nucleus")
    hand.session.classify([1], "nucleus")
    rename, _, remove = bar.menu("nucleus").actions()
    rename.trigger()
    write(bar, "cell")
    assert hand.session.notes(1).category == "cell"
    remove = bar.menu("cell").actions()[2]
    remove.trigger()
    assert hand.session.notes(1).category is None
    assert bar.buttons == []
