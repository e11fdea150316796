"""The models that are measured, as checkpoints that keep their exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.models.catalog import CATALOG, get_model, is_available, models_folder

if TYPE_CHECKING:
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["MODELS", "prepare_all", "spec_of"]

MODELS = ("starter", "sam2.1-tiny")


def spec_of(name: str) -> ModelSpec:
    """Return a model of the catalogue; with random weights where they are not here.

    How long it takes does not depend on the weights.
    """
    spec = CATALOG[name]
    if is_available(spec):
        return spec
    import torch
    from safetensors.torch import save_file

    from napari_sam2.models.architecture import build_architecture

    path = models_folder().parent / "benchmarks" / f"{name}-random.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        assert spec.config is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = build_architecture(spec.config)
        save_file(model.state_dict(), path)
    return get_model(path, name)


def prepare_all() -> None:
    """Find the best engine of each model, which a window would do in the background.

    While it does, it is slower: what is measured is every start but the first.
    """
    from napari_sam2.engines.chooser import prepare

    for name in MODELS:
        prepare(spec_of(name))
