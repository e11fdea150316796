"""The dock widget: it follows, it says what is going on, it lets go."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtTest import QTest

from napari_sam2.annotation.status import Phase, Status
from napari_sam2.models.catalog import CATALOG
from napari_sam2.viewer.controller import existing_controller
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.status_area import StatusArea
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.widget import SegmentationWidget
    from tests.viewer.fakes import FakeSegmenter


# Milliseconds; for machines that are busy with other things.
PATIENCE = 20_000


@pytest.fixture
def window(
    make_napari_viewer: Callable[..., Any],
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Any],
) -> Any:
    viewer = make_napari_viewer()
    viewer.add_image(image, name="cells")
    control(viewer)
    return viewer


@pytest.fixture
def widget(window: Any, qtbot: QtBot) -> SegmentationWidget:
    _, widget = window.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    qtbot.waitUntil(
        lambda: widget.session.status.phase is Phase.READY, timeout=PATIENCE
    )
    return widget


def texts(chooser: Any) -> list[str]:
    return [chooser.itemText(number) for number in range(chooser.count())]


def keep(widget: SegmentationWidget, place: tuple[int, int]) -> None:
    widget.session.click(*place)
    widget.session.wait()


def test_it_starts_by_itself_on_the_image_in_the_viewer(
    widget: SegmentationWidget, window: Any
) -> None:
    assert widget.image.currentText() == "cells"
    assert widget.labels.currentText() == "New: cells · labels"
    assert widget.model.currentText() == CATALOG["starter"].title
    assert widget.tool.isChecked()
    # No proxy: an attribute costs twenty times as much through one.
    assert widget.controller.viewer is window
    assert len(window.layers) == 1


def test_without_an_image_it_says_what_to_do(
    make_napari_viewer: Callable[..., Any], control: Callable[[Any], Any], qtbot: QtBot
) -> None:
    viewer = make_napari_viewer()
    control(viewer)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    qtbot.waitUntil(lambda: "image" in widget.status.text.text(), timeout=PATIENCE)
    assert not widget.image.isEnabled()
    assert not widget.new_labels.isEnabled()
    assert not widget.export.isEnabled()


def test_the_choosers_follow_the_layer_list(
    widget: SegmentationWidget, window: Any, image: np.ndarray[Any, Any]
) -> None:
    other = window.add_image(image[::-1], name="others")
    assert texts(widget.image) == ["others", "cells"]
    assert widget.image.currentText() == "others"
    other.name = "renamed"
    assert texts(widget.image) == ["renamed", "cells"]
    assert widget.labels.currentText() == "New: renamed · labels"
    widget.image.setCurrentIndex(1)
    widget.image.activated.emit(1)
    assert widget.controller.choices.image is window.layers["cells"]
    window.layers.remove("cells")
    assert texts(widget.image) == ["renamed"]
    assert widget.image.currentText() == "renamed"
    window.layers.clear()
    assert texts(widget.image) == ["No image"]


def test_labels_can_be_chosen_and_made(widget: SegmentationWidget, window: Any) -> None:
    mine = window.add_labels(np.zeros((200, 240), np.uint8), name="mine")
    assert texts(widget.labels) == ["mine", "New: cells · labels"]
    assert widget.labels.currentText() == "mine"
    widget.labels.activated.emit(1)
    assert widget.controller.choices.labels is None
    keep(widget, A)
    assert not mine.data.any()
    assert widget.labels.currentText() == "cells · labels"
    QTest.mouseClick(widget.new_labels, Qt.MouseButton.LeftButton)
    assert widget.labels.currentText() == "cells · labels [1]"
    assert widget.export.isEnabled()


def test_the_model_can_be_chosen_and_stays_if_the_new_one_cannot_be_had(
    widget: SegmentationWidget,
    qtbot: QtBot,
    segmenter: FakeSegmenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    titles = texts(widget.model)
    assert len(titles) == len(CATALOG) + 1
    number = list(CATALOG).index("sam2.1-tiny")
    assert "156 MB to download" in titles[number]
    keep(widget, A)
    segmenter.model = "sam2.1-tiny"
    widget.model.activated.emit(number)
    qtbot.waitUntil(lambda: widget.session.model == "sam2.1-tiny", timeout=PATIENCE)
    assert widget.model.currentIndex() == number
    assert widget.controller.choices.labels.data.any()  # type: ignore[union-attr]

    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    widget.session._inference._loader._factory = _no_segmenter
    widget.model.activated.emit(0)
    qtbot.waitUntil(lambda: bool(shown), timeout=PATIENCE)
    assert len(shown) == 1
    assert widget.model.currentIndex() == number
    assert widget.session.status.phase is Phase.READY


def test_a_checkpoint_of_ones_own_can_be_opened(
    widget: SegmentationWidget,
    qtbot: QtBot,
    segmenter: FakeSegmenter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(b"weights")
    answers = iter([("", ""), (str(path), "")])
    monkeypatch.setattr(
        "napari_sam2.viewer.choosers.QFileDialog.getOpenFileName",
        lambda *_: next(answers),
    )
    widget.model.activated.emit(len(CATALOG))
    assert widget.model.currentText() == CATALOG["starter"].title
    segmenter.model = "mine"
    widget.model.activated.emit(len(CATALOG))
    qtbot.waitUntil(lambda: widget.session.model == "mine", timeout=PATIENCE)
    assert widget.model.currentText() == "mine.pt"
    assert texts(widget.model)[-1] == "Open a checkpoint…"


def test_a_model_that_a_script_brought_along_is_named(
    widget: SegmentationWidget,
) -> None:
    widget.model.refresh("of my own making")
    assert widget.model.currentText() == "of my own making"
    widget.model.activated.emit(widget.model.currentIndex())
    widget.model.refresh("starter")
    assert "of my own making" not in texts(widget.model)


def _no_segmenter(*_: Any) -> Any:
    raise RuntimeError("no memory left")


def test_buttons_do_what_their_keys_do(widget: SegmentationWidget, window: Any) -> None:
    def press(button: Any) -> None:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    for name in ("done", "drop", "undo", "redo", "collect", "sharpen"):
        assert KEYMAP[name].keys in getattr(widget, name).toolTip()
    for tool, button in widget.tools.buttons.items():
        assert KEYMAP[tool.value].keys in button.toolTip()
    assert not widget.done.isEnabled()
    assert not widget.undo.isEnabled()
    widget.collect.click()
    keep(widget, A)
    assert "not kept yet" in widget.object.text()
    assert widget.done.isEnabled()
    press(widget.done)
    assert window.layers["cells · labels"].data.any()
    assert not widget.done.isEnabled()
    assert widget.object.text() == "1 object"
    press(widget.undo)
    assert not window.layers["cells · labels"].data.any()
    press(widget.redo)
    assert window.layers["cells · labels"].data.any()
    widget.collect.click()
    widget.overlap.activated.emit(1)
    assert not widget.controller.modes.collect
    assert widget.session.overwrite
    keep(widget, B)
    assert widget.object.text().startswith("Object 2 · score 0.90")
    press(widget.drop)
    assert widget.object.text() == "2 objects"


def test_what_is_painted_is_found_anew_by_a_button(
    widget: SegmentationWidget, window: Any, qtbot: QtBot
) -> None:
    height = widget.sizeHint().height()
    layer = widget.controller.workspace.new_labels()
    labels = np.array(layer.data)
    labels[A[0] : A[0] + 9, A[1] : A[1] + 9] = 7
    layer.data = labels
    session = widget.session
    qtbot.waitUntil(lambda: session.row(7) is not None, timeout=PATIENCE)
    assert widget.object.text() == "1 object"
    assert widget.find_anew.isHidden()
    widget.controller.commands.next_object()
    assert widget.object.text() == "Object 7 · painted"
    assert not widget.find_anew.isHidden()
    assert KEYMAP["find_anew"].keys in widget.find_anew.toolTip()
    assert widget.sizeHint().height() == height
    QTest.mouseClick(widget.find_anew, Qt.MouseButton.LeftButton)
    session.wait()
    assert (layer.data == 7).sum() > 1500
    assert widget.object.text().startswith("Object 7 · score")
    assert widget.find_anew.isHidden()
    session.undo()
    np.testing.assert_array_equal(layer.data, labels)


def test_the_switch_and_the_keys_know_of_each_other(
    widget: SegmentationWidget, qtbot: QtBot
) -> None:
    widget.tool.click()
    assert not widget.controller.modes.active
    qtbot.waitUntil(lambda: widget.status.text.text() == "Off", timeout=PATIENCE)
    assert KEYMAP["toggle"].keys in widget.status.detail.text()
    widget.controller.actions["toggle"]()
    assert widget.tool.isChecked()
    widget.controller.actions["collect"]()
    assert widget.collect.isChecked()
    widget.controller.actions["overwrite"]()
    assert widget.overlap.currentText() == "Paint over other objects"
    widget.controller.actions["sharpen"]()
    assert widget.sharpen.isChecked()
    assert widget.session.sharpen


def test_while_a_layer_is_edited_the_tool_says_that_it_waits(
    widget: SegmentationWidget, window: Any
) -> None:
    labels = widget.controller.workspace.new_labels()
    window.layers.selection.active = labels
    labels.mode = "paint"  # type: ignore[union-attr]
    assert "Pan/zoom mode of “cells · labels”" in widget.status.detail.text()
    labels.mode = "pan_zoom"  # type: ignore[union-attr]
    assert "Point at" in widget.status.detail.text()


def test_a_notice_is_read_before_the_next_hint(widget: SegmentationWidget) -> None:
    keep(widget, A)
    # The same place again: every pixel belongs to the object that is there.
    keep(widget, A)
    assert "another object" in widget.status.detail.text()


def test_the_status_keeps_its_height_and_the_widget_its_width(qtbot: QtBot) -> None:
    area = StatusArea()
    qtbot.addWidget(area)
    area.resize(260, area.sizeHint().height())
    heights, widths = set(), set()
    long = "The computation failed because of a great many things. " * 5
    for phase in Phase:
        for progress in (None, 0.3):
            area.show_status(Status(phase, long, progress, cancellable=True))
            area.show_hint(long)
            area._refresh()
            heights.add(area.sizeHint().height())
            widths.add(area.minimumSizeHint().width() <= 260)
    assert len(heights) == 1
    assert widths == {True}


def test_a_long_sentence_takes_both_lines(qtbot: QtBot) -> None:
    area = StatusArea()
    qtbot.addWidget(area)
    area.resize(260, area.sizeHint().height())
    area.show()
    why = "“cells” could not be read. Check that its file is still there."
    area.show_hint("Point at something and click")
    area.show_status(Status(Phase.FAILED, why))
    assert f"{area.text.text()} {area.detail.text()}" == why
    assert area.text.toolTip() == area.detail.toolTip() == why
    area.show_status(Status(Phase.READY, "Ready"))
    assert area.text.text() == "Ready"
    assert area.detail.text() == "Point at something and click"


def test_what_is_over_in_a_moment_is_not_shown(qtbot: QtBot) -> None:
    area = StatusArea()
    qtbot.addWidget(area)
    area.show_status(Status(Phase.READY, "Ready"))
    area.show_status(Status(Phase.ENCODING, "Encoding", 0.2))
    assert area.text.text() == "Ready"
    area.show_status(Status(Phase.READY, "Ready again"))
    assert area.text.text() == "Ready again"
    area.show_status(Status(Phase.ENCODING, "Encoding", 0.2, cancellable=True))
    qtbot.waitUntil(lambda: area.text.text() == "Encoding", timeout=PATIENCE)
    assert not area.bar.isHidden()
    assert not area.cancel.isHidden()
    area.show_status(Status(Phase.ENCODING, "Encoding", 0.9, cancellable=True))
    assert area.bar.value() == 900
    assert area.text.toolTip() == "Encoding"


def test_progress_is_painted_later_by_the_window(qtbot: QtBot) -> None:
    area = StatusArea()
    qtbot.addWidget(area)
    area.show()
    area.show_status(Status(Phase.DOWNLOADING, "Downloading", 0.1))
    qtbot.waitUntil(lambda: area.bar.isVisible(), timeout=PATIENCE)
    painted = Painted()
    area.bar.installEventFilter(painted)
    qtbot.waitUntil(lambda: painted.count > 0, timeout=PATIENCE)
    count = painted.count
    for progress in (0.2, None, 0.5):
        area.show_status(Status(Phase.DOWNLOADING, "Downloading", progress))
        area._refresh()
    assert painted.count == count
    assert area.bar.value() == 500
    qtbot.waitUntil(lambda: painted.count > count, timeout=PATIENCE)


class Painted(QObject):
    """Counts how often something is painted."""

    count = 0

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        self.count += event is not None and event.type() == QEvent.Type.Paint
        return False


def test_progress_can_be_cancelled(
    widget: SegmentationWidget,
    window: Any,
    qtbot: QtBot,
    segmenter: FakeSegmenter,
    image: np.ndarray[Any, Any],
) -> None:
    segmenter.hold_encode.clear()
    window.add_image(image[:, ::-1], name="others")
    qtbot.waitUntil(lambda: not widget.status.cancel.isHidden(), timeout=PATIENCE)
    QTest.mouseClick(widget.status.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: segmenter.cancelled == 1, timeout=PATIENCE)
    assert widget.session.status.phase is Phase.STOPPED
    assert "Stopped" in widget.status.text.text()


def test_it_follows_the_theme(widget: SegmentationWidget, window: Any) -> None:
    dark = widget.styleSheet()
    window.theme = "light"
    assert widget.styleSheet() != dark


def test_clicks_leave_the_keys_with_the_canvas(widget: SegmentationWidget) -> None:
    from qtpy.QtWidgets import QWidget

    children = widget.findChildren(
        QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly
    )
    for child in (*children, widget.status.cancel):
        policy = child.focusPolicy()
        assert not policy & Qt.FocusPolicy.ClickFocus, child
    for name in ("image", "labels", "model", "done", "tool", "collect", "export"):
        assert getattr(widget, name).focusPolicy() & Qt.FocusPolicy.TabFocus


@pytest.mark.parametrize("when", ["ready", "encoding"])
def test_a_closed_widget_leaves_nothing_behind(
    make_napari_viewer: Callable[..., Any],
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Any],
    qtbot: QtBot,
    segmenter: FakeSegmenter,
    when: str,
) -> None:
    viewer = make_napari_viewer()
    viewer.add_image(image, name="cells")
    if when == "encoding":
        segmenter.hold_encode.clear()
    controller = control(viewer)
    dock, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    if when == "ready":
        qtbot.waitUntil(
            lambda: controller.session.status.phase is Phase.READY, timeout=PATIENCE
        )
        keep(widget, A)
    else:
        qtbot.waitUntil(segmenter.encoding.is_set, timeout=PATIENCE)
    alive = weakref.ref(widget)
    dock.destroyOnClose()
    assert existing_controller(viewer) is None
    assert viewer.mouse_move_callbacks == []
    assert set(viewer.scene.overlays) == {"axes"}
    if when == "encoding":
        # Nobody let it go on: the close stopped it.
        qtbot.waitUntil(lambda: segmenter.cancelled == 1, timeout=PATIENCE)
    del dock, widget
    gc.collect()
    assert alive() is None

    # And it opens anew.
    segmenter.hold_encode.set()
    controller = control(viewer)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    qtbot.waitUntil(
        lambda: controller.session.status.phase is Phase.READY, timeout=PATIENCE
    )
    keep(widget, B)
    widget.release()


@pytest.mark.parametrize("when", ["ready", "encoding", "hovering"])
def test_a_viewer_closed_in_the_middle_of_anything(
    make_napari_viewer: Callable[..., Any],
    image: np.ndarray[Any, Any],
    control: Callable[[Any], Any],
    segmenter: FakeSegmenter,
    qtbot: QtBot,
    when: str,
) -> None:
    viewer = make_napari_viewer()
    viewer.add_image(image, name="cells")
    if when == "encoding":
        segmenter.hold_encode.clear()
    controller = control(viewer)
    viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    if when == "encoding":
        qtbot.waitUntil(segmenter.encoding.is_set, timeout=PATIENCE)
    else:
        qtbot.waitUntil(
            lambda: controller.session.status.phase is Phase.READY, timeout=PATIENCE
        )
    if when == "hovering":
        segmenter.seconds = 0.05
        controller.session.hover(*A)
        controller.session.click(*B)
    viewer.close()
    qtbot.waitUntil(lambda: existing_controller(viewer) is None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not controller.session._inference.busy, timeout=PATIENCE)


def test_the_engine_can_be_overruled(
    widget: SegmentationWidget, segmenter: FakeSegmenter, qtbot: QtBot
) -> None:
    # Of the two, this is what computes.
    assert widget.engine.currentText() == "Auto · torch"
    titles = texts(widget.engine)
    assert titles[1] == "torch"
    number = titles.index("ONNX Runtime")
    widget.engine.activated.emit(number)
    assert widget.session.engine == "onnxruntime"
    widget.engine.refresh()
    assert widget.engine.currentText() == "ONNX Runtime"
    qtbot.waitUntil(
        lambda: widget.session.status.phase is Phase.READY, timeout=PATIENCE
    )


def test_a_stack_can_be_prepared_by_a_button_and_a_plane_cannot(
    widget: SegmentationWidget,
    window: Any,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window.show()
    assert not widget.prepare.isVisible()
    window.add_image(np.zeros((3, 40, 50), np.uint8), name="stack")
    qtbot.waitUntil(widget.prepare.isVisible)
    assert widget.prepare.toolTip() == KEYMAP["prepare"].tooltip
    told: list[str] = []
    widget.session.notice.connect(told.append)
    widget.session.wait()
    monkeypatch.setenv("NAPARI_SAM2_CACHE_GB", "1")
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 1e9)
    QTest.mouseClick(widget.prepare, Qt.MouseButton.LeftButton)
    assert widget.session.preparing == (0, 3)
    qtbot.waitUntil(lambda: widget.status.text.text().startswith("Ready · preparing 0"))
    assert widget.status.cancel.isVisible()
    assert widget.status.bar.isVisible()
    QTest.mouseClick(widget.status.cancel, Qt.MouseButton.LeftButton)
    assert widget.session.preparing is None
    assert told == ["Stopped: 0 of 3 planes are ready."]
    assert not widget.status.cancel.isVisible()
