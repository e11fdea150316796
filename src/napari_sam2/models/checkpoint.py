"""Reading weights from files that are not trusted, into a given architecture."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

from napari_sam2.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import torch
    from torch import nn

__all__ = ["load_into", "read_checkpoint"]

_NESTED_UNDER = ("model", "state_dict", "model_state_dict", "model_state")


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint, without running any code in it.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file, or what ``torch.save`` wrote: the official
        ``{"model": state_dict}`` or a bare state dict.

    Returns
    -------
    dict of str to Tensor
        On the CPU, in the precision in which they are stored.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, holds no weights, or holds objects that
        could run code.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        msg = f"The checkpoint {path} cannot be read: {error}"
        raise CheckpointError(msg) from error
    if size == 0:
        msg = f"The checkpoint {path} is empty. Download or copy it again."
        raise CheckpointError(msg)
    if foreign := _foreign(head):
        msg = f"{path} is {foreign}, not a checkpoint. Download the file itself."
        raise CheckpointError(msg)
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    return _read_torch(path)


def _foreign(head: bytes) -> str | None:
    """Say what a file is that people often have instead of a checkpoint."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<error")):
        return "a web page"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    return None


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint {path} is damaged or incomplete. Download or copy it again."
    )


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise _damaged(path) from error


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # The one exception type stands for both damage and refusal.
        if found := _refused(str(error)):
            msg = (
                f"The checkpoint {path} was not loaded, because it is unsafe: it "
                f"contains {found}, which could run any code on this computer. Ask "
                "for a file with weights only, best as .safetensors."
            )
            raise CheckpointError(msg) from error
        raise _damaged(path) from error
    except MemoryError:
        raise
    # A damaged pickle can raise nearly anything.
    except Exception as error:
        raise _damaged(path) from error
    return _state_dict(content, path)


def _refused(message: str) -> str | None:
    """Name of the object that torch refused to unpickle, if it was that."""
    if match := re.search(r"Unsupported (?:global: GLOBAL|class) (\S+)", message):
        return f"the Python object {match.group(1)}"
    if re.search(r"Trying to (?:load|call|instantiate|access)|blocklist", message):
        return "Python code"
    return None


def _state_dict(content: object, path: Path) -> dict[str, torch.Tensor]:
    import torch

    if isinstance(content, dict):
        for key in _NESTED_UNDER:
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if (
        isinstance(content, dict)
        and content
        and all(isinstance(key, str) for key in content)
        and all(isinstance(value, torch.Tensor) for value in content.values())
    ):
        return dict(content)
    msg = (
        f"The checkpoint {path} holds no weights of a model. Expected is what "
        '`torch.save({"model": model.state_dict()}, …)` writes.'
    )
    raise CheckpointError(msg)


def load_into(
    model: nn.Module,
    state: Mapping[str, torch.Tensor],
    path: Path,
    *,
    title: str = "this model",
) -> None:
    """Copy weights into a model, all of them and nothing else.

    Parameters
    ----------
    model : Module
        Takes the weights in its own precision.
    state : mapping of str to Tensor
        As :func:`read_checkpoint` returned it.
    path : Path
        Where it came from, for messages.
    title : str
        What the model is, for messages.

    Raises
    ------
    CheckpointError
        If weights are missing, left over, or of another shape.
    """
    expected = {key: tensor.shape for key, tensor in model.state_dict().items()}
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    mismatched = [
        key for key in expected if key in state and state[key].shape != expected[key]
    ]
    if missing or unexpected or mismatched:
        parts = [
            _summary(keys, what)
            for keys, what in (
                (missing, "missing"),
                (unexpected, "too many"),
                (mismatched, "of another shape"),
            )
            if keys
        ]
        msg = (
            f"The checkpoint {path} does not fit the architecture of {title}: "
            f"{'; '.join(parts)}. Give the config that the checkpoint was trained "
            "with."
        )
        raise CheckpointError(msg)
    model.load_state_dict(dict(state))


def _summary(keys: Iterable[str], what: str) -> str:
    keys = list(keys)
    noun = "tensor is" if len(keys) == 1 else "tensors are"
    parts: dict[str, int] = {}
    for key in keys:
        part = ".".join(key.split(".")[:2])
        parts[part] = parts.get(part, 0) + 1
    common = sorted(parts, key=lambda part: -parts[part])[:3]
    more = ", …" if len(parts) > len(common) else ""
    return f"{len(keys)} {noun} {what} ({', '.join(common)}{more})"
