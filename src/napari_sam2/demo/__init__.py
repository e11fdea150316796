"""See the tool at work: ``napari-sam2 demo``.

With a screen, napari opens with the tool on a microscopy image, for the user to
play with. Without one, the window is driven on a virtual screen, and what comes
of it is measured against the truth.
"""

from __future__ import annotations

__all__ = ["run"]


def run(*, headless: bool = False) -> int:
    """Run the demonstration.

    Parameters
    ----------
    headless : bool
        Drive the window on a virtual screen although there is a real one.

    Returns
    -------
    int
        Exit code: 0 if everything went well.
    """
    import sys

    from napari_sam2.demo.screen import has_screen

    virtual = headless or not has_screen()
    problem = _problem(virtual=virtual)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 1
    return _driven() if virtual else _by_hand()


def _problem(*, virtual: bool) -> str | None:
    """Say in one line why there can be no window."""
    from importlib.util import find_spec

    from napari_sam2.demo.screen import missing_packages

    if not any(map(find_spec, ("PyQt6", "PySide6", "PyQt5", "PySide2"))):
        return "napari has no Qt here: pip install 'napari-sam2[all]'"
    missing = missing_packages(virtual=virtual)
    if missing:
        return (
            "Windows need system libraries that are missing here. On Debian or "
            f"Ubuntu: apt-get install {' '.join(missing)}"
        )
    return None


def _by_hand() -> int:
    import napari

    from napari_sam2.demo.window import open_window

    open_window("cell")
    napari.run()
    return 0


def _driven() -> int:
    """Drive the window in a process of its own.

    It has to end before the virtual screen does: Qt does not survive its screen.
    """
    import os
    import subprocess
    import sys
    from contextlib import nullcontext

    import psutil  # type: ignore[import-untyped, unused-ignore]

    from napari_sam2.demo.screen import ScreenError, virtual_screen

    started = psutil.Process().create_time()
    linux = sys.platform.startswith("linux")
    try:
        with virtual_screen() if linux else nullcontext():
            command = [sys.executable, "-m", "napari_sam2.demo", str(started)]
            # The user's settings of napari are neither followed nor changed.
            environment = {**os.environ, "NAPARI_CONFIG": ""}
            return subprocess.run(command, check=False, env=environment).returncode
    except ScreenError as error:
        print(error, file=sys.stderr)
        return 1
