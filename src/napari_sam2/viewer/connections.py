"""Every connection in one list, undone by one call."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connections"]


class Connections:
    """Connections of napari events, psygnal and Qt signals alike."""

    def __init__(self) -> None:
        self._all: list[tuple[Any, Callable[..., Any]]] = []

    def add(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect ``slot`` to ``signal``."""
        signal.connect(slot)
        self._all.append((signal, slot))

    def close(self) -> None:
        """Undo every connection; those whose other end is gone are undone."""
        while self._all:
            signal, slot = self._all.pop()
            with suppress(ValueError, KeyError, RuntimeError, TypeError):
                signal.disconnect(slot)
