"""Run a command on a virtual screen, or on the real one if there is one.

::

    python scripts/on_screen.py python -m pytest
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext

from napari_sam2.demo.screen import ScreenError, has_screen, virtual_screen


def main(command: list[str]) -> int:
    """Return the exit code of the command."""
    try:
        with nullcontext() if has_screen() else virtual_screen():
            return subprocess.run(command, check=False).returncode
    except ScreenError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
