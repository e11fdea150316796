"""The modules of the package sam2, without what importing it does to Hydra.

``import sam2`` initializes Hydra's process-wide state, if nobody has before. A
host that initializes Hydra later would then fail, and undoing it would break
another program that relies on it for ``sam2.build_sam.build_sam2``. So the
package's ``__init__`` (which does nothing else) is not run here: its submodules
are imported below a bare package object, which is taken away again. Whoever
imports sam2 next gets what they would have got without us.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["sam2_module", "without_hydra"]

_lock = threading.RLock()
_bare: ModuleType | None = None


@contextmanager
def without_hydra() -> Iterator[None]:
    """Let ``import sam2…`` leave Hydra alone within this context.

    Raises
    ------
    EngineError
        If sam2 is not installed.
    """
    global _bare
    with _lock:
        if "sam2" in sys.modules:
            yield
            return
        if _bare is None:
            spec = importlib.util.find_spec("sam2")
            if spec is None:
                msg = "The package sam2 is not installed. Run `pip install sam2`."
                raise EngineError(msg)
            _bare = importlib.util.module_from_spec(spec)
        sys.modules["sam2"] = _bare
        try:
            yield
        finally:
            if sys.modules.get("sam2") is _bare:
                del sys.modules["sam2"]


def sam2_module(name: str) -> ModuleType:
    """Import a submodule of sam2, such as ``"sam2.utils.transforms"``."""
    with without_hydra():
        return importlib.import_module(name)
