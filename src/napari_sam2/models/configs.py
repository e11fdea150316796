"""Where the YAML files are that describe an architecture."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from napari_sam2.errors import CheckpointError

__all__ = ["OFFICIAL_CONFIGS", "config_file"]

OFFICIAL_CONFIGS = tuple(
    f"configs/{version}/{version}_hiera_{size}.yaml"
    for version in ("sam2.1", "sam2")
    for size in ("t", "s", "b+", "l")
)
"""Configs that sam2 carries, named as its ``build_sam2`` takes them."""


def config_file(config: str) -> Path:
    """Path of a config.

    Parameters
    ----------
    config : str
        Path of a YAML file, or one of :data:`OFFICIAL_CONFIGS`; its folders and
        its suffix may be left out.

    Raises
    ------
    CheckpointError
        If there is no such config.
    """
    path = Path(config).expanduser()
    if path.is_file():
        return path.resolve()
    for name in OFFICIAL_CONFIGS:
        if config in (name, Path(name).name, Path(name).stem):
            return _sam2_folder() / name
    known = ", ".join(Path(name).stem for name in OFFICIAL_CONFIGS)
    msg = (
        f"There is no config {config!r}. Give the path of a YAML file, or one of "
        f"{known}."
    )
    raise CheckpointError(msg)


def _sam2_folder() -> Path:
    # Finding a package does not import it: importing sam2 initializes Hydra.
    spec = importlib.util.find_spec("sam2")
    if spec is None or not spec.submodule_search_locations:
        msg = "The package sam2 is not installed. Run `pip install sam2`."
        raise CheckpointError(msg)
    return Path(spec.submodule_search_locations[0])
