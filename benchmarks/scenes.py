"""The scenes that are measured; each makes its own window, and closes it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SCENES", "WARM_UP", "Samples"]

Samples = dict[str, list[float]]
"""Seconds, by what was timed."""

WARM_UP = 5
"""Gestures before those that count; they are among the samples."""

_PANS = 4

_FRAME = 0.016  # seconds between the moves of a hand that does not rest


def plugin(moves: int) -> Samples:
    """The tool itself, with the starter."""
    return _tool(moves, "starter")


def tiny(moves: int) -> Samples:
    """The tool itself, with the architecture of SAM 2.1 tiny."""
    return _tool(moves, "sam2.1-tiny")


def _tool(moves: int, model: str) -> Samples:
    from benchmarks.models import spec_of
    from benchmarks.stage import Stage, places
    from napari_sam2.viewer.controller import controller_for
    from napari_sam2.viewer.label_store import LayerLabels

    stage = Stage(plugin=True)
    controller = controller_for(stage.viewer)
    session = controller.session
    handed: list[tuple[float, tuple[float, float]]] = []
    written: list[float] = []

    def on_show(drawing: Any, _: object) -> None:
        handed.append((time.perf_counter(), drawing.preview.prompts.points[-1][:2]))

    _after(controller.preview.display, "show", on_show)
    _after(LayerLabels, "write", lambda *_: written.append(time.perf_counter()))
    # Where nothing is found, or all belongs to other objects, nothing is kept.
    refused: list[str] = []
    session.notice.connect(refused.append)
    stage.until(lambda: session.status.phase.name == "READY")
    if model != "starter":
        spec = spec_of(model)
        session.set_model(spec)
        stage.until(lambda: session.model == spec.name)
        stage.until(lambda: session.status.phase.name == "READY")
    samples: Samples = {"handed": [], "drawn": [], "kept": []}

    for place in places(moves + WARM_UP):
        stage.rest()
        count = len(handed)
        start = time.perf_counter()
        stage.robot.move(*place)
        stage.until(partial(_longer, handed, count))
        samples["handed"].append(handed[count][0] - start)
        samples["drawn"].append(stage.until_drawn(handed[count][0]) - start)

    samples |= _stream(stage, handed, places(moves, seed=1))

    for place in places(moves // 2 + WARM_UP, seed=2):
        stage.robot.move(*place)
        stage.rest(0.2)
        counts = (len(written), len(refused))
        start = time.perf_counter()
        stage.robot.click(*place)
        stage.until(partial(_either_longer, written, refused, counts))
        if len(written) > counts[0]:
            samples["kept"].append(written[counts[0]] - start)
    stage.close()
    return samples


def control(moves: int) -> Samples:
    """Nothing but napari, redrawn at each move."""
    from benchmarks.stage import Stage, places

    stage = Stage(plugin=False)
    handled: list[float] = []

    def redraw(*_: object) -> None:
        stage.canvas.update()
        handled.append(time.perf_counter())

    stage.viewer.mouse_move_callbacks.append(redraw)
    samples = _answers(stage, handled, places(moves + WARM_UP))
    samples |= _stream(stage, [], places(moves, seed=1))
    stage.close()
    return samples


def peers(moves: int) -> Samples:
    """The official predictor on the window's thread."""
    return _peer(moves, "starter")


def peers_tiny(moves: int) -> Samples:
    """The same with the architecture of SAM 2.1 tiny."""
    return _peer(moves, "sam2.1-tiny")


def _peer(moves: int, model: str) -> Samples:
    # Before the window: torchvision loads Triton, whose LLVM crashes in a process
    # that has that of Mesa's software renderer already.
    from benchmarks.models import spec_of
    from benchmarks.peers import Peer, official_predictor

    predictor = official_predictor(spec_of(model))

    from benchmarks.stage import Stage, places

    stage = Stage(plugin=False)
    peer = Peer(stage, predictor)
    samples = _answers(stage, peer.handed, places(moves + WARM_UP))
    samples |= _stream(stage, peer.answered, places(moves, seed=1))
    stage.close()
    return samples


def encode(_: int) -> Samples:
    """The event loop while a large model encodes."""
    from benchmarks.models import spec_of
    from benchmarks.stage import Stage
    from napari_sam2.viewer.controller import controller_for

    stage = Stage(plugin=True)
    session = controller_for(stage.viewer).session
    stage.until(lambda: session.status.phase.name == "READY")
    phases: list[tuple[float, str]] = []
    session.status_changed.connect(
        lambda status: phases.append((time.perf_counter(), status.phase.name))
    )
    spec = spec_of("sam2.1-tiny")
    session.set_model(spec)
    ticks = _moving(stage, lambda: session.model == spec.name and _ready(phases))
    start = next(moment for moment, phase in phases if phase == "ENCODING")
    end = next(m for m, phase in phases if phase == "READY" and m > start)
    stage.close()
    return {
        "encoding": [end - start],
        "longest block": [ticks.longest(start, end) / 1e3],
    }


def meanwhile(moves: int) -> Samples:
    """The mouse on a large image, at rest and while the next view is encoded."""
    from benchmarks.models import spec_of
    from benchmarks.stage import Stage
    from napari_sam2.viewer.controller import controller_for

    stage = Stage(plugin=True, tiles=4)
    controller = controller_for(stage.viewer)
    session = controller.session
    shown: list[tuple[float, Any]] = []

    def on_show(drawing: Any, _: object) -> None:
        shown.append((time.perf_counter(), drawing.preview.prediction.view))

    _after(controller.preview.display, "show", on_show)
    camera = stage.viewer.scene.camera
    camera.zoom = 1
    stage.until(lambda: session.status.phase.name == "READY")
    spec = spec_of("sam2.1-tiny")
    session.set_model(spec)
    stage.until(lambda: session.model == spec.name)
    rng = np.random.default_rng(0)
    samples: Samples = {"at rest": [], "handed": []}

    def move(col: float) -> Any:
        """Move to the middle of the canvas; return the view that answers."""
        place = (1500 + rng.uniform(-100, 100), col + rng.uniform(-50, 50))
        count, start = len(shown), time.perf_counter()
        stage.robot.move(*place)
        stage.until(partial(_longer, shown, count))
        return shown[count][0] - start, shown[count][1]

    for number in range(_PANS):
        # Too far for the view that is there, not far enough to see nothing of it.
        col = 1500.0 + 500 * (number % 2)
        camera.center = (1500, col)
        controller.view.settle()
        stage.until(lambda: session.status.phase.name == "READY" and not session.busy)
        _, view = move(col)
        for _ in range(max(moves // _PANS, 1)):
            stage.rest()
            samples["at rest"].append(move(col)[0])
        next_col = 2000.0 if number % 2 == 0 else 1500.0
        camera.center = (1500, next_col)
        controller.view.settle()
        answered = view
        while answered == view:
            taken, answered = move((col + next_col) / 2)
            samples["handed"].append(taken)
            stage.rest(0.03)
    stage.close()
    return samples


def idle(_: int) -> Samples:
    """The event loop of napari alone, for as long as an encode takes."""
    from benchmarks.stage import Stage

    stage = Stage(plugin=False)
    start = time.perf_counter()
    end = start + 3.0
    ticks = _moving(stage, lambda: time.perf_counter() > end)
    stage.close()
    return {"longest block": [ticks.longest(start, end) / 1e3]}


SCENES: dict[str, Callable[[int], Samples]] = {
    scene.__name__: scene
    for scene in (
        plugin,
        tiny,
        control,
        peers,
        peers_tiny,
        encode,
        meanwhile,
        idle,
    )
}


def _answers(
    stage: Any, handed: list[float], targets: list[tuple[int, int]]
) -> Samples:
    samples: Samples = {"handed": [], "drawn": []}
    for place in targets:
        stage.rest()
        count = len(handed)
        start = time.perf_counter()
        stage.robot.move(*place)
        stage.until(partial(_longer, handed, count))
        samples["handed"].append(handed[count] - start)
        samples["drawn"].append(stage.until_drawn(handed[count]) - start)
    return samples


def _stream(
    stage: Any,
    handed: list[tuple[float, tuple[float, float]]],
    targets: list[tuple[int, int]],
) -> Samples:
    """Move on every 16 ms; how old is the place that each mask answers?"""
    from benchmarks.stage import Ticks

    moved: dict[tuple[int, int], float] = {}
    stage.rest(0.3)
    first = len(handed)
    begin = time.perf_counter()
    ticks = Ticks()
    for place in targets:
        start = time.perf_counter()
        moved[place] = start
        stage.robot.move(*place)
        stage.rest(max(start + _FRAME - time.perf_counter(), 0.001))
    end = time.perf_counter()
    stage.rest(0.3)
    ticks.stop()
    ages = []
    for moment, (row, col) in handed[first:]:
        place = min(moved, key=lambda p: abs(p[0] - row) + abs(p[1] - col))
        ages.append(moment - moved[place])
    return {
        "handed moving": ages,
        "longest block moving": [ticks.longest(begin, end) / 1e3],
    }


def _moving(stage: Any, finished: Callable[[], bool]) -> Any:
    """Move the mouse every 50 ms, with a clock on the event loop."""
    from qtpy.QtCore import QTimer

    from benchmarks.stage import Ticks, places

    ticks = Ticks()
    targets = iter(places(10_000))
    mover = QTimer()
    mover.timeout.connect(lambda: stage.robot.move(*next(targets)))
    mover.start(50)
    stage.until(finished)
    mover.stop()
    ticks.stop()
    return ticks


def _after(owner: Any, name: str, note: Callable[..., None]) -> None:
    """Take note when a method has returned."""
    original = getattr(owner, name)

    def noted(*args: Any) -> Any:
        result = original(*args)
        note(*args)
        return result

    setattr(owner, name, noted)


def _longer(items: list[Any], count: int) -> bool:
    return len(items) > count


def _either_longer(one: list[Any], other: list[Any], counts: tuple[int, int]) -> bool:
    return len(one) > counts[0] or len(other) > counts[1]


def _ready(phases: list[tuple[float, str]]) -> bool:
    names = [phase for _, phase in phases]
    return "ENCODING" in names and names[-1] == "READY"
