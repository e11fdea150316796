"""Whatever is done at the window, in whatever order, the tool goes on."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from benchmarks.monkey import Monkey
from qtpy.QtCore import QPoint, Qt

from napari_sam2.viewer.controller import controller_for
from tests.annotation.fakes import FakeSegmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from napari_sam2.viewer.controller import Controller

ROUNDS, GESTURES = 5, 30

_NONE, _CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
_SHIFT, _ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
KEYS = (
    (Qt.Key.Key_D, _SHIFT),
    (Qt.Key.Key_B, _SHIFT),
    (Qt.Key.Key_S, _SHIFT),
    (Qt.Key.Key_O, _SHIFT),
    (Qt.Key.Key_U, _NONE),
    (Qt.Key.Key_J, _NONE),
    (Qt.Key.Key_E, _SHIFT),
    (Qt.Key.Key_R, _SHIFT),
    (Qt.Key.Key_X, _SHIFT),
    (Qt.Key.Key_Question, _SHIFT),
    (Qt.Key.Key_Return, _NONE),
    (Qt.Key.Key_Escape, _NONE),
    (Qt.Key.Key_Z, _CTRL),
    (Qt.Key.Key_Z, _CTRL),
    (Qt.Key.Key_Z, _CTRL | _SHIFT),
    (Qt.Key.Key_Q, _NONE),
    (Qt.Key.Key_G, _NONE),
    (Qt.Key.Key_W, _NONE),
    (Qt.Key.Key_H, _NONE),
)


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Errors that the user was told of."""
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    return shown


@pytest.fixture
def controller(
    make_napari_viewer: Callable[..., Any], image: np.ndarray[Any, Any]
) -> Iterator[Controller]:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    viewer.add_image(image, name="cells")
    viewer.add_image(np.stack([image, image.T[:200, :200].repeat(2, 1)[:, :240]]))
    controller = controller_for(
        viewer, segmenter_factory=lambda spec, _: FakeSegmenter(spec.name)
    )
    yield controller
    controller.close()


def _is_ours(trace: Any) -> bool:
    return any("napari_sam2" in line.filename for line in traceback.extract_tb(trace))


def settle(controller: Controller, qtbot: QtBot) -> None:
    """Wait until all that was asked for is done: a frozen tool would never be."""
    controller.modes.active = True
    qtbot.waitUntil(lambda: not controller.session.busy, timeout=20_000)


def check(controller: Controller) -> None:
    """The history is consistent with the labels, from its end to its beginning."""
    session, ledger = controller.session, controller.session._ledgers.chosen
    if ledger is None:
        return
    objects = dict(session.objects)
    states = [np.array(ledger.store.array())]
    titles = []
    while session.can_undo:
        edit = ledger.history.next_undo
        assert edit is not None
        titles.append(edit.title)
        session.undo()
        states.append(np.array(ledger.store.array()))
    assert not session.objects
    states.pop()
    while states:
        title, state = titles.pop(), states.pop()
        session.redo()
        np.testing.assert_array_equal(ledger.store.array(), state, err_msg=title)
    assert not session.can_redo
    assert dict(session.objects) == objects


@pytest.mark.parametrize("seed", range(3))
def test_a_monkey_does_no_harm(
    controller: Controller, qtbot: QtBot, notices: list[str], seed: int
) -> None:
    session = controller.session

    def switch_model(rng: np.random.Generator) -> None:
        session.set_model(str(rng.choice(["starter", "sam2.1-tiny"])))

    def switch_engine(rng: np.random.Generator) -> None:
        session.set_engine(str(rng.choice(["auto", "torch", "onnxruntime"])))

    def new_labels(_: np.random.Generator) -> None:
        controller.workspace.new_labels()

    def refine(rng: np.random.Generator) -> None:
        session.refine(
            threshold=rng.uniform(-3, 3),
            smoothing=rng.choice([0, 2]),
            min_area=rng.choice([0, 50]),
            fill_holes=bool(rng.integers(2)),
        )

    def move_prompt(rng: np.random.Generator) -> None:
        shown = controller.prompts.display.shown
        if shown is None:
            return
        corners = [place.at for place in shown.shapes.places]
        corners += [stroke.path[0] for stroke in shown.shapes.strokes]
        x, y = shown.geometry.to_world(corners[rng.integers(len(corners))]).ravel()
        canvas = viewer.window._qt_viewer.canvas
        transform = canvas.view.transform * canvas.view.scene.transform
        across, down = transform.map((y, x))[:2]
        start = QPoint(round(float(across)), round(float(down)))
        if canvas.native.rect().contains(start):
            monkey.drag_from(start, _ALT if rng.random() < 0.2 else _NONE)

    viewer: Any = controller.viewer
    monkey = Monkey(
        viewer,
        seed,
        keys=KEYS,
        extras={
            "model": (0.5, switch_model),
            "engine": (0.3, switch_engine),
            "new labels": (0.2, new_labels),
            "refine": (1, refine),
            "move prompt": (3, move_prompt),
        },
    )
    with qtbot.captureExceptions() as raised:
        for _ in range(ROUNDS):
            monkey.play(GESTURES)
            settle(controller, qtbot)
            # What was redone goes before the history is checked.
            while session.can_redo:
                session.redo()
            check(controller)
    # napari's own fill and brush fail outside of the labels, tool or not.
    ours = [one for one in raised if _is_ours(one[2])]
    assert not ours, (monkey.done, ours)
    assert not notices, (monkey.done, notices)
