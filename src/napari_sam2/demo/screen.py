"""Is there a screen? If not, a virtual one."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ScreenError", "has_screen", "missing_packages", "virtual_screen"]

LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What Qt opens on Linux, and the Debian package that brings it."""

_SIZE = "1600x1000x24"
_SECONDS_TO_START = 10.0


class ScreenError(Exception):
    """There is no screen and none can be made; the message says what to do."""


def has_screen() -> bool:
    """Whether windows can be seen here; macOS and Windows always show them."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def missing_packages(*, virtual: bool) -> list[str]:
    """Return the Debian packages that a window would miss on this machine.

    Parameters
    ----------
    virtual : bool
        Whether the screen is to be a virtual one.
    """
    if not sys.platform.startswith("linux"):
        return []
    missing = [package for name, package in LIBRARIES.items() if not _loads(name)]
    if virtual and shutil.which("Xvfb") is None:
        missing.append("xvfb")
    return missing


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Run an X server that shows nothing, and point this process to it.

    To be entered before anything imports Qt.

    Yields
    ------
    str
        The display, such as ``":99"``.

    Raises
    ------
    ScreenError
        If the X server is missing or does not start.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise ScreenError("There is no virtual screen: apt-get install xvfb")
    reading, writing = os.pipe()
    # The server picks a free number by itself and tells it through the pipe.
    command = [program, "-displayfd", str(writing), "-screen", "0", _SIZE]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp"],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    before = dict(os.environ)
    try:
        display = f":{_number(reading)}"
        os.environ.update(DISPLAY=display, QT_QPA_PLATFORM="xcb")
        os.environ.pop("WAYLAND_DISPLAY", None)
        yield display
    finally:
        os.close(reading)
        server.terminate()
        server.wait()
        for name in ("DISPLAY", "QT_QPA_PLATFORM", "WAYLAND_DISPLAY"):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def _number(reading: int) -> int:
    said = b""
    while not said.endswith(b"\n"):
        ready, _, _ = select.select([reading], [], [], _SECONDS_TO_START)
        more = os.read(reading, 16) if ready else b""
        if not more:
            raise ScreenError("The virtual screen (Xvfb) does not start here.")
        said += more
    return int(said)
