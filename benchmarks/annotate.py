"""Ten real images, annotated in one session by a hand that knows the truth.

``python -m benchmarks annotate DIR [--out FOLDER]`` opens an image of each data set of
a folder as ``python -m napari_sam2.evaluation`` takes it, and outlines some objects of
each with a click, a box, a scribble or a lasso in turns, by real mouse and key events.
An object is corrected until its IoU with the truth is 0.8, or ten prompts are spent.
Printed are the prompts and the IoU of each object; left behind are the labels and, with
``--pictures``, the window at each stage of each image: opened, a mask under the mouse,
the first object kept, corrected, all done, the saved labels opened again. In the end
each session is replayed from its journal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.stage import Stage
    from napari_sam2.demo.robot import Robot
    from napari_sam2.evaluation.folder import Pair

    Mask = npt.NDArray[np.bool_]
    Path2D = list[tuple[float, float]]

__all__ = ["Outcome", "Pictures", "annotate", "choose_pairs"]

KINDS = ("point", "box", "scribble", "lasso")
_GOOD = 0.8
_MOST = 10  # prompts of an object
_SMALLEST = 50  # pixels of an object
_JOURNALS = "*.sam2.jsonl"


@dataclass
class Outcome:
    """What became of one object."""

    image: str
    kind: str
    area: int
    label: int = 0
    prompts: int = 0
    iou: float = 0.0


class Pictures:
    """Takes pictures of the window, in files that are numbered as it went.

    Parameters
    ----------
    folder : Path, optional
        Where they go; without one, none is taken.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._image, self._stages = "", 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def begin(self, image: str) -> None:
        """Take pictures of another image from now on."""
        self._image, self._stages = image, 0

    def take(self, stage: Stage, what: str, *, once: bool = False) -> None:
        """Take one, the window having come to rest.

        Parameters
        ----------
        stage : Stage
            With the window.
        what : str
            That it shows; a part of the name of the file.
        once : bool
            Only the first of its kind of each image.
        """
        if self._folder is None:
            return
        if once and any(self._folder.glob(f"{self._image}-?-{what}.png")):
            return
        self._stages += 1
        stage.rest(0.4)
        path = self._folder / f"{self._image}-{self._stages}-{what}.png"
        stage.viewer.screenshot(str(path), canvas_only=False, flash=False)


def choose_pairs(folder: Path, count: int) -> list[Pair]:
    """Choose the first image of each data set, those with colours or 16 bits first."""
    from napari_sam2.evaluation.folder import find_pairs

    firsts: dict[str, Pair] = {}
    for pair in find_pairs(folder):
        if pair.doubt is None:
            firsts.setdefault(pair.dataset, pair)

    def plain(pair: Pair) -> bool:
        words = (pair.modality + pair.dataset).lower()
        return not any(word in words for word in ("rgb", "16-bit", "stack", "lapse"))

    return sorted(firsts.values(), key=plain)[:count]


def annotate(
    pairs: list[Pair], objects: int, out: Path, pictures: Pictures
) -> list[Outcome]:
    """Annotate images one after the other in one window."""
    from benchmarks.stage import Stage
    from napari_sam2.demo.robot import Robot
    from napari_sam2.evaluation.folder import read_plane
    from napari_sam2.viewer.controller import controller_for

    stage = Stage(plugin=True)
    stage.viewer.layers.clear()
    controller = controller_for(stage.viewer)
    session = controller.session
    kinds = cycle(KINDS)
    outcomes: list[Outcome] = []
    for number, pair in enumerate(pairs, start=1):
        plane = read_plane(pair)
        truth = np.asarray(plane.labels)
        for layer in stage.viewer.layers:
            layer.visible = False
        (layer,) = stage.viewer.open(str(pair.image), plugin="napari")
        layer.name = f"{number} {pair.dataset}"
        stage.viewer.layers.selection.active = layer
        if plane.index is not None:
            stage.viewer.dims.set_current_step(0, plane.index)
        _fit(stage, truth.shape)
        stage.until(lambda: session.status.phase.name == "READY")
        name = f"{number:02d}-{pair.dataset}"
        pictures.begin(name)
        pictures.take(stage, "opened")
        robot = Robot(stage.viewer, layer)

        def in_plane(index: int | None = plane.index) -> npt.NDArray[Any]:
            labels = controller.choices.labels
            if labels is None:
                return np.zeros(truth.shape, int)  # noqa: B023
            data = np.asarray(labels.data)
            return data if index is None else data[index]

        for target in _targets(truth, objects):
            mask = truth == target
            outcome = Outcome(layer.name, next(kinds), int(mask.sum()))
            _outline(stage, session, robot, in_plane, mask, outcome, pictures)
            outcomes.append(outcome)
            print(
                f"{outcome.image:<28} {outcome.kind:<9} {outcome.area:>7} px "
                f"{outcome.prompts:>3} prompts  IoU {outcome.iou:.3f}",
                flush=True,
            )
        pictures.take(stage, "done")
        _save_and_reopen(stage, controller, out / f"{name}.tif", pictures)
    stage.close()
    return outcomes


def _fit(stage: Stage, shape: tuple[int, ...]) -> None:
    """Show an image as a whole, whatever else there is."""
    viewer, canvas = stage.viewer, stage.canvas
    viewer.camera.center = (0, (shape[0] - 1) / 2, (shape[1] - 1) / 2)
    viewer.camera.zoom = 0.95 * min(
        canvas.height() / shape[0], canvas.width() / shape[1]
    )
    stage.rest()


def _outline(
    stage: Stage,
    session: Any,
    robot: Robot,
    labels: Any,
    mask: Mask,
    outcome: Outcome,
    pictures: Pictures,
) -> None:
    """Make an object, and correct it."""
    from qtpy.QtCore import Qt

    from napari_sam2.demo.truth import deepest, iou, worst_error

    tools = _tools(stage)
    known = set(session.objects)
    tools.tool = _tool(outcome.kind)
    if outcome.kind == "point":
        place = deepest(mask)
        robot.move(*place)
        stage.until(lambda: session.preview is not None)
        pictures.take(stage, "under-the-mouse", once=True)
        robot.click(*place)
    else:
        robot.drag(_path(outcome.kind, mask))
    outcome.prompts = 1
    stage.until(lambda: not session.busy)
    tools.tool = _tool("point")
    new = set(session.objects) - known
    if not new:
        return
    outcome.label = max(new)
    pictures.take(stage, "kept", once=True)
    while True:
        found = labels() == outcome.label
        outcome.iou = max(outcome.iou, iou(found, mask))
        if iou(found, mask) >= _GOOD or outcome.prompts >= _MOST:
            break
        place, inside = worst_error(found, mask)
        robot.click(*place, shift=inside, right=not inside)
        outcome.prompts += 1
        stage.until(lambda: not session.busy)
    outcome.iou = iou(found, mask)
    if outcome.prompts > 1:
        pictures.take(stage, "corrected", once=True)
    robot.press(Qt.Key.Key_Return)
    stage.until(lambda: session.current is None)


def _tools(stage: Stage) -> Any:
    from napari_sam2.viewer.controller import controller_for

    return controller_for(stage.viewer).tools


def _tool(name: str) -> Any:
    from napari_sam2.annotation.marks import Tool

    return Tool[name.upper()]


def _path(kind: str, mask: Mask) -> Path2D:
    """Where a hand would draw around, or over, an object."""
    from skimage.measure import find_contours
    from skimage.morphology import dilation, disk

    from napari_sam2.demo.truth import deepest

    rows, cols = np.nonzero(mask)
    if kind == "box":
        end = np.minimum(np.array(mask.shape) - 1, (rows.max() + 2, cols.max() + 2))
        start = max(rows.min() - 2, 0), max(cols.min() - 2, 0)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        return [(float(r), float(c)) for r, c in (start, middle, end)]
    if kind == "scribble":
        # Along the object, as far as the straight line through its middle is in it.
        place = np.array(deepest(mask), dtype=float)
        _, _, axes = np.linalg.svd(
            np.stack([rows, cols], 1) - place, full_matrices=False
        )
        reach = [0.0, 0.0]
        for side, sign in enumerate((-1, 1)):
            while _inside(mask, place + sign * (reach[side] + 1) * axes[0]):
                reach[side] += 1
        shares = np.linspace(-0.7 * reach[0], 0.7 * reach[1], 6)
        return [tuple(map(float, place + share * axes[0])) for share in shares]
    around = dilation(np.pad(mask, 3), disk(2))
    contour = max(find_contours(around.astype(float), 0.5), key=len) - 3
    corners = contour[np.linspace(0, len(contour) - 1, 24).astype(int)]
    corners = np.clip(corners, 0, np.array(mask.shape) - 1)
    return [(float(row), float(col)) for row, col in corners]


def _inside(mask: Mask, place: npt.NDArray[np.floating[Any]]) -> bool:
    row, col = np.round(place).astype(int)
    within = 0 <= row < mask.shape[0] and 0 <= col < mask.shape[1]
    return bool(within and mask[row, col])


def _targets(truth: npt.NDArray[Any], count: int) -> list[int]:
    """Ids of objects spread over those of an image, from the small to the large."""
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    ids = ids[np.argsort(areas)][np.sort(areas) >= _SMALLEST]
    middles = (np.arange(min(count, len(ids))) + 0.5) * len(ids) / max(count, 1)
    return [int(ids[int(min(middle, len(ids) - 1))]) for middle in middles]


def _save_and_reopen(
    stage: Stage, controller: Any, path: Path, pictures: Pictures
) -> None:
    viewer, layer = stage.viewer, controller.choices.labels
    layer.save(str(path), plugin="napari-sam2")
    layer.visible = False
    (again,) = viewer.open(str(path), plugin="napari", layer_type="labels")
    same = np.array_equal(np.squeeze(again.data), np.squeeze(layer.data))
    pictures.take(stage, "reopened")
    viewer.layers.remove(again)
    print(f"{path.name}: reopened {'identical' if same else 'DIFFERENT'}", flush=True)


def main() -> None:
    """Annotate, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks annotate")
    parser.add_argument("folder", type=Path, help="images with labels and a manifest")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--objects", type=int, default=4, help="of each image")
    parser.add_argument("--out", type=Path, default=Path("annotated"))
    parser.add_argument("--pictures", type=Path, help="folder for one of each stage")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    from napari_sam2.annotation.sessions import sessions_folder
    from napari_sam2.demo.screen import virtual_screen

    before = set(sessions_folder().glob(_JOURNALS))
    linux = sys.platform.startswith("linux")
    with virtual_screen() if linux else nullcontext():
        outcomes = annotate(
            choose_pairs(options.folder, options.images),
            options.objects,
            options.out,
            Pictures(options.pictures),
        )
    for journal in sorted(set(sessions_folder().glob(_JOURNALS)) - before):
        command = [sys.executable, "-m", "napari_sam2", "replay", str(journal)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        print(f"replay: {done.stdout.strip().splitlines()[-1]}", flush=True)
    good = [one for one in outcomes if one.iou >= _GOOD]
    spent = sum(one.prompts for one in outcomes)
    print(
        f"{len(good)} of {len(outcomes)} objects reach IoU {_GOOD}; "
        f"{spent / len(outcomes):.1f} prompts an object"
    )


if __name__ == "__main__":
    main()
