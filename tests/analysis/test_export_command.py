"""The export as napari offers it: the writer, and the command with its dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Labels
from npe2 import PluginManager, PluginManifest
from qtpy.QtWidgets import QFileDialog

from napari_sam2.viewer import export

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

DATA = np.array([[0, 1, 1], [2, 2, 0]], dtype=np.uint16)


class Viewer(ViewerModel):  # type: ignore[misc, unused-ignore]
    """A viewer with all but the window, which the dialog asks for as its parent."""

    @property
    def window(self) -> None:
        return None


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[str]]:
    """Answer the dialog; returns the names that it suggested."""

    def patch(path: str, kind: str) -> list[str]:
        suggested: list[str] = []

        def ask(_: Any, __: str, name: str, ___: str) -> tuple[str, str]:
            suggested.append(name)
            return path, kind

        monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
        return suggested

    return patch


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    messages: list[str] = []
    for name in ("show_info", "show_warning", "show_error"):
        monkeypatch.setattr(export, name, messages.append)
    return messages


@pytest.mark.parametrize("extension", [".tif", ".tiff", ".png"])
def test_napari_saves_labels_with_our_writer(tmp_path: Path, extension: str) -> None:
    PluginManager.instance().discover(include_npe1=False)
    path = tmp_path / f"a{extension}"
    assert Labels(DATA).save(str(path), plugin="napari-sam2") == [str(path)]
    (layer,) = ViewerModel().open(path, plugin="napari", layer_type="labels")
    np.testing.assert_array_equal(layer.data, DATA, strict=True)


def test_the_writer_takes_the_pixel_size_from_the_layer(tmp_path: Path) -> None:
    layer = Labels(DATA, scale=(-2, 0.5), units=("µm", "µm"))
    data, attributes, _ = layer.as_layer_data_tuple()
    export.write_labels(str(tmp_path / "a.tif"), data, attributes)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        resolution = tiff.pages.first.get_resolution("micrometer")
    assert resolution == pytest.approx((2.0, 0.5))


def test_lengths_are_told_in_the_unit_of_the_columns() -> None:
    layer = Labels(DATA[None], scale=(1, 2, 500), units=("s", "µm", "nm"))
    sizes, unit = export.pixel_size(layer.scale, layer.units)
    assert sizes == pytest.approx((1, 2000, 500))
    assert unit == "nanometer"


@pytest.mark.parametrize(
    ("typed", "kind", "written"),
    [
        ("cells.tif", "TIFF (*.tif *.tiff)", "cells.tif"),
        ("cells", "PNG (*.png)", "cells.png"),
        ("cells", "", "cells.tif"),
    ],
)
def test_the_command_exports_the_active_labels(
    tmp_path: Path,
    qtbot: QtBot,
    answer: Callable[[str, str], list[str]],
    told: list[str],
    typed: str,
    kind: str,
    written: str,
) -> None:
    viewer = Viewer()
    viewer.add_labels(np.zeros_like(DATA), name="other")
    viewer.layers.selection.active = viewer.add_labels(DATA, name="cells: a/b")
    viewer.add_labels(np.zeros_like(DATA), name="on top")
    viewer.layers.selection.active = viewer.layers["cells: a/b"]
    suggested = answer(str(tmp_path / typed), kind)
    worker = export.export_labels(viewer)
    qtbot.waitUntil(lambda: bool(told))
    assert told == [f"Labels saved as {tmp_path / written}."]
    assert suggested == ["cells- a-b.tif"]
    (layer,) = ViewerModel().open(
        tmp_path / written, plugin="napari", layer_type="labels"
    )
    np.testing.assert_array_equal(layer.data, DATA)
    assert worker is not None


def test_without_active_labels_the_topmost_that_is_seen_is_meant() -> None:
    viewer = ViewerModel()
    viewer.add_labels(DATA, name="under")
    seen = viewer.add_labels(DATA, name="seen")
    viewer.add_labels(DATA, name="truth", visible=False)
    viewer.add_image(DATA)
    assert export.labels_to_export(viewer) is seen


def test_without_labels_the_command_says_so(told: list[str]) -> None:
    assert export.export_labels(Viewer()) is None
    assert told == ["There are no labels to export yet: point at an object first."]


def test_thinking_better_of_it_writes_nothing(
    qtbot: QtBot, answer: Callable[[str, str], list[str]], told: list[str]
) -> None:
    viewer = Viewer()
    viewer.add_labels(DATA)
    answer("", "")
    assert export.export_labels(viewer) is None
    assert not told


def test_what_cannot_be_written_is_told_once(
    tmp_path: Path,
    qtbot: QtBot,
    answer: Callable[[str, str], list[str]],
    told: list[str],
) -> None:
    viewer = Viewer()
    viewer.add_labels(np.stack([DATA, DATA]))
    answer(str(tmp_path / "a.png"), "PNG (*.png)")
    export.export_labels(viewer)
    qtbot.waitUntil(lambda: bool(told))
    (message,) = told
    assert "save them as TIFF" in message
    assert not list(tmp_path.iterdir())


def test_the_command_is_in_a_menu_of_napari() -> None:
    menus = PluginManifest.from_distribution("napari-sam2").contributions.menus
    commands = [item.command for item in menus["napari/file/io_utilities"]]
    assert commands == ["napari-sam2.export_labels"]
