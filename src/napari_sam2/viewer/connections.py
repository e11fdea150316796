"""Connections that hold no one, and that one call undoes."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connections", "weakly"]

_Owner = TypeVar("_Owner")


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


def weakly(owner: _Owner, method: Callable[..., None]) -> Callable[..., None]:
    """Bind a method to its object without keeping that alive.

    Parameters
    ----------
    owner : object
        Nothing is done once it is gone.
    method : callable
        As its class has it: called with ``owner`` and what else is passed.
    """
    reference = weakref.ref(owner)

    def call(*args: Any) -> None:
        alive = reference()
        if alive is not None:
            method(alive, *args)

    return call
