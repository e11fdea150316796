"""A screen for machines without one."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from napari_sam2.demo import screen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere there is always a screen"
)


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({}, False),
        ({"DISPLAY": ""}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
    ],
)
def test_a_screen_is_known_by_its_variables(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], seen: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert screen.has_screen() is seen


def test_what_is_missing_is_named_by_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(screen, "LIBRARIES", {"libnone.so.7": "libnone7"})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert screen.missing_packages(virtual=False) == ["libnone7"]
    assert screen.missing_packages(virtual=True) == ["libnone7", "xvfb"]


def test_without_a_server_the_message_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(screen.ScreenError, match="apt-get install xvfb"),
        screen.virtual_screen(),
    ):
        pass


def test_a_server_that_ends_at_once_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = tmp_path / "Xvfb"
    server.write_text("#!/bin/sh\nexit 1\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(screen.ScreenError, match="does not start"),
        screen.virtual_screen(),
    ):
        pass


def test_the_virtual_screen_is_there_and_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPLAY", ":before")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-before")
    with screen.virtual_screen() as display:
        assert os.environ["DISPLAY"] == display
        assert "WAYLAND_DISPLAY" not in os.environ
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/tmp/.X11-unix/X{display[1:]}")
    assert os.environ["DISPLAY"] == ":before"
    assert os.environ["WAYLAND_DISPLAY"] == "wayland-before"
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match=r".+"):
        client.connect(f"/tmp/.X11-unix/X{display[1:]}")
