"""The machine on which figures were measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from napari_sam2.engines.calibration import processor

__all__ = ["describe"]

_PACKAGES = ("napari-sam2", "napari", "numpy", "torch", "sam2", "onnxruntime-gpu")


def describe() -> dict[str, object]:
    """Describe processor, memory, accelerator and versions.

    Returns
    -------
    dict
        Ready for JSON.
    """
    import torch

    cuda = torch.cuda.is_available()
    return {
        "processor": processor(),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "gpu": torch.cuda.get_device_name() if cuda else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch_threads": torch.get_num_threads(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _cores() -> int | None:
    # Those that this process may use, where the system tells.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_gib() -> float | None:
    if not hasattr(os, "sysconf"):
        return None
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return round(pages * size / 2**30, 1)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
