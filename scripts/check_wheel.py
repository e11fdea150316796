"""Build the wheel, and use it as a user does who has no checkout.

The wheel is installed into a new environment, in a folder of its own. There napari
must find the plugin and open its widget, and the bundled model must segment.
With ``--venv`` an environment is kept, and the next check takes less time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

NEEDED = (
    "napari_sam2/napari.yaml",
    "napari_sam2/py.typed",
    "napari_sam2/models/starter/starter.yaml",
    "napari_sam2/models/starter/starter.safetensors",
)
USE = """
from importlib.metadata import version
from pathlib import Path

import napari
import napari_sam2
import npe2
import numpy as np
from napari_sam2.samples import nuclei

where = Path(napari_sam2.__file__).parent
assert where.is_relative_to({venv!r}), where
print(f"napari-sam2 {{version('napari-sam2')}} in {{where}}")

plugins = npe2.PluginManager.instance()
plugins.discover()
manifest = plugins.get_manifest("napari-sam2")
print(f"npe2 finds the plugin: {{manifest.display_name}}")

(image, *_), (truth, *_) = nuclei()
nucleus = truth == np.bincount(truth[truth > 0]).argmax()
center = np.argwhere(nucleus).mean(axis=0)
mask = napari_sam2.Segmenter().set_image(image).predict(points=[center]).mask
iou = (mask & nucleus).sum() / (mask | nucleus).sum()
print(f"Segmenter() segments a nucleus: IoU {{iou:.2f}}")
assert iou > 0.5

viewer = napari.Viewer()
viewer.add_image(image)
_, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
print(f"The widget opens: {{type(widget).__name__}}")
viewer.close()
"""


def main() -> int:
    """Return 0 if the wheel works."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--venv", type=Path, help="environment to use and to keep")
    wanted = parser.parse_args().venv
    with tempfile.TemporaryDirectory(prefix="napari-sam2-wheel-") as name:
        folder = Path(name).resolve()
        venv = (wanted or folder / "venv").resolve()
        try:
            wheel = built(folder)
            missing = missing_from(wheel)
            if missing:
                print(f"The wheel lacks {missing}", file=sys.stderr)
                return 1
            python = install(wheel, venv)
            run(python, "-c", USE.format(venv=str(venv)), cwd=folder)
        except subprocess.CalledProcessError as error:
            return error.returncode
    print("The wheel works.")
    return 0


def built(folder: Path) -> Path:
    """Build the wheel into a folder."""
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--wheel-dir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("napari_sam2-*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def missing_from(wheel: Path) -> list[str]:
    """Name the files that must be in the wheel and are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    return [name for name in NEEDED if name not in names]


def install(wheel: Path, venv: Path) -> str:
    """Install the wheel with its dependencies; return the environment's Python."""
    bootstrap = (sys.executable, str(ROOT / "scripts" / "bootstrap.py"))
    run(*bootstrap, "--venv", str(venv), "--wheel", str(wheel), "--extras", "all")
    python = str(venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    # A kept environment has the same version already, of an older build.
    again = ("-m", "pip", "install", "-q", "--force-reinstall", "--no-deps")
    run(python, *again, str(wheel))
    return python


def run(*command: str, cwd: Path | None = None) -> None:
    """Run a command; raise if it fails."""
    subprocess.run(command, check=True, cwd=cwd)


if __name__ == "__main__":
    sys.exit(main())
