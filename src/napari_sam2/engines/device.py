"""The devices that torch can compute on, and how they fail."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_sam2.errors import (
    Cancelled,
    EngineError,
    NapariSam2Error,
    OutOfMemoryError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["choose_device", "guarded"]

T = TypeVar("T")

# What the allocators of CUDA, MPS and the CPU say.
_TOO_LITTLE = ("out of memory", "can't allocate memory", "not enough memory")

# torch's commands to Apple's GPUs are not to be given by two threads at a time.
_ON_MPS = threading.RLock()


def choose_device(name: str) -> torch.device:
    """Find a device.

    Parameters
    ----------
    name : str
        ``"auto"`` (CUDA, else MPS, else the CPU), or a name that torch knows.

    Returns
    -------
    torch.device
        With its index, if it is one of CUDA.

    Raises
    ------
    EngineError
        If there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EngineError(
            f'torch knows no device "{name}". Choose "auto", "cpu", "cuda" or "mps".'
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(
            "torch finds no CUDA device here. Choose the CPU, or install a torch "
            "that is built for CUDA and an NVIDIA driver."
        )
    if device.type == "cuda":
        # Typed as never None; it is for plain "cuda", which means the current one.
        index = torch.cuda.current_device() if ":" not in name else device.index
        if index >= torch.cuda.device_count():
            raise EngineError(
                f"There is no {name}: torch finds {torch.cuda.device_count()} "
                "CUDA device(s), counted from 0."
            )
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise EngineError("torch finds no MPS device here. Choose the CPU.")
    return device


def guarded(device: str, compute: Callable[[], T]) -> T:
    """Compute, and say in our own words what the device could not do.

    Raises
    ------
    OutOfMemoryError
        Instead of the several exceptions that torch has for it.
    EngineError
        Instead of any other ``RuntimeError``.
    Cancelled, NapariSam2Error
        As ``compute`` raises them.
    """
    try:
        with _ON_MPS if device.startswith("mps") else nullcontext():
            return compute()
    except NapariSam2Error:
        raise
    except Cancelled:
        failure: Exception = Cancelled()
    except (MemoryError, RuntimeError) as error:
        words = str(error).lower()
        if not isinstance(error, MemoryError) and all(
            sign not in words for sign in _TOO_LITTLE
        ):
            raise EngineError(f"{device} could not compute: {error}") from error
        failure = OutOfMemoryError(
            f"{device} has too little memory for this model. Choose a smaller "
            "model or another device, or close what else uses the memory."
        )
    # Without the traceback of the failed pass, which would keep all its tensors
    # for as long as somebody keeps the exception.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    raise failure
