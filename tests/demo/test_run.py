"""What the demonstration does before there is a window."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from napari_sam2 import demo
from napari_sam2.demo import screen

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "missing_packages", lambda **_: [])
    monkeypatch.setattr(demo, "_by_hand", lambda: 20)
    monkeypatch.setattr(demo, "_driven", lambda: 30)


@pytest.mark.parametrize(
    ("seen", "headless", "code"),
    [(True, False, 20), (True, True, 30), (False, False, 30)],
)
def test_a_screen_is_used_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, seen: bool, headless: bool, code: int
) -> None:
    monkeypatch.setattr(screen, "has_screen", lambda: seen)
    assert demo.run(headless=headless) == code


def test_missing_libraries_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen, "missing_packages", lambda **_: ["libegl1", "xvfb"])
    assert demo.run(headless=True) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("apt-get install libegl1 xvfb")


def test_a_napari_without_qt_is_told_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert demo.run(headless=True) == 1
    assert "pip install 'napari-sam2[all]'" in capsys.readouterr().err


def test_the_driven_window_gets_a_screen_and_a_fresh_napari(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    seen: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        seen.update(options["env"], command=command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    assert demo._driven() == 3
    assert seen["DISPLAY"].startswith(":")
    assert seen["NAPARI_CONFIG"] == ""
    assert seen["command"][1:3] == ["-m", "napari_sam2.demo"]
