"""The half of SAM 2 that looks at the image, made ready for inference."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from sam2.modeling.sam2_base import SAM2Base

    from napari_sam2.engines.cancellation import CancelToken

__all__ = ["DEVIATION", "MEAN", "ImageEncoder", "normalized", "watched"]

# Mean and deviation of ImageNet, in which SAM 2 was trained.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)


class ImageEncoder(nn.Module):
    """From normalized pixels to all that the decoder needs of an image.

    Computes what ``SAM2ImagePredictor.set_image`` computes, with the same
    modules, except for the position encodings of the neck, which only the
    memory of the video predictor reads.

    Parameters
    ----------
    model : SAM2Base
        Taken apart: not to be used by anybody else any more.
    """

    def __init__(self, model: SAM2Base) -> None:
        super().__init__()
        encoder = model.image_encoder
        self.trunk = encoder.trunk
        self.neck = encoder.neck
        self.neck.position_encoding = _NoPosition()
        self._scalp: int = encoder.scalp
        self._high_res: bool = model.use_high_res_features_in_sam
        if self._high_res:
            self.conv_s0 = model.sam_mask_decoder.conv_s0
            self.conv_s1 = model.sam_mask_decoder.conv_s1
        self.no_memory: nn.Parameter | None = (
            model.no_mem_embed if model.directly_add_no_mem_embed else None
        )

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Encode.

        Parameters
        ----------
        pixels : Tensor of float, shape (1, 3, size, size)
            As :func:`normalized` makes them.

        Returns
        -------
        tuple of Tensor
            The embedding at stride 16; then, if the model has them, the
            high-resolution features at strides 4 and 8.
        """
        features, _ = self.neck(self.trunk(pixels))
        features = features[: len(features) - self._scalp]
        embedding = features[-1]
        if self.no_memory is not None:
            embedding = embedding + self.no_memory.view(1, -1, 1, 1)
        if not self._high_res:
            return (embedding,)
        return embedding, self.conv_s0(features[0]), self.conv_s1(features[1])

    def blocks(self) -> list[nn.Module]:
        """Return the modules that run one after another, in pieces that last."""
        return [*_unpacked(self.trunk), *_unpacked(self.neck.convs)]


class _NoPosition(nn.Module):
    """Stands for a position encoding that nobody reads."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.new_empty(0)


def normalized(
    image: npt.NDArray[np.uint8], size: int, device: torch.device
) -> torch.Tensor:
    """Squash an image to the model's square, as ``SAM2Transforms`` does it.

    Scaled to 0 … 1, resized (bilinear, antialiased), normalized.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB. If its last axis has stride 0 (a gray image that was broadcast),
        the work is done for one channel only.
    size : int
        Side of the square.
    device : torch.device
        Where the result is wanted.

    Returns
    -------
    Tensor of float32, shape (1, 3, size, size)
    """
    gray = image.strides[2] == 0
    # Antialiasing is not implemented on every accelerator.
    worker = device if device.type == "cuda" else torch.device("cpu")
    channels = []
    for channel in range(1 if gray else 3):
        # One at a time, so that a large plane is held in floats only once. The
        # copy is not only contiguous but writeable, which torch insists on.
        plane = torch.from_numpy(np.array(image[..., channel], order="C"))
        pixels = plane.to(worker).to(torch.float32).div_(255)[None, None]
        if pixels.shape[2:] != (size, size):
            pixels = interpolate(
                pixels,
                (size, size),
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
        channels.append(pixels)
    square = torch.cat(channels, dim=1)
    mean = square.new_tensor(MEAN).view(1, 3, 1, 1)
    deviation = square.new_tensor(DEVIATION).view(1, 3, 1, 1)
    return ((square - mean) / deviation).to(device)


@contextmanager
def watched(
    blocks: list[nn.Module],
    cancel: CancelToken | None,
    progress: Callable[[float], None] | None,
) -> Iterator[None]:
    """Look at ``cancel`` before each block runs, and report the progress.

    Nothing stays behind on the modules, however the block ends.

    Parameters
    ----------
    blocks : list of Module
        In no particular order; each counts for the same share of the work.
    cancel : CancelToken, optional
        Ends the forward pass by raising :class:`~napari_sam2.errors.Cancelled`.
    progress : callable, optional
        Called with the fraction done, from 0 to 1.
    """
    begun: set[nn.Module] = set()

    def look(module: nn.Module, _inputs: object) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None and module not in begun:
            progress(len(begun) / len(blocks))
        begun.add(module)

    hooks = [block.register_forward_pre_hook(look) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if cancel is not None:
        cancel.raise_if_cancelled()
    if progress is not None:
        progress(1.0)


def _unpacked(module: nn.Module) -> list[nn.Module]:
    """Return the first modules on every branch that are no mere containers."""
    found = []
    for child in module.children():
        found += _unpacked(child) if isinstance(child, _CONTAINERS) else [child]
    return found
