"""Make the pictures of the documentation, in the real window.

::

    python scripts/screenshots.py

A mouse and a keyboard do in napari what the pictures are to show; the starter
model answers. Written are ``docs/images/*.png``, each below 300 kB.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam2.demo.screen import ScreenError, virtual_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qtpy.QtWidgets import QWidget

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WINDOW = (1240, 800)
LIMIT = 300_000  # bytes


class Studio:
    """A window with the tool on a sample, and a hand."""

    def __init__(self, sample: str, theme: str = "dark") -> None:
        from napari_sam2.demo.robot import Robot
        from napari_sam2.demo.window import open_window

        self.viewer, layers, self.widget = open_window(sample)
        self.viewer.theme = theme
        self.image = layers[0]
        # The truth of a synthetic sample would give the answers away.
        for layer in layers[1:]:
            self.viewer.layers.remove(layer)
        self.truth = [layer.data for layer in layers[1:]]
        self.window = self.widget.window()
        self.window.resize(*WINDOW)
        self.session = self.widget.session
        self.robot = Robot(self.viewer, self.image)
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.settle()
        self.viewer.reset_view()

    def ready(self) -> None:
        """Wait for the model to have seen the image."""
        from napari_sam2.annotation.status import Phase

        self.wait(lambda: self.session.status.phase is Phase.READY, "ready")

    def settle(self, seconds: float = 0.5) -> None:
        """Let everything be drawn."""
        from qtpy.QtTest import QTest

        hand: Any = QTest
        hand.qWait(int(seconds * 1000))

    def hover(self, row: float, col: float) -> None:
        """Point somewhere, and wait for the mask."""
        # From a little aside: Qt does not tell of a mouse that was there already.
        for aside in (4, 0):
            self.robot.move(row + aside, col + aside)
            self.settle(0.1)

        def there() -> bool:
            preview = self.session.preview
            if preview is None:
                return False
            point = preview.prompts.points[-1]
            return bool(abs(point.row - row) < 2 and abs(point.col - col) < 2)

        self.wait(there, "a mask")

    def click(self, row: float, col: float) -> None:
        """Click somewhere, and wait for the object."""
        count = len(self.session.objects)
        self.robot.click(row, col)
        self.wait(lambda: len(self.session.objects) > count, "an object")

    def means(self, pointing: Any) -> bool:
        """Whether the preview shows what such a click would do."""
        preview = self.session.preview
        return preview is not None and preview.pointing is pointing

    def sees(self, row: float, col: float) -> bool:
        """Whether a place is well within the canvas."""
        camera = self.viewer.scene.camera
        canvas = self.viewer.canvas.size
        height, width = (side / camera.zoom / 2 - 25 for side in canvas)
        down, across = row - camera.center[-2], col - camera.center[-1]
        return bool(abs(down) < height and abs(across) < width)

    def overlap(self, row: float, col: float) -> float:
        """IoU of the preview with the true object at a place."""
        truth = self.truth[0] == self.truth[0][round(row), round(col)]
        mask = self.session.preview.prediction.mask
        return float((mask & truth).sum() / (mask | truth).sum())

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for something, and until it is drawn."""
        self.robot.wait(condition, what, seconds=120)
        self.settle()

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        self.settle(0.2)


def centers(truth: Any) -> list[tuple[float, float]]:
    """Return a place deep in each object of a truth, large objects first."""
    import numpy as np
    from scipy import ndimage

    found = []
    for label in np.unique(truth)[1:]:
        mask = truth == label
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        place = np.unravel_index(int(depth.argmax()), mask.shape)
        found.append((int(mask.sum()), (float(place[0]), float(place[1]))))
    return [place for _, place in sorted(found, reverse=True)]


def hero(save: Callable[[str, QWidget], None]) -> None:
    """Objects that one click each has got right, and one more under the mouse."""
    with studio("nuclei") as one:
        one.ready()
        one.viewer.scene.camera.zoom *= 1.6
        one.settle()
        places = [p for p in centers(one.truth[0]) if one.sees(*p)]
        right: list[tuple[float, float]] = []
        for place in spread(places, 40):
            one.hover(*place)
            if one.overlap(*place) > 0.85:
                right.append(place)
            if len(right) == 9:
                break
        for place in right[:-1]:
            one.click(*place)
        one.hover(*right[-1])
        save("hero", one.window)


def correcting(save: Callable[[str, QWidget], None]) -> None:
    """What Shift+click and Alt+click would do."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    from napari_sam2.annotation.objects import Pointing

    hand: Any = QTest
    with studio("coins") as one:
        one.ready()
        one.click(120, 60)
        one.hover(130, 64)
        window = one.window.windowHandle()
        for key, meaning in (
            (Qt.Key.Key_Shift, Pointing.ADD),
            (Qt.Key.Key_Alt, Pointing.REMOVE),
        ):
            one.canvas.setFocus()
            hand.keyPress(window, key)
            one.wait(partial(one.means, meaning), meaning.value)
            save(meaning.value, one.window)
            hand.keyRelease(window, key)


def keys(save: Callable[[str, QWidget], None]) -> None:
    """All keys and gestures, over the image."""
    from qtpy.QtTest import QTest

    hand: Any = QTest
    with studio("nuclei") as one:
        one.ready()
        hand.keyClicks(one.canvas, "?")
        one.settle()
        save("keys", one.window)


def widget(save: Callable[[str, QWidget], None]) -> None:
    """The widget at its normal and its smallest width, in both themes."""
    from qtpy.QtCore import Qt

    for theme in ("dark", "light"):
        with studio("coins", theme) as one:
            one.ready()
            one.hover(120, 60)
            one.click(120, 60)
            dock = one.widget.parent()
            for name, width in (("normal", 300), ("narrow", 200)):
                one.window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
                one.settle()
                save(f"widget-{name}-{theme}", one.widget)
            one.viewer.dims.ndisplay = 3
            one.settle()
            save(f"unavailable-{theme}", one.widget)
            one.viewer.dims.ndisplay = 2
            progress(one, partial(save, f"progress-{theme}", one.widget))


def progress(one: Studio, save: Callable[[], None]) -> None:
    """A model that takes its time; its weights are random, which takes as long."""
    sys.path.append(str(IMAGES.parent.parent))

    from benchmarks.models import spec_of

    # torch tells how far it is.
    one.session.set_engine("torch")
    one.session.set_model(spec_of("sam2.1-tiny"))
    one.wait(lambda: (one.session.status.progress or 0) > 0.4, "progress")
    save()
    one.session.cancel()
    one.settle()


def error(save: Callable[[str, QWidget], None]) -> None:
    """An image that cannot be read."""
    import dask.array as da

    from napari_sam2.annotation.status import Phase

    def block(pixels: Any) -> Any:
        if gone:
            raise OSError("No such file or directory: 'scan_0042.tif'")
        return pixels

    gone: list[bool] = []
    with studio("coins") as one:
        one.ready()
        lazy = da.zeros((303, 384)).map_blocks(block, dtype=float)
        lost = one.viewer.add_image(
            lazy, name="scan_0042", contrast_limits=(0, 1), cache=False, visible=False
        )
        gone.append(True)
        one.viewer.layers.selection.active = one.image
        one.viewer.layers.selection.active = lost
        one.wait(lambda: one.session.status.phase is Phase.FAILED, "an error")
        save("error", one.window)


def spread(places: list[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """Choose places that are far from each other and from the frame."""
    import numpy as np

    far = [places[0]]
    while len(far) < min(count, len(places)):
        far.append(
            max(
                (p for p in places if p not in far),
                key=lambda p: min(np.hypot(p[0] - q[0], p[1] - q[1]) for q in far),
            )
        )
    return far


@contextmanager
def studio(sample: str, theme: str = "dark") -> Iterator[Studio]:
    """Open a window and close it again."""
    one = Studio(sample, theme)
    try:
        yield one
    finally:
        one.close()


SCENES: dict[str, Callable[[Callable[[str, Any], None]], None]] = {
    "hero": hero,
    "correcting": correcting,
    "keys": keys,
    "widget": widget,
    "error": error,
}


def save_to(folder: Path) -> Callable[[str, QWidget], None]:
    """Return a function that takes the picture of a widget."""

    def save(name: str, widget: QWidget) -> None:
        from PIL import Image

        path = folder / f"{name}.png"
        widget.grab().save(str(path))
        with Image.open(path) as picture:
            rgb = picture.convert("RGB")
        rgb.save(path, optimize=True)
        for colors in (256, 128, 64):
            if path.stat().st_size < LIMIT:
                break
            rgb.quantize(colors).save(path, optimize=True)
        print(f"{path} ({path.stat().st_size / 1000:.0f} kB)", flush=True)

    return save


def main() -> int:
    """Play the scenes; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", nargs="*", help=f"of {', '.join(SCENES)}")
    parser.add_argument("--to", type=Path, default=IMAGES, help="folder to write to")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # No settings of the user's: the pictures are the same everywhere.
        home = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ["NAPARI_CONFIG"] = str(Path(home) / "napari.yaml")
        # Nor sessions of theirs that could be restored.
        os.environ["XDG_DATA_HOME"] = home
        if sys.platform.startswith("linux"):
            try:
                stack.enter_context(virtual_screen())
            except ScreenError as problem:
                print(problem, file=sys.stderr)
                return 1
        for name in options.scenes or SCENES:
            SCENES[name](save_to(options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
