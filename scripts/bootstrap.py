#!/usr/bin/env python3
"""Make ``.venv`` with everything that the demo and the tests need.

``make`` runs this with whichever Python 3.11 or newer there is, so nothing but
the standard library is imported. What is in place already is left alone: on a
second run it takes a second.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

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
"""Shared libraries that Qt opens on Linux, and the Debian package of each."""


def main() -> int:
    """Run the steps that are not done yet; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--extras", default="all,test", help="extras of the package to install"
    )
    extras = parser.parse_args().extras
    if sys.version_info < (3, 11):  # noqa: UP036 - ruff takes our word for it
        print("napari-sam2 needs Python 3.11 or newer: make PYTHON=python3.11 …")
        return 1
    try:
        install_system_packages()
        make_environment()
        install_package(extras)
    except subprocess.CalledProcessError as error:
        print(f"This failed: {' '.join(error.cmd)}", file=sys.stderr)
        return 1
    return 0


def install_system_packages() -> None:
    """Install what Qt needs where that is allowed, else name it in one line."""
    if sys.platform != "linux":
        return
    missing = [package for name, package in LIBRARIES.items() if not loads(name)]
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not screen and shutil.which("xvfb-run") is None:
        missing += ["xvfb", "xauth"]
    if importlib.util.find_spec("ensurepip") is None:
        missing.append("python3-venv")
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"Please install what Qt needs: apt-get install {' '.join(missing)}")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print(f"Installing system packages: {' '.join(missing)}", flush=True)
    run("apt-get", "update", "-qq", env=environment)
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
    run(*install, *missing, env=environment, quiet=True)


def make_environment() -> None:
    """Make the virtual environment, anew if it is of no use."""
    if PYTHON.exists():
        probe = "import sys; sys.exit(sys.version_info < (3, 11))"
        if subprocess.run([PYTHON, "-c", probe], check=False).returncode == 0:
            return
        shutil.rmtree(VENV)
    run(sys.executable, "-m", "venv", str(VENV))


def install_package(extras: str) -> None:
    """Install torch, then ``sam2``, whose build imports torch, then ourselves."""
    pip = (str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-q")
    if not installed("torch") or not installed("torchvision"):
        print("Installing PyTorch, the largest part: some minutes…", flush=True)
        run(*pip, "torch>=2.5.1", "torchvision>=0.20.1")
    if not installed("sam2"):
        # Without isolation it builds against the torch that is here, instead of
        # one downloaded for the build; its CUDA extension is not used.
        environment = {**os.environ, "SAM2_BUILD_CUDA": "0"}
        run(*pip, "setuptools>=77", "wheel")
        run(*pip, "--no-build-isolation", "sam2>=1.1,<2", env=environment)
    print("Installing napari, Qt and the package itself…", flush=True)
    run(*pip, "-e", f"{ROOT}[{extras}]")


def loads(library: str) -> bool:
    """Whether the dynamic linker finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def installed(distribution: str) -> bool:
    """Whether the virtual environment has a distribution."""
    probe = f"import importlib.metadata as m; m.version({distribution!r})"
    command = [str(PYTHON), "-c", probe]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(*command: str, env: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Run a command; raise if it fails."""
    output = subprocess.DEVNULL if quiet else None
    subprocess.run(command, check=True, env=env, stdout=output)


if __name__ == "__main__":
    sys.exit(main())
