"""Kill the program at random instants of an annotation, and see what is left.

Run with ``python -m benchmarks crash``. A process annotates as fast as it can; after
each change it tells another one, through a pipe, what it has. That one kills it
(SIGKILL) at a random instant. What was told of must be in the journal afterwards: the
labels to the last pixel, the objects, the unfinished one, the history. A tenth of the
processes are the real window with the starter model, driven by mouse and keys.

POSIX only: processes are forked, so that each begins within milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from benchmarks.timing import Timing
from napari_sam2.annotation.journal import read_journal
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.recovery import RecoveredSession, recover
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.sessions import SUFFIX
from napari_sam2.engines.base import Embedding
from napari_sam2.errors import JournalError
from napari_sam2.segmentation.embedded import EmbeddedImage
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.segmentation.prompts import Prompts

__all__ = ["Outcome", "measure"]

SIDE = 256  # of the image
_CELLS = 6  # along each side, of what can be clicked on
_LONGEST = {"script": 0.6, "window": 10.0}  # seconds until the kill
_CENTERS = (np.arange(_CELLS) + 0.5) * SIDE / _CELLS


@dataclass
class Outcome:
    """What was found after many kills of one kind.

    Attributes
    ----------
    kills : int
        How many.
    told : int
        Changes of which the other process was told.
    objects : int
        Objects that were there when it was told last, all processes together.
    lost : list of str
        What was told of and is not there.
    unreadable : list of str
        Files that could not be read.
    torn : int
        Files whose last line was not finished.
    ahead : int
        Files that hold more than was told.
    """

    kills: int = 0
    told: int = 0
    objects: int = 0
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    torn: int = 0
    ahead: int = 0


def measure(kind: str, kills: int, seed: int = 0) -> Outcome:
    """Kill processes of a kind, ``"script"`` or ``"window"``, and look what is left."""
    rng = np.random.default_rng(seed)
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="napari-sam2-crash-") as folder:
        told = []
        for number in range(kills):
            home = Path(folder) / str(number)
            delay = float(rng.uniform(0, _LONGEST[kind]))
            told.append((home, _run_and_kill(kind, home, seed + number, delay)))
        for home, lines in told:
            _look(home / "sessions", lines, outcome)
    return outcome


# ------------------------------------------------------------------ being killed


def _run_and_kill(kind: str, home: Path, seed: int, delay: float) -> list[Any]:
    """Return what a process has told until it was killed."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        os.environ["NAPARI_SAM2_HOME"] = str(home)
        # What a window exports in the background would outlive it.
        os.environ["NAPARI_SAM2_ENGINE"] = "torch"
        try:
            {"script": _annotate_by_script, "window": _annotate_in_window}[kind](
                send, seed
            )
        finally:
            os._exit(1)
    os.close(send)
    text = _read_until_killed(child, receive, delay)
    os.close(receive)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("The annotation ended by itself: see what it has printed.")
    # What was sent by halves was not received.
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def _read_until_killed(child: int, receive: int, delay: float) -> bytes:
    text, end = b"", None
    os.set_blocking(receive, False)
    while True:
        now = time.perf_counter()
        if end is not None and now >= end:
            os.kill(child, signal.SIGKILL)
            os.set_blocking(receive, True)
            while part := os.read(receive, 1 << 16):
                text += part
            return text.removeprefix(b"ready\n")
        try:
            part = os.read(receive, 1 << 16)
        except BlockingIOError:
            time.sleep(0.0005)
            continue
        if not part:
            return text
        text += part
        if end is None and b"\n" in text:
            end = now + delay


def _telling(session: AnnotationSession, send: int) -> Callable[[], None]:
    """Return a listener that tells the other process what there is now."""

    def tell() -> None:
        ledger = session._ledgers.chosen
        if ledger is None:
            return
        draft = session.current
        unfinished = draft is not None and not draft.kept
        state = {
            "labels": _crc(ledger.store.array()),
            "objects": sorted(session.objects),
            "done": len(ledger.history.done),
            "undone": len(ledger.history.undone),
            "draft": len(draft.prompts.points) if unfinished and draft else None,
        }
        os.write(send, json.dumps(state).encode() + b"\n")

    return tell


def _annotate_by_script(send: int, seed: int) -> None:
    """Click, correct, paint, delete and undo, without a pause."""
    rng = np.random.default_rng(seed)
    segmenter: Any = _Discs()
    session = AnnotationSession(
        segmenter_factory=lambda *_: segmenter, journals=Journals()
    )
    session.set_labels(ArrayLabels((SIDE, SIDE)))
    session.set_plane(Plane.of_array(_image(), name="discs"))
    session.wait()
    session.sharpen = bool(seed % 2)
    session.objects_changed.connect(_telling(session, send))
    os.write(send, b"ready\n")
    names = ("click", "click", "click", "add", "remove", "undo", "undo", "redo")
    names += ("done", "drop", "collect", "delete", "classify")
    while True:
        name = str(rng.choice(names))
        row, col = rng.choice(_CENTERS), rng.choice(_CENTERS)
        if name == "collect":
            session.collect = not session.collect
        elif name in ("click", "add", "remove"):
            getattr(session, name)(row, col)
        elif name in ("delete", "classify"):
            if not session.objects:
                continue
            labels = (int(rng.choice(list(session.objects))),)
            if name == "delete":
                session.delete(labels)
            else:
                session.classify(labels, str(rng.choice(["nucleus", "debris"])))
        else:
            getattr(session, name)()
        session.wait()


def _annotate_in_window(send: int, seed: int) -> None:
    """Click, correct and undo by the mouse and the keys, in the real window."""
    import napari
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    from napari_sam2.annotation.status import Phase
    from napari_sam2.demo.robot import Robot

    hand: Any = QTest
    rng = np.random.default_rng(seed)
    viewer = napari.Viewer()
    layer = viewer.add_image(_image(), name="discs")
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    viewer.reset_view()
    session = widget.session
    robot = Robot(viewer, layer)
    robot.wait(lambda: session.status.phase is Phase.READY, "the model", seconds=120)
    session.objects_changed.connect(_telling(session, send))
    os.write(send, b"ready\n")
    while True:
        row, col = rng.choice(_CENTERS), rng.choice(_CENTERS)
        what = rng.random()
        if what < 0.6:
            robot.click(row, col)
        elif what < 0.75:
            robot.click(row, col, shift=True)
        elif what < 0.85:
            robot.click(row, col, right=True)
        else:
            robot.press(Qt.Key.Key_Z, control=True, shift=what > 0.93)
        hand.qWait(int(rng.integers(5, 60)))


class _Discs:
    """Answers at once: the disc that was clicked on, all in one process."""

    model = "discs"
    device = "cpu"
    computes = "numpy"
    zoom = False

    def __init__(self) -> None:
        self.engine = SimpleNamespace(
            image_size=SIDE,
            mask_size=64,
            model="discs",
            name="discs",
            precision="fp32",
            device="cpu",
        )

    def embed_plane(
        self, pixels: Any, view: View | None = None, **_: Any
    ) -> EmbeddedImage:
        view = view or View.whole(pixels.shape, SIDE)
        image = pixels.seen(view)[..., 0]
        return EmbeddedImage(view, Embedding(image, image.nbytes), "discs", pixels)

    def predict_prompts(
        self, image: EmbeddedImage, prompts: Prompts, **_: Any
    ) -> Prediction:
        regions, _count = ndimage.label(image.embedding.payload > 0)
        mask = np.zeros(regions.shape, bool)
        for row, col, inside in prompts.places:
            mask[regions == regions[int(row), int(col)]] = inside
        logits = np.where(mask[2::4, 2::4], 8.0, -8.0).astype(np.float32)
        return Prediction(0.9, logits, image.view)

    def look_closer(
        self, image: EmbeddedImage, prompts: Prompts, found: Prediction, **_: Any
    ) -> Prediction:
        wider = ndimage.binary_dilation(found.logits > 0)
        logits = np.where(wider, 8.0, -8.0).astype(np.float32)
        return Prediction(0.95, logits, found.view)


def _image() -> np.ndarray[Any, np.dtype[np.uint8]]:
    rows, cols = np.indices((SIDE, SIDE))
    pitch = SIDE / _CELLS
    from_row, from_col = ((axis % pitch) - pitch / 2 for axis in (rows, cols))
    return np.where(np.hypot(from_row, from_col) < 14, 200, 0).astype(np.uint8)


# -------------------------------------------------------------------- what is left


def _look(folder: Path, told: list[Any], outcome: Outcome) -> None:
    """Compare what a process had told with the files that it has left."""
    outcome.kills += 1
    outcome.told += len(told)
    files = [path for path in folder.glob(f"*{SUFFIX}") if path.stat().st_size]
    for path in files:
        try:
            damaged = read_journal(path).damaged
        except JournalError as error:
            outcome.unreadable.append(str(error))
            return
        if damaged:
            outcome.unreadable.append(f"{path.name}: lines {damaged}")
        outcome.torn += not path.read_bytes().endswith(b"\n")
    # Before anything was done there is nothing to tell.
    wanted = next((one for one in reversed(told) if one["done"] or one["undone"]), None)
    if wanted is None or (told and not (told[-1]["done"] or told[-1]["undone"])):
        return
    outcome.objects += len(wanted["objects"])
    if len(files) != 1:
        outcome.lost.append(f"{len(files)} files for {wanted}")
        return
    records = files[0].read_bytes().splitlines(keepends=True)
    prefix = files[0].with_name("prefix")
    for count in range(len(records), 0, -1):
        # What was written when the kill came may not have been told of.
        prefix.write_bytes(b"".join(records[:count]))
        if _is(recover(prefix), wanted):
            outcome.ahead += count < len(records)
            return
    outcome.lost.append(f"{files[0].name}: no trace of {wanted}")


def _is(session: RecoveredSession, wanted: dict[str, Any]) -> bool:
    labels = np.zeros(session.labels.shape, np.int64)
    labels.ravel()[session.change.where.astype(np.intp)] = session.change.after
    draft = None if session.draft is None else len(session.draft.prompts.points)
    return (
        _crc(labels) == wanted["labels"]
        and sorted(session.objects) == wanted["objects"]
        and len(session.history.done) == wanted["done"]
        and len(session.history.undone) == wanted["undone"]
        and wanted["draft"] in (None, draft)
    )


def _crc(labels: np.ndarray[Any, Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(labels, np.int64).tobytes())


# ------------------------------------------------------------------------ the cost


def record_cost() -> Timing:
    """Time what recording an object of a million pixels takes, in milliseconds."""
    from napari_sam2.annotation.ledger import Ledger
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.segmentation.points import Point
    from napari_sam2.segmentation.prompts import Prompts as AllPrompts

    side = 4096
    low = np.linspace(-1, 1, 256)
    logits = 8 * (0.276 - np.hypot(*np.meshgrid(low, low))).astype(np.float32)
    plane = Plane.of_array(np.zeros((side, side), np.uint8))
    spent = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_SAM2_HOME"] = home
        for _ in range(10):
            prediction = Prediction(0.9, logits, View.whole((side, side), 1024))
            prediction.cut()
            thing = AnnotatedObject(
                1, AllPrompts((Point(9, 9),)), prediction, plane, "model"
            )
            store, journals = ArrayLabels((side, side)), Journals()
            ledger = Ledger(store)
            journals.attach(ledger.history, store, lambda: plane, lambda: None)
            recorder: Any = ledger.history.recorder
            really = recorder.added

            def timed(edit: Any, really: Any = really) -> None:
                start = time.perf_counter()
                really(edit)
                spent.append(1e3 * (time.perf_counter() - start))

            recorder.added = timed
            ledger.keep(thing, current=None)
            journals.close()
        print(f"an object of {prediction.area / 1e6:.2f} Mpx", end=" ")
        del os.environ["NAPARI_SAM2_HOME"]
    return Timing(tuple(spent))


def main() -> None:
    """Kill, look, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks crash")
    parser.add_argument("--kills", type=int, default=180, help="of a script")
    parser.add_argument("--windows", type=int, default=20, help="of the real window")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        f"{'':<10} {'kills':>6} {'told':>7} {'objects':>8} {'lost':>5} "
        f"{'unreadable':>11} {'torn':>5} {'ahead':>6}"
    )
    bad = []
    for kind, kills in (("script", options.kills), ("window", options.windows)):
        if kills:
            found = measure(kind, kills, options.seed)
            print(
                f"{kind:<10} {found.kills:6} {found.told:7} {found.objects:8} "
                f"{len(found.lost):5} {len(found.unreadable):11} {found.torn:5} "
                f"{found.ahead:6}",
                flush=True,
            )
            bad += found.lost + found.unreadable
    for line in bad:
        print(line)
    print(f"is recorded in {record_cost()} ms")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
