"""The baseline: the official predictor, as its users call it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from napari_sam2.models.build import build_model

if TYPE_CHECKING:
    import numpy as np

    from napari_sam2.models.catalog import ModelSpec

__all__ = ["OfficialPredictor"]


class OfficialPredictor:
    """``SAM2ImagePredictor`` on a device, with its work finished at every return.

    Parameters
    ----------
    spec : ModelSpec
        Of an architecture of SAM 2.1.
    device : str
        Of torch.
    """

    def __init__(self, spec: ModelSpec, device: str) -> None:
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        with warnings.catch_warnings():
            # It scripts its transforms, which torch deprecates.
            warnings.simplefilter("ignore")
            self.predictor = SAM2ImagePredictor(build_model(spec, device))
        self._cuda = torch.device(device).type == "cuda"

    def encode(self, rgb: np.ndarray) -> None:
        """Call ``set_image``."""
        self.predictor.set_image(rgb)
        if self._cuda:
            torch.cuda.synchronize()

    @torch.no_grad()
    def click(self) -> tuple[np.ndarray, np.ndarray]:
        """Do what ``predict`` does for a click, up to the low-resolution masks."""
        predictor = self.predictor
        model, features = predictor.model, predictor._features
        points = torch.full((1, 1, 2), model.image_size / 3, device=predictor.device)
        labels = torch.ones((1, 1), dtype=torch.int, device=predictor.device)
        sparse, dense = model.sam_prompt_encoder(
            points=(points, labels), boxes=None, masks=None
        )
        masks, scores, _, _ = model.sam_mask_decoder(
            image_embeddings=features["image_embed"],
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            repeat_image=False,
            high_res_features=features["high_res_feats"],
        )
        return masks.cpu().numpy(), scores.cpu().numpy()
