"""The demonstration that drives itself: point, click, correct, undo."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from rich.console import Console
from rich.table import Table

from napari_sam2.demo.robot import Robot, TooSlow
from napari_sam2.demo.truth import Target, choose, iou, worst_error
from napari_sam2.demo.window import open_window

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["main"]

SAMPLE = "nuclei"
OBJECTS = 4
CORRECTIONS = 3  # at most, of one object; at least one is shown
GOOD_ENOUGH = 0.7  # IoU with the truth
FINE = 0.9  # beyond this, nobody goes on correcting
FIRST_MASK_WITHIN = 15.0  # seconds from the start of the program


@dataclass
class Outcome:
    """What became of one object: IoU with the truth, and seconds waited."""

    target: Target
    clicked: float = 0.0
    corrections: int = 0
    kept: float = 0.0
    preview_seconds: float = 0.0
    click_seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the object can be shown around."""
        return self.kept >= GOOD_ENOUGH


class Play:
    """One run, from the open window to the files that it leaves.

    Parameters
    ----------
    folder : Path
        For the labels and the screenshot.
    since : float
        When the program was started, in seconds since the epoch.
    console : Console
        Where the steps are told.
    """

    def __init__(self, folder: Path, since: float, console: Console) -> None:
        self._folder = folder
        self._since = since
        self._console = console
        self._first_mask: float | None = None

    def run(self) -> bool:
        """Play; returns whether everything went well."""
        viewer, (image, truth), widget = open_window(SAMPLE)
        self.viewer, self.session = viewer, widget.session
        self.truth: npt.NDArray[Any] = truth.data
        viewer.window.resize(1500, 950)
        shape = " × ".join(map(str, image.data.shape[:2]))  # noqa: RUF001
        self._tell(f"napari is open on “{image.name}” ({shape}), SAM 2 is docked")
        *targets, last = choose(self.truth, OBJECTS + 1)
        self.robot = Robot(viewer, image)
        viewer.reset_view()
        self.robot.wait(
            lambda: self.session.status.phase.name == "READY", "The model gets ready"
        )
        self._tell(f"the tool says: {self.session.status.text}")

        outcomes = [self._object(target) for target in targets]
        self._hover(last, Outcome(last))  # for the screenshot
        self._save()
        return self._summary(outcomes)

    # ------------------------------------------------------------------ one object

    def _object(self, target: Target) -> Outcome:
        outcome = Outcome(target)
        label = self._point(target, outcome)
        for _ in range(CORRECTIONS):
            outcome.corrections += 1
            if not self._correct(target, label, outcome):
                break
        self.robot.press(Qt.Key.Key_Return)
        self.robot.wait(lambda: self.session.current is None, "Enter finishes")
        outcome.kept = self._iou(target, label)
        return outcome

    def _point(self, target: Target, outcome: Outcome) -> int:
        """Hover and click; returns the id of the new object."""
        place = target.place
        self._hover(target, outcome)
        previewed = self.session.preview.prediction.mask
        label = int(self.session.preview.label)
        outcome.click_seconds = self.robot.timed(
            lambda: self.robot.click(*place),
            lambda: (self.labels == label).any(),
            "A click keeps the object",
        )
        outcome.clicked = outcome.kept = self._iou(target, label)
        same = iou(previewed, self.labels == label)
        self._tell(
            f"object {label} at ({place.row}, {place.col}): preview "
            f"{1e3 * outcome.preview_seconds:.0f} ms, click to label "
            f"{1e3 * outcome.click_seconds:.0f} ms, IoU {outcome.clicked:.2f} "
            f"(as previewed: {same:.2f})"
        )
        self._sharpened(target, label, outcome)
        return label

    def _sharpened(self, target: Target, label: int, outcome: Outcome) -> None:
        """Wait for the closer look, and tell what it has brought."""
        at_once = self.labels == label
        self.robot.wait(
            lambda: not self.session.busy, "The closer look comes to an end"
        )
        outcome.kept = self._iou(target, label)
        if not np.array_equal(at_once, self.labels == label):
            self._tell(f"  a closer look: IoU {outcome.kept:.2f}")

    def _hover(self, target: Target, outcome: Outcome) -> None:
        outcome.preview_seconds = self.robot.timed(
            lambda: self.robot.move(*target.place),
            lambda: self._previewed(target.place),
            "The preview follows the mouse",
        )
        if self._first_mask is None:
            self._first_mask = time.time() - self._since
            self._tell(f"first mask, {self._first_mask:.1f} s after the start")

    def _correct(self, target: Target, label: int, outcome: Outcome) -> bool:
        """Correct once, take it back, and make it again if it was better.

        Returns
        -------
        bool
            Whether it was better, and better is needed still.
        """
        before = self.labels.copy()
        worse = outcome.kept
        place, inside = worst_error(before == label, self.truth == target.label)
        points = len(self.session.current.prompts.points)
        seconds = self.robot.timed(
            lambda: self.robot.click(*place, shift=inside, right=not inside),
            lambda: (
                self.session.current is not None
                and len(self.session.current.prompts.points) > points
            ),
            "A correction is carried out",
        )
        self.robot.wait(
            lambda: not self.session.busy, "The closer look comes to an end"
        )
        after = self.labels.copy()
        better = self._iou(target, label)
        hand = "Shift+click adds" if inside else "right click takes away"
        self._tell(
            f"  {hand} ({place.row}, {place.col}): {1e3 * seconds:.0f} ms, "
            f"IoU {better:.2f}"
        )
        seconds = self.robot.timed(
            lambda: self.robot.press(Qt.Key.Key_Z, control=True),
            lambda: np.array_equal(self.labels, before),
            "Ctrl+Z takes it back",
        )
        told = f"  Ctrl+Z: {1e3 * seconds:.0f} ms, the labels are as before"
        if better > worse:
            self.robot.press(Qt.Key.Key_Z, control=True, shift=True)
            self.robot.wait(
                lambda: np.array_equal(self.labels, after), "Ctrl+Shift+Z redoes it"
            )
            told += "; it was better, so Ctrl+Shift+Z"
            outcome.kept = better
        self._tell(told)
        return worse < better < FINE

    # ---------------------------------------------------------------- what is seen

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The labels on the canvas; empty ones before the first object."""
        for layer in self.viewer.layers:
            if layer.name != "truth" and type(layer).__name__ == "Labels":
                return np.asarray(layer.data)
        return np.zeros_like(self.truth)

    def _previewed(self, place: tuple[int, int]) -> bool:
        preview = self.session.preview
        if preview is None or len(preview.prompts.points) != 1:
            return False
        row, col, _ = preview.prompts.points[0]
        # A pixel of the canvas may be wider than one of the image.
        return bool(max(abs(row - place[0]), abs(col - place[1])) <= 1)

    def _iou(self, target: Target, label: int) -> float:
        return iou(self.labels == label, self.truth == target.label)

    def _tell(self, text: str) -> None:
        seconds = time.time() - self._since
        self._console.print(f"[dim]{seconds:6.1f} s[/dim]  {text}", soft_wrap=True)

    # -------------------------------------------------------------------- the end

    def _save(self) -> None:
        self._folder.mkdir(exist_ok=True)
        (layer,) = (
            layer
            for layer in self.viewer.layers
            if layer.name != "truth" and type(layer).__name__ == "Labels"
        )
        written = layer.save(str(self._folder / "labels.tif"), plugin="napari-sam2")
        screenshot = self._folder / "screenshot.png"
        self.viewer.screenshot(str(screenshot), canvas_only=False, flash=False)
        self._tell(f"left behind: {written[0]}, {screenshot}")

    def _summary(self, outcomes: list[Outcome]) -> bool:
        columns = ("Object", "1 click", "corrections", "kept", "preview", "click", "")
        table = Table(*columns, title="IoU with the truth, and waiting")
        for number, outcome in enumerate(outcomes, start=1):
            table.add_row(
                str(number),
                f"{outcome.clicked:.2f}",
                str(outcome.corrections),
                f"{outcome.kept:.2f}",
                f"{1e3 * outcome.preview_seconds:.0f} ms",
                f"{1e3 * outcome.click_seconds:.0f} ms",
                "[green]good[/]" if outcome.good else "[red]bad[/]",
            )
        self._console.print(table)
        problems = [f"IoU below {GOOD_ENOUGH}"] * any(not o.good for o in outcomes)
        if len(outcomes) < 3:
            problems.append("fewer than three objects")
        if self._first_mask is None or self._first_mask > FIRST_MASK_WITHIN:
            problems.append(f"no mask within {FIRST_MASK_WITHIN:.0f} s")
        problems += _errors_shown()
        for problem in problems:
            self._console.print(f"[red]Failed:[/] {problem}")
        return not problems


def _errors_shown() -> list[str]:
    """What napari has told the user as an error."""
    from napari.utils.notifications import notification_manager

    return [
        str(notification.message)
        for notification in notification_manager.records
        if notification.severity >= "error"
    ]


def main(folder: Path, since: float) -> int:
    """Play, and tell how it went.

    Returns
    -------
    int
        Exit code.
    """
    console = Console()
    play = Play(folder, since, console)
    try:
        good = play.run()
    except TooSlow as error:
        console.print(f"[red]Failed:[/] {error}")
        for problem in _errors_shown():
            console.print(f"[red]napari says:[/] {problem}")
        good = False
    finally:
        viewer = getattr(play, "viewer", None)
        if viewer is not None:
            viewer.close()
    sys.stdout.flush()
    return 0 if good else 1
