"""From a run to the weights that ship."""

from __future__ import annotations

from pathlib import Path

import torch

from napari_sam2.training import checkpoint

STARTER = Path(__file__).parent.parent / "models" / "starter"
CONFIG = STARTER / "starter.yaml"
ATTRIBUTION = (
    "Trained from scratch on synthetic scenes (napari_sam2.synthesis) and on openly "
    "licensed images: Data Science Bowl 2018 / BBBC038 (CC0, mask fixes by "
    "K. Lopuhin et al.), BBBC039 (CC0, Broad Bioimage Benchmark Collection), NASA "
    "pretrained-microscopy-models (MIT), AMPIS (MIT, R. Cohn), WSU_PlantBio_ML (MIT, "
    "A. Brookhouse), Usiigaci (MIT, OIST, Tsai et al. 2019), data_axondeepseg_sem "
    "(MIT, NeuroPoly, doi:10.5281/zenodo.5498378), FIB-SEM of Drosophila medulla "
    "(CC BY 3.0, Janelia FlyEM, neuroproof_examples)."
)


def export(run: Path, target: Path, attribution: str = ATTRIBUTION) -> int:
    """Write the averaged weights of a run in half precision.

    Parameters
    ----------
    run : pathlib.Path
        Folder of the run.
    target : pathlib.Path
        File to write, `*.safetensors`.
    attribution : str
        Data the weights were trained on, kept in the file's metadata.

    Returns
    -------
    int
        Step of the weights.
    """
    from safetensors.torch import save

    state = checkpoint.load(run / "checkpoint.pt")
    weights = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in state["average"].items()
    }
    # Positions are the one thing that half precision would visibly move.
    exact = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    weights[exact] = state["average"][exact].float()
    metadata = {
        "config": CONFIG.name,
        "step": str(state["step"]),
        "licence": "weights: BSD-3-Clause; training data: see attribution",
        "attribution": attribution,
        "dtype": str(torch.float16),
    }
    partial = target.with_suffix(".part")
    # `save_file` would make a file that only its owner can read.
    partial.write_bytes(save(weights, metadata))
    partial.replace(target)
    return int(state["step"])
