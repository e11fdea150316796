"""Tell from the weights which architecture they belong to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_sam2.errors import CheckpointError
from napari_sam2.models.catalog import CATALOG, weights_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

__all__ = ["recognize"]

# Width of the first stage and number of blocks tell the sizes of Hiera apart.
_SIZES = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}

# Parameters that came with SAM 2.1.
_ONLY_IN_2_1 = "no_obj_embed_spatial"

_BLOCK = re.compile(r"image_encoder\.trunk\.blocks\.(\d+)\.")


def recognize(state: Mapping[str, torch.Tensor], path: Path) -> str:
    """Find the config of a checkpoint among the official ones and the starter's.

    Parameters
    ----------
    state : mapping of str to Tensor
        The weights.
    path : Path
        Where they came from, for the message.

    Returns
    -------
    str
        Config, as :func:`~napari_sam2.models.build_architecture` takes it.

    Raises
    ------
    CheckpointError
        If the weights fit none of them.
    """
    patches = state.get("image_encoder.trunk.patch_embed.proj.weight")
    blocks = {match.group(1) for key in state if (match := _BLOCK.match(key))}
    if patches is not None and patches.ndim > 0:
        size = _SIZES.get((patches.shape[0], len(blocks)))
        if size is not None:
            version = "sam2.1" if _ONLY_IN_2_1 in state else "sam2"
            return f"configs/{version}/{version}_hiera_{size}.yaml"
    starter = CATALOG["starter"]
    if starter.config is not None and _shapes(state) == _stored_shapes(
        weights_path(starter)
    ):
        return starter.config
    msg = (
        f"The architecture of {path} is none of the official ones of SAM 2. Give "
        "`config`, the YAML file that the checkpoint was trained with."
    )
    raise CheckpointError(msg)


def _shapes(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


def _stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import safe_open

    if not path.is_file():
        return {}
    with safe_open(path, framework="pt") as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - not a mapping
