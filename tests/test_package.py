"""The package as it is installed: light to import, and found by napari."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points, version
from importlib.resources import files

import npe2
import pytest

import napari_sam2

HEAVY = ("torch", "sam2", "skimage", "scipy", "onnxruntime", "napari", "qtpy", "PyQt6")

PROBE = """
import napari_sam2, sys, time
print(time.process_time())
print(*{name.partition(".")[0] for name in sys.modules})
"""


def import_in_new_process() -> tuple[float, set[str]]:
    """CPU seconds from the start of the process, and what it has imported."""
    spent, modules = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return float(spent), set(modules.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    _, modules = import_in_new_process()
    assert "napari_sam2" in modules
    assert modules.isdisjoint(HEAVY)


def test_importing_the_package_takes_under_300_ms_of_cpu() -> None:
    # The best of several is free of what else the machine does meanwhile.
    spent = min(import_in_new_process()[0] for _ in range(5))
    print(f"import napari_sam2: {1000 * spent:.0f} ms of CPU, Python's start included")
    assert spent < 0.3


@pytest.mark.parametrize("name", napari_sam2.__all__)
def test_every_public_name_is_there_when_asked_for(name: str) -> None:
    assert getattr(napari_sam2, name) is not None
    assert name in dir(napari_sam2)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'segment_everything'"):
        _ = napari_sam2.segment_everything


def test_the_version_has_one_source() -> None:
    assert version("napari-sam2") == napari_sam2.__version__


def test_napari_finds_the_manifest() -> None:
    (entry,) = entry_points(group="napari.manifest", name="napari-sam2")
    assert entry.value == "napari_sam2:napari.yaml"
    manifest = npe2.PluginManifest.from_distribution("napari-sam2")
    assert manifest.display_name == "SAM 2"
    manifest.validate_imports()


def test_the_manifest_offers_the_widget() -> None:
    manifest = npe2.PluginManifest.from_distribution("napari-sam2")
    assert [widget.display_name for widget in manifest.contributions.widgets or ()] == [
        "SAM 2"
    ]


def test_the_starter_model_is_part_of_the_package() -> None:
    starter = files("napari_sam2") / "models" / "starter"
    assert (starter / "starter.yaml").is_file()
    assert (starter / "starter.safetensors").is_file()
