"""What sets the environment up touches nothing but an environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import bootstrap

    return bootstrap


def test_a_folder_with_something_else_in_it_is_left_alone(
    bootstrap: Any, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="no virtual environment"):
        bootstrap.make_environment(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_environment_that_is_broken_is_made_anew(
    bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = nowhere")
    (tmp_path / "rest").touch()
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(bootstrap, "run", lambda *command: ran.append(command))
    python = bootstrap.make_environment(tmp_path)
    assert ran == [(sys.executable, "-m", "venv", str(tmp_path))]
    assert not tmp_path.exists()
    assert Path(python).is_relative_to(tmp_path)
