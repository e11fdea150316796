"""The documentation is true: its examples run, its tables are the program's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent

EXAMPLES = [
    (name, number, code)
    for name in ("README.md", "docs/how-to/headless.md", "docs/how-to/script.md")
    for number, code in enumerate(
        re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    )
]


@pytest.fixture
def viewers(
    make_napari_viewer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let an example open viewers that the test closes, and not wait for a user."""
    import napari

    monkeypatch.setattr(napari, "Viewer", make_napari_viewer)
    monkeypatch.setattr(napari, "run", lambda: None)


@pytest.mark.usefixtures("viewers")
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{name}-{number}")
        for name, number, code in EXAMPLES
        if "import napari\n" in code
    ],
)
def test_an_example_with_a_window_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(code, {})


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{name}-{number}")
        for name, number, code in EXAMPLES
        if "import napari\n" not in code
    ],
)
def test_an_example_without_a_window_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(code, {})


def test_the_page_of_keys_has_the_keys_of_the_program() -> None:
    from napari_sam2.viewer.keymap import documentation

    page = (ROOT / "docs" / "reference" / "keys.md").read_text("utf-8")
    assert documentation() in page


def test_the_page_of_models_has_the_checksums_of_the_program() -> None:
    from napari_sam2.models.catalog import CATALOG

    page = (ROOT / "docs" / "reference" / "models.md").read_text("utf-8")
    for spec in CATALOG.values():
        assert f"`{spec.name}`" in page
        if spec.sha256 is not None:
            assert f"| {spec.size} | `{spec.sha256}` |" in page


def test_the_page_of_settings_has_every_setting_of_the_manifest() -> None:
    import npe2

    manifest = npe2.PluginManifest.from_distribution("napari-sam2")
    page = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    for category in (manifest.contributions.configurations or {}).values():
        assert f"## {category.title}\n" in page
        for setting in category.properties.values():
            assert f"| {setting.title} | {setting.description} |" in page


def test_the_page_of_commands_names_every_command() -> None:
    from napari_sam2.cli import app

    page = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        assert f"napari-sam2 {name}" in page
