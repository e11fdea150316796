"""What the user chose is there the next time, whatever became of the file."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import npe2
import pytest
from napari.settings import get_plugin_settings, get_settings

from napari_sam2.annotation.marks import Tool
from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.viewer.controller import existing_controller
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.preferences import (
    DEFAULTS,
    Preferences,
    _read,
    preferences,
)
from napari_sam2.viewer.remember import (
    keys_from_text,
    keys_to_text,
    remembered_controller,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari.components import ViewerModel

    from tests.viewer.fakes import FakeSegmenter


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """Make the program forget what it has read, as at a new start."""
    from napari import settings

    def forget() -> None:
        preferences().flush()
        settings._clear_plugin_settings_cache()
        _read.cache_clear()

    forget()
    yield forget
    preferences().reset()
    forget()


@pytest.fixture
def file(forget: Callable[[], None]) -> Path:
    path = get_plugin_settings("napari-sam2").config_path
    assert path.parent == get_settings().config_path.parent
    return path


def test_there_is_one_of_them_for_all_threads(forget: Callable[[], None]) -> None:
    """The model is loaded while the widget opens, and both ask for the first time."""
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: preferences(), range(8)))
    assert all(one is found[0] for one in found)


def test_the_manifest_declares_what_the_program_asks_for() -> None:
    manifest = npe2.PluginManifest.from_distribution("napari-sam2")
    declared = manifest.contributions.configurations
    assert declared is not None
    assert {
        group: {name: one.default for name, one in category.properties.items()}
        for group, category in declared.items()
    } == DEFAULTS
    for category in declared.values():
        for one in category.properties.values():
            assert one.description


def test_a_preference_outlives_the_program(
    file: Path, forget: Callable[[], None]
) -> None:
    preferences()["palette"] = "outline"
    preferences()["collect"] = True
    forget()
    assert preferences()["palette"] == "outline"
    assert preferences()["collect"] is True
    assert preferences()["model"] == "starter"
    preferences().reset()
    forget()
    assert preferences()["palette"] == "object"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"- a\n- list\n",
        b"look: {palette: outline",
        b"\xff\xfe\x00damaged",
        b"look: 7\n",
        b"look:\n  palette: of another version\n  unknown: 3\n",
        b"work:\n  collect: [1, 2]\nfuture: {}\n",
    ],
)
def test_a_damaged_file_is_nobodys_problem(
    file: Path, forget: Callable[[], None], content: bytes
) -> None:
    file.write_bytes(content)
    forget()
    for group in DEFAULTS.values():
        for name, value in group.items():
            assert preferences()[name] == value
    preferences()["palette"] = "outline"
    forget()
    assert preferences()["palette"] == "outline"


def test_what_napari_damaged_files_hold_is_put_aside(
    file: Path, forget: Callable[[], None]
) -> None:
    file.write_text("nonsense")
    forget()
    preferences()
    assert file.with_name(f"{file.name}.damaged").read_text() == "nonsense"


def test_where_it_cannot_be_written_it_lasts_as_long_as_the_program(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    chosen = preferences()
    monkeypatch.setattr(type(get_plugin_settings("napari-sam2")), "save", full)
    chosen["palette"] = "outline"
    chosen.flush()
    assert chosen["palette"] == "outline"


def test_it_is_written_aside_and_whole_or_not_at_all(
    file: Path, forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    preferences()["palette"] = "outline"
    preferences().flush()
    before = file.read_text()
    plugin = type(get_plugin_settings("napari-sam2"))
    save = plugin.save
    written_by: list[int] = []

    def killed(self: Any, path: Any) -> None:
        save(self, path)
        written_by.append(threading.get_ident())
        path.write_text(path.read_text()[:7])
        raise OSError("the disk is gone")

    monkeypatch.setattr(plugin, "save", killed)
    preferences()["collect"] = True
    preferences().flush()
    assert written_by != []
    assert threading.get_ident() not in written_by
    assert file.read_text() == before


def test_without_naparis_store_values_are_kept_in_memory() -> None:
    told: list[str] = []
    chosen = Preferences()
    chosen.changed.connect(told.append)
    chosen["collect"] = True
    chosen["collect"] = True
    assert (chosen["collect"], told) == (True, ["collect"])
    chosen.reset()
    assert chosen["collect"] is False


def test_a_change_in_naparis_preferences_is_told(forget: Callable[[], None]) -> None:
    told: list[str] = []
    preferences().changed.connect(told.append)
    get_plugin_settings("napari-sam2").work.collect = True
    assert told == ["collect"]
    assert preferences()["collect"] is True
    forget()
    assert preferences()["collect"] is True


@pytest.mark.parametrize("key", ["#", "Control-U", "=", "-"])
def test_keys_are_read_as_they_were_written(key: str) -> None:
    own = {"undo": key, "collect": "F7"}
    assert keys_from_text(keys_to_text(own)) == own
    assert keys_from_text("  nonsense undo= =Q collect=F7") == {"collect": "F7"}


def test_a_tool_begins_as_the_user_left_it(
    viewer: ViewerModel,
    segmenter: FakeSegmenter,
    forget: Callable[[], None],
    tmp_path: Path,
) -> None:
    chosen = preferences()
    for name, value in (
        ("collect", True),
        ("sharpen", "always"),
        ("tool", "box"),
        ("min_area", 30.0),
        ("threshold", 0.5),
    ):
        chosen[name] = value
    # Neither is on this machine: it begins all the same, without a download.
    for model in ("sam2.1-large", "no such model", str(tmp_path / "gone.pt")):
        chosen["model"] = model
        chosen["engine"] = "no such engine"
        controller = remembered_controller(
            viewer, segmenter_factory=lambda *_: segmenter
        )
        try:
            controller.session.wait()
            assert controller.session.model == "starter"
            assert controller.modes.collect
            assert controller.modes.sharpen
            assert controller.tools.tool is Tool.BOX
            assert controller.session.engine == "auto"
            assert controller.session.next_refinement == Refinement(0.5, min_area=30)
            assert remembered_controller(viewer) is controller
            # napari's own Preferences reach a tool that is open only with its widget.
            chosen["collect"] = False
            assert controller.modes.collect
            chosen["collect"] = True
        finally:
            controller.close()


def test_what_is_chosen_in_the_widget_is_kept(
    make_napari_viewer: Callable[..., Any],
    control: Callable[[Any], Any],
    segmenter: FakeSegmenter,
    qtbot: Any,
    forget: Callable[[], None],
) -> None:
    viewer = make_napari_viewer()
    controller = control(viewer)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    qtbot.waitUntil(lambda: controller.session.model == "starter")
    widget.collect.click()
    widget.sharpen.click()
    controller.actions["lasso"]()
    widget.engine.activated.emit(1)
    KEYMAP.assign("collect", "#")
    widget.refine.smoothing.setValue(1.5)
    widget.refine.fill_holes.setChecked(True)
    widget.refine.colors.activated.emit(1)
    chosen = preferences()
    assert (chosen["smoothing"], chosen["fill_holes"]) == (1.5, True)
    assert chosen["palette"] == "color-blind safe"
    assert chosen["collect"] is True
    assert chosen["sharpen"] == ("always" if controller.modes.sharpen else "never")
    assert chosen["tool"] == "lasso"
    assert chosen["engine"] == widget.engine.itemData(1)
    assert chosen["model"] == "starter"
    assert chosen["keys"] == "collect=#"
    # A model that a script asks for is not what the user wants tomorrow.
    segmenter.model = "sam2.1-tiny"
    loaded: list[str] = []
    controller.session.model_changed.connect(loaded.append)
    controller.session.set_model("sam2.1-tiny")
    qtbot.waitUntil(lambda: loaded == ["sam2.1-tiny"])
    assert chosen["model"] == "starter"
    segmenter.model = "sam2.1-small"
    number = widget.model.findData("sam2.1-small")
    widget.model.activated.emit(number)
    qtbot.waitUntil(lambda: loaded[1:] == ["sam2.1-small"])
    assert chosen["model"] == "sam2.1-small"
    # And napari's own Preferences are followed.
    get_plugin_settings("napari-sam2").work.collect = False
    assert not widget.collect.isChecked()
    get_plugin_settings("napari-sam2").work.threshold = -2
    assert widget.refine.value.text() == "-2.00"
    assert controller.session.next_refinement == Refinement(-2, 1.5, True)
    get_plugin_settings("napari-sam2").work.tool = "scribble"
    assert controller.tools.tool is Tool.SCRIBBLE
    get_plugin_settings("napari-sam2").look.keys = "collect=F7"
    assert KEYMAP["collect"].key == "F7"
    widget.release()
    assert existing_controller(viewer) is None
    chosen["collect"] = True
    assert not controller.modes.collect
