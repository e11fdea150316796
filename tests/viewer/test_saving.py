"""Labels that are saved have their table beside them, and it is found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from npe2 import PluginManager, PluginManifest

from napari_sam2.analysis.table import read_table, table_path
from napari_sam2.annotation.objects import Notes
from napari_sam2.viewer.export import write_labels
from napari_sam2.viewer.features import notes_of
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_sam2.viewer.controller import Controller


@pytest.fixture(autouse=True)
def _plugins() -> None:
    """Let napari know this package, and its own readers."""
    manager = PluginManager.instance()
    manager.discover(include_npe1=False)
    if "napari-sam2" not in manager:
        manager.register(PluginManifest.from_distribution("napari-sam2"))


def annotated(controller: Controller) -> Any:
    session = controller.session
    for place in (A, B):
        session.click(*place)
    session.classify([1], "nucleus")
    session.review([2])
    session.wait()
    controller.features.update()
    return controller.choices.labels


def test_saving_with_napari_writes_labels_and_table(
    controller: Controller, tmp_path: Path
) -> None:
    layer = annotated(controller)
    layer.scale = (0.5, 0.5)
    path = tmp_path / "labels.tif"
    written = layer.save(str(path), plugin="napari-sam2")
    assert written == [str(path), str(table_path(path))]
    table = read_table(written[1])
    assert table["index"] == [1, 2]
    assert table["class"] == ["nucleus", ""]
    assert table["reviewed"] == [False, True]
    assert table["score"] == ["0.9", "0.9"]
    assert table["prompts"] == ["1", "1"]
    areas = [int(np.count_nonzero(layer.data == n)) for n in (1, 2)]
    assert table["area_pixels"] == list(map(str, areas))
    assert [float(area) for area in table["area"]] == [0.25 * area for area in areas]


def test_what_is_saved_right_after_a_click_is_in_the_table(
    qapp: object, controller: Controller, tmp_path: Path
) -> None:
    """With a window, the features of the layer follow a moment later."""
    session = controller.session
    session.click(*A)
    session.wait()
    controller.features.update()
    layer = controller.choices.labels
    session.click(*B)
    session.wait()
    assert len(layer.features) == 1
    _, table = layer.save(str(tmp_path / "labels.tif"), plugin="napari-sam2")
    assert read_table(table)["index"] == [1, 2]
    session.classify([2], "nucleus")
    controller.workspace.new_labels()
    assert notes_of(layer) == {2: Notes("nucleus")}


def test_the_status_line_leaves_out_what_nobody_said(
    viewer: ViewerModel, image: np.ndarray, control: Callable[[Any], Controller]
) -> None:
    viewer.add_image(image)
    painted = np.zeros(image.shape, np.uint8)
    painted[A] = 7
    layer = viewer.add_labels(painted)
    controller = control(viewer)
    controller.choices.labels = layer
    controller.session.click(*B)
    controller.session.wait()
    controller.features.update()
    assert "model: starter" in layer.get_status(B, world=True)["coordinates"]
    said = layer.get_status(A, world=True)["coordinates"]
    assert "area: 1" in said
    assert not {"class", "score", "model"} & set(said.replace(":", "").split())


def test_labels_of_which_nothing_is_said_get_no_table(tmp_path: Path) -> None:
    path = tmp_path / "labels.tif"
    assert write_labels(str(path), np.ones((3, 3), int), {}) == [str(path)]
    assert not table_path(path).exists()


def test_opened_again_they_are_what_they_were(
    viewer: ViewerModel,
    image: np.ndarray,
    control: Callable[[Any], Controller],
    tmp_path: Path,
) -> None:
    viewer.add_image(image, name="cells")
    controller = control(viewer)
    controller.session.wait()
    layer = annotated(controller)
    path = tmp_path / "labels.tif"
    layer.save(str(path), plugin="napari-sam2")
    viewer.layers.remove(layer)
    viewer.open(path, plugin="napari", layer_type="labels")
    session = controller.session
    session.wait()
    assert session.notes(1) == Notes("nucleus")
    assert session.notes(2) == Notes(reviewed=True)
    assert controller.classes.names == ["nucleus"]


def test_a_damaged_table_does_not_keep_labels_from_being_opened(
    viewer: ViewerModel,
    image: np.ndarray,
    control: Callable[[Any], Controller],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "labels.tif"
    write_labels(str(path), (image > 0).astype(np.uint8), {})
    table_path(path).write_text("nothing\n")
    viewer.add_image(image)
    viewer.open(path, plugin="napari", layer_type="labels")
    controller = control(viewer)
    controller.session.wait()
    assert controller.session.extents.labels == {1}
    assert "no table of objects" in caplog.text
