"""The command, as it is typed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

import napari_sam2
from napari_sam2 import cli
from napari_sam2.models.catalog import CATALOG, ModelSpec, models_folder
from napari_sam2.segmentation.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAVY = {"torch", "sam2", "napari", "qtpy", "skimage", "scipy"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "napari_sam2", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def ask(*arguments: str) -> str:
    """Run the command in this process; it must succeed."""
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def assert_one_line(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.search(message, line), line


def test_it_tells_its_version() -> None:
    assert ask("--version") == f"napari-sam2 {napari_sam2.__version__}\n"


@pytest.mark.parametrize(
    "command", ["models", "evaluate", "train", "labels", "segment", "demo"]
)
def test_every_command_explains_itself(command: str) -> None:
    assert command in ask("--help")
    assert "Usage" in ask(command, "--help")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from napari_sam2.cli import app\n"
        "try: app(['--help'])\n"
        "finally: print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    ).stdout
    loaded = set(said.partition("LOADED")[2].split())
    assert "napari_sam2" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_models_are_listed() -> None:
    said = ask("models", "list")
    assert all(name in said for name in CATALOG)
    assert str(models_folder()) in said


def test_labels_are_converted(tmp_path: Path) -> None:
    labels = np.array([[0, 1], [300, 2]], dtype=np.int32)
    np.save(tmp_path / "a.npy", labels)
    ask(
        *("labels", str(tmp_path / "a.npy"), str(tmp_path / "a.tif")),
        *("--pixel-size", "0.25", "--unit", "µm"),
    )
    ask("labels", str(tmp_path / "a.tif"), str(tmp_path / "a.png"))
    ask("labels", str(tmp_path / "a.png"), str(tmp_path / "b.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), labels)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        resolution = tiff.pages.first.get_resolution("micrometer")
    assert resolution == pytest.approx((4, 4))


def test_an_image_is_segmented(tmp_path: Path) -> None:
    rows, cols = np.mgrid[:200, :300]
    image = np.where(np.hypot(rows - 80, cols - 120) < 40, 200, 30).astype(np.uint8)
    np.save(tmp_path / "disc.npy", image)
    target = tmp_path / "labels.tif"
    said = ask(
        *("segment", str(tmp_path / "disc.npy"), "--point", "80,120"),
        *("--box", "30,70,130,170", "--output", str(target), "--device", "cpu"),
    )
    segmenter = Segmenter(device="cpu").set_image(image)
    point = segmenter.predict(points=[(80, 120)])
    box = segmenter.predict(box=(30, 70, 130, 170))
    assert f"object 1: {point.area} pixels, score {point.score:.2f}" in said
    assert f"object 2: {box.area} pixels, score {box.score:.2f}" in said
    expected = np.where(point.mask, 1, np.where(box.mask, 2, 0)).astype(np.uint16)
    np.testing.assert_array_equal(tifffile.imread(target), expected, strict=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("segment", "x.png", "--point", "1"), "takes ROW,COL, not “1”"),
        (("segment", "x.png"), "at least one --point"),
        (("segment", "x.png", "--point", "1,2"), "There is no file “x.png”"),
        (("models", "download", "sam3"), "There is no model 'sam3'"),
        (("labels", "none.tif", "a.tif"), "There is no file “none.tif”"),
    ],
)
def test_an_error_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    assert_one_line(run(*arguments), f"^Error: .*{message}")


def test_a_file_that_is_no_image_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("not a TIFF")
    done = run("labels", str(path), str(tmp_path / "b.tif"))
    assert_one_line(done, "cannot be read as an image")


class SlowServer(BaseHTTPRequestHandler):
    """Sends half of a file, and then nothing until it is let go."""

    SIZE = 1_000_000
    halfway = threading.Event()
    let_go = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(self.SIZE))
        self.end_headers()
        self.wfile.write(bytes(self.SIZE // 2))
        self.wfile.flush()
        self.halfway.set()
        self.let_go.wait(60)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelSpec]:
    SlowServer.halfway.clear()
    SlowServer.let_go.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    spec = ModelSpec(
        name="slow",
        title="Slow",
        config=None,
        url=f"http://127.0.0.1:{server.server_port}/slow.pt",
        size=SlowServer.SIZE,
        sha256="0" * 64,
    )
    monkeypatch.setattr("napari_sam2.models.catalog.CATALOG", {"slow": spec})
    yield spec
    SlowServer.let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_ctrl_c_stops_a_download_and_keeps_what_has_arrived(
    slow_model: ModelSpec,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["napari-sam2", "models", "download", "slow"])

    def interrupt() -> None:
        SlowServer.halfway.wait(30)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as end:
        cli.main()
    thread.join()
    assert end.value.code == 130
    assert "Stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
    assert (models_folder() / "slow.pt.part").is_file()
    assert not (models_folder() / "slow.pt").exists()
