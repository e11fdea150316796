"""Reading weights from files that are not trusted, into a given architecture."""

from __future__ import annotations

import pickle
import pickletools
import re
import warnings
import zipfile
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
    # The suffix may be wrong. Safetensors start with the length of a JSON object.
    if head[8:9] == b"{":
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
        _verify_zip(path)
        with warnings.catch_warnings():
            # About pickle protocols that may fail: then it is an exception anyway.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # The one exception type stands for both damage and refusal.
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused or _is_plain_pickle_with_code(path):
            what = f"the Python object {refused[1]}" if refused else "Python objects"
            msg = (
                f"The checkpoint {path} was not loaded, because it is unsafe: it "
                f"contains {what}, and such a file can run any code on this computer. "
                "Ask for a file with weights only, best as .safetensors."
            )
            raise CheckpointError(msg) from error
        raise _damaged(path) from error
    except MemoryError:
        raise
    # A damaged pickle can raise nearly anything.
    except Exception as error:
        if "TorchScript" in str(error):
            msg = (
                f"{path} is a TorchScript program, not a checkpoint. Give the weights "
                "that it was made from."
            )
            raise CheckpointError(msg) from error
        raise _damaged(path) from error
    return _state_dict(content, path)


def _verify_zip(path: Path) -> None:
    """Compare the checksums inside of a zip archive, which torch does not.

    Raises
    ------
    zipfile.BadZipFile
        If the archive is damaged.
    """
    if not zipfile.is_zipfile(path):
        return  # the format of torch before 1.6, or damaged: torch will see
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            # 0: written by torch with checksums switched off.
            if member.CRC:
                with archive.open(member) as file:
                    while file.read(4 << 20):
                        pass


def _is_plain_pickle_with_code(path: Path) -> bool:
    """Whether a file is a whole pickle that calls something, found by reading it.

    Newer pickle protocols than torch writes are refused as if they were damaged.
    """
    try:
        with path.open("rb") as file:
            names = {opcode.name for opcode, _, _ in pickletools.genops(file)}
    except Exception:  # not a pickle, or not whole
        return False
    return not names.isdisjoint(("GLOBAL", "STACK_GLOBAL", "INST", "REDUCE"))


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
        If weights are missing, left over, of another shape, or of a kind that
        cannot be copied.
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
    try:
        model.load_state_dict(dict(state))
    except RuntimeError as error:
        # Sparse tensors, say, which have the right shape and cannot be copied.
        raise _damaged(path) from error


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
