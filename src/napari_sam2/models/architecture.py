"""From a config to a model that has not learned anything yet.

The configs are those of sam2: nested mappings with a ``_target_``, instantiated
by Hydra's ``instantiate``. Hydra itself is not initialized for that, so a host
that uses Hydra for its own configuration does not notice.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from napari_sam2.errors import CheckpointError
from napari_sam2.models.configs import config_file
from napari_sam2.models.official import without_hydra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["build_architecture"]

_BUILDING_BLOCKS = (
    "sam2.modeling.",
    "sam2.sam2_video_predictor.",
    "napari_sam2.models.",
    "torch.nn.",
)

# What `build_sam2(apply_postprocessing=True)` adds to every config: use the best
# of the three candidates where the single mask is not stable.
_POSTPROCESSING = {
    "dynamic_multimask_via_stability": True,
    "dynamic_multimask_stability_delta": 0.05,
    "dynamic_multimask_stability_thresh": 0.98,
}


def build_architecture(
    config: str | Path, *, apply_postprocessing: bool = True
) -> SAM2Base:
    """Build a model with random weights, as ``sam2.build_sam.build_sam2`` does.

    Parameters
    ----------
    config : str or Path
        YAML file with the key ``model``, or the name of a config of sam2.
    apply_postprocessing : bool
        Fall back to the best of the three candidates where the single mask is
        unstable, the default of ``build_sam2``.

    Returns
    -------
    SAM2Base
        On the CPU, in training mode.

    Raises
    ------
    CheckpointError
        If the config cannot be read, or builds anything but networks of sam2,
        torch and this package.
    """
    from hydra.utils import instantiate

    path = config_file(str(config))
    description = _read(path)
    if apply_postprocessing:
        key = "sam_mask_decoder_extra_args"
        description[key] = {**(description.get(key) or {}), **_POSTPROCESSING}
    for node in _nodes(description):
        # Hiera would load another checkpoint first, only to be overwritten.
        node.pop("weights_path", None)
    with without_hydra():
        _check_targets(description, path)
        try:
            model = instantiate(description, _recursive_=True)
        # Anything may go wrong in the constructors of somebody else's config.
        except Exception as error:
            msg = f"The config {path} does not build a model: {error}"
            raise CheckpointError(msg) from error
        sam2_base = importlib.import_module("sam2.modeling.sam2_base").SAM2Base
    if not isinstance(model, sam2_base):
        msg = f"The config {path} does not describe a SAM 2 model."
        raise CheckpointError(msg)
    return model


def _read(path: Path) -> dict[str, Any]:
    import yaml
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        config = OmegaConf.load(path)
        OmegaConf.resolve(config)
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        msg = f"The config {path} cannot be read: {error}"
        raise CheckpointError(msg) from error
    model = config.get("model") if isinstance(config, DictConfig) else None
    if not isinstance(model, DictConfig) or "_target_" not in model:
        msg = (
            f"The config {path} has no `model` with a `_target_`. Give a config as "
            "sam2 has them, such as sam2.1_hiera_t.yaml."
        )
        raise CheckpointError(msg)
    description = OmegaConf.to_container(model)
    # Hydra would resolve what is left (it was escaped) after the targets have been
    # checked, and one of the resolvers makes new nodes.
    if "${" in str(description):
        msg = (
            f"The config {path} was not used: it has an escaped interpolation "
            "(\\${…}), which is not safe. Write its value instead."
        )
        raise CheckpointError(msg)
    return cast("dict[str, Any]", description)


def _check_targets(config: object, path: Path) -> None:
    """Refuse a config that would call anything but constructors of modules.

    A config that came with somebody's checkpoint is data; ``_target_`` could
    name any function of any installed package.
    """
    from hydra.utils import get_object
    from torch import nn

    for node in _nodes(config):
        if "_target_" not in node:
            continue
        target = node["_target_"]
        allowed = False
        if isinstance(target, str) and target.startswith(_BUILDING_BLOCKS):
            try:
                found = get_object(target)
            except Exception as error:
                msg = f"The config {path} names {target}, which does not exist here."
                raise CheckpointError(msg) from error
            allowed = isinstance(found, type) and issubclass(found, nn.Module)
        if not allowed:
            msg = (
                f"The config {path} was not used: it asks to call {target!r}, and "
                "only networks of sam2, torch and napari_sam2 are safe to build."
            )
            raise CheckpointError(msg)


def _nodes(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _nodes(child)
