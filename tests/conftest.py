"""Every test runs away from the user's own folders, without the network."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings

# Before anything else is imported: napari and platformdirs read the
# environment once, at import.
_HOME = Path(tempfile.mkdtemp(prefix="napari-sam2-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

_FOLDERS = {
    "HOME": "",
    "USERPROFILE": "",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "WIN_PD_OVERRIDE_APPDATA": "config",
    "WIN_PD_OVERRIDE_LOCAL_APPDATA": "data",
    "NAPARI_SAM2_HOME": "napari-sam2",
}
for _name, _folder in _FOLDERS.items():
    (_HOME / _folder).mkdir(exist_ok=True)
    os.environ[_name] = str(_HOME / _folder)
# Nothing is exported and measured behind a test's back.
os.environ["NAPARI_SAM2_ENGINE"] = "torch"
# What one test has seen, the next one has not.
os.environ["NAPARI_SAM2_CACHE_GB"] = "0"
os.environ["NAPARI_CONFIG"] = str(_HOME / "config" / "napari.yaml")

# Few and small arrays: more threads than this only get in each other's way.
os.environ["OMP_NUM_THREADS"] = "2"
os.environ["MKL_NUM_THREADS"] = "2"

if "PYTEST_XDIST_WORKER" in os.environ and shutil.which("Xvfb"):
    from napari_sam2.demo.screen import virtual_screen

    # Windows that share a screen take the focus from each other.
    _screen = virtual_screen()
    _screen.__enter__()
    atexit.register(_screen.__exit__, None, None, None)

pytest_plugins = ["napari.utils._testsupport"]

settings.register_profile("napari-sam2", deadline=None, derandomize=True)
settings.load_profile("napari-sam2")
