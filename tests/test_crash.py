"""What is left of a session that is killed; `python -m benchmarks crash` is longer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the benchmark forks")
def test_what_was_told_of_is_there_after_a_kill() -> None:
    # In a process of its own: one with threads must not be forked.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "crash", "--kills", "5", "--windows", "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("script"))
    _, kills, told, objects, lost, unreadable, _torn, _ahead = row.split()
    assert (kills, lost, unreadable) == ("5", "0", "0")
    assert int(told) > 5
    assert int(objects) > 0
