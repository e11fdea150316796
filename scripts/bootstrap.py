#!/usr/bin/env python3
"""Make a virtual environment with the package and all that it needs.

``make`` runs this with whichever Python 3.11 or newer there is, so it needs
nothing but the standard library. What is in place already is left alone: on a
second run it takes a second.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the steps that are not done yet; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument(
        "--wheel", type=Path, help="install this instead of the checkout"
    )
    parser.add_argument("--extras", default="all,test")
    wanted = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - ruff takes our word for it
        print("napari-sam2 needs Python 3.11 or newer: make PYTHON=python3.11 …")
        return 1
    package = [str(wanted.wheel)] if wanted.wheel else ["-e", str(ROOT)]
    package[-1] += f"[{wanted.extras}]"
    try:
        install_system_packages()
        install(make_environment(wanted.venv), package)
    except subprocess.CalledProcessError as error:
        print(f"This failed: {' '.join(error.cmd)}", file=sys.stderr)
        return 1
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def install_system_packages() -> None:
    """Install what Qt needs where that is allowed, else name it in one line."""
    # The package is not installed yet, but this part of it needs nothing else.
    sys.path.insert(0, str(ROOT / "src"))
    from napari_sam2.demo.screen import has_screen, missing_packages

    missing = missing_packages(virtual=not has_screen())
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


def make_environment(venv: Path) -> str:
    """Make the virtual environment, anew if it is of no use; return its Python.

    Raises
    ------
    FileExistsError
        If there is a folder of that name with something else in it.
    """
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not succeeds(str(python), "import sys; assert sys.version_info >= (3, 11)"):
        if venv.exists() and any(venv.iterdir()):
            if not (venv / "pyvenv.cfg").is_file():
                raise FileExistsError(f"{venv} is no virtual environment: left alone")
            shutil.rmtree(venv)
        run(sys.executable, "-m", "venv", str(venv))
    return str(python)


def install(python: str, package: list[str]) -> None:
    """Install torch, then ``sam2``, whose build imports torch, then the package."""
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "-q")
    if not succeeds(python, "import torch, torchvision"):
        print("Installing PyTorch, the largest part: some minutes…", flush=True)
        run(*pip, "torch>=2.5.1", "torchvision>=0.20.1")
    if not succeeds(python, "import importlib.metadata as m; m.version('sam2')"):
        # Without isolation it builds against the torch that is here, instead of
        # one downloaded for the build; its CUDA extension is not used.
        environment = {**os.environ, "SAM2_BUILD_CUDA": "0"}
        run(*pip, "setuptools>=77", "wheel")
        run(*pip, "--no-build-isolation", "sam2>=1.1,<2", env=environment)
    print("Installing napari, Qt and the package itself…", flush=True)
    run(*pip, *package)


def succeeds(python: str, code: str) -> bool:
    """Whether a Python exists and runs some code without an error."""
    try:
        answer = subprocess.run([python, "-c", code], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return answer.returncode == 0


def run(*command: str, env: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Run a command; raise if it fails."""
    output = subprocess.DEVNULL if quiet else None
    subprocess.run(command, check=True, env=env, stdout=output)


if __name__ == "__main__":
    sys.exit(main())
