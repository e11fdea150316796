"""napari at a fixed canvas size, a hand on the mouse, and a clock on the canvas."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

# What is played here is nobody's settings: napari neither reads nor writes any.
os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
from qtpy.QtCore import QEvent, QEventLoop, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam2.demo.robot import Robot
from napari_sam2.synthesis import generate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CANVAS", "SIDE", "Stage", "Ticks", "places"]

CANVAS = (1000, 800)  # width and height of the canvas, in pixels of the screen
SIDE = 1024  # of the image

_hand: Any = QTest


class Stage:
    """A viewer with one image on it.

    Parameters
    ----------
    plugin : bool
        Whether the tool is docked.
    tiles : int
        How many times as long and wide as :data:`SIDE` the image is.

    Attributes
    ----------
    viewer : napari.Viewer
        Shown, with a canvas of :data:`CANVAS`.
    robot : Robot
        Points at pixels of the image.
    drawn : list of float
        When each draw event of the canvas was over, by `time.perf_counter`.
    """

    def __init__(self, *, plugin: bool, tiles: int = 1) -> None:
        self.viewer = napari.Viewer()
        image = np.tile(generate("nuclei", (SIDE, SIDE), seed=1).image, (tiles, tiles))
        self.image = self.viewer.add_image(image, name="image")
        self.widget: Any = None
        if plugin:
            _, self.widget = self.viewer.window.add_plugin_dock_widget(
                "napari-sam2", "SAM 2"
            )
        self.robot = Robot(self.viewer, self.image)
        self.drawn: list[float] = []
        canvas = self.viewer.window._qt_viewer.canvas
        self._fit(canvas.native)
        self.viewer.reset_view()
        self.rest()
        canvas._scene_canvas.events.draw.connect(self._on_draw, position="last")
        self.canvas = canvas.native

    def rest(self, seconds: float = 0.05) -> None:
        """Let the window live until it has nothing left to do, and a bit more."""
        _hand.qWait(int(seconds * 1e3))

    def until(self, condition: Callable[[], Any], seconds: float = 120.0) -> None:
        """Let the window live until something is true.

        The thread sleeps between events, as that of any window does: the model
        computes on the same cores.
        """
        app = QApplication.instance()
        assert app is not None
        end = time.perf_counter() + seconds
        # Wakes it up, should no event ever come.
        heart = QTimer()
        heart.start(100)
        while not condition():
            if time.perf_counter() > end:
                raise TimeoutError
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        heart.stop()

    def until_drawn(self, after: float) -> float:
        """Wait for a draw event that ends later than ``after``; returns its end."""
        self.until(lambda: self.drawn and self.drawn[-1] > after)
        return next(moment for moment in self.drawn if moment > after)

    def close(self) -> None:
        """Close the window, and let Qt delete what was in it."""
        self.viewer.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.rest()

    def _on_draw(self, _: object) -> None:
        self.drawn.append(time.perf_counter())

    def _fit(self, canvas: Any) -> None:
        """Give the canvas its size by that of the window."""
        window = canvas.window()
        for _ in range(5):
            self.rest()
            width, height = canvas.width(), canvas.height()
            if (width, height) == CANVAS:
                return
            window.resize(
                window.width() + CANVAS[0] - width, window.height() + CANVAS[1] - height
            )
        raise RuntimeError(
            f"The canvas has {canvas.width()} x {canvas.height()} pixels, not "
            f"{CANVAS}: the screen is too small."
        )


class Ticks:
    """Looks how long the event loop goes without a turn, by a timer of 1 ms."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(lambda: self.moments.append(time.perf_counter()))
        self._timer.start(1)

    def longest(self, start: float, end: float) -> float:
        """Longest block between two moments, in milliseconds."""
        inside = [moment for moment in self.moments if start <= moment <= end]
        gaps = np.diff([start, *inside, end])
        return float(gaps.max() * 1e3)

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()


def places(count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Choose random pixels of the image, away from its frame."""
    rng = np.random.default_rng(seed)
    return [(int(r), int(c)) for r, c in rng.integers(50, SIDE - 50, (count, 2))]
