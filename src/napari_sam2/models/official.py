"""The modules of the package sam2, without what importing it does to Hydra.

``import sam2`` initializes Hydra's process-wide state, if nobody has before. A
host that initializes Hydra itself later would then fail; undoing it would break
another program that relies on it, as ``sam2.build_sam.build_sam2`` does. So what
is imported here leaves the package's ``__init__``, which does nothing else, to
be run when somebody else first imports a module of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from napari_sam2.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["sam2_module", "without_hydra"]


class _Here(threading.local):
    depth = 0


_here = _Here()
_lock = threading.Lock()


class _LatePackage(ModuleType):
    """A package whose ``__init__`` runs when it is imported from elsewhere."""

    def __getattribute__(self, name: str) -> Any:
        # The import system asks for it before it looks for a submodule.
        if name == "__path__" and not _here.depth:
            self.__class__ = ModuleType  # type: ignore[assignment]
            spec = self.__spec__
            assert spec is not None
            assert spec.loader is not None
            spec.loader.exec_module(self)
        # Not super(): this is a plain module from here on.
        return ModuleType.__getattribute__(self, name)


@contextmanager
def without_hydra() -> Iterator[None]:
    """Let ``import sam2…`` leave Hydra alone, in this context and thread.

    ``sam2.build_sam`` needs Hydra, and must not be imported here.

    Raises
    ------
    EngineError
        If sam2 is not installed.
    """
    with _lock:
        if "sam2" not in sys.modules:
            spec = importlib.util.find_spec("sam2")
            if spec is None:
                msg = "The package sam2 is not installed. Run `pip install sam2`."
                raise EngineError(msg)
            package = importlib.util.module_from_spec(spec)
            package.__class__ = _LatePackage
            sys.modules["sam2"] = package
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1


def sam2_module(name: str) -> ModuleType:
    """Import a submodule of sam2, such as ``"sam2.utils.transforms"``."""
    with without_hydra():
        return importlib.import_module(name)
