"""Pixels reach the model exactly as the official transforms bring them there."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sam2.utils.transforms import SAM2Transforms

from napari_sam2.engines.encoder import normalized
from tests.engines.official import picture

CPU = torch.device("cpu")


def official(image: np.ndarray, size: int) -> torch.Tensor:
    with warnings.catch_warnings():
        # It scripts its transforms, which torch deprecates.
        warnings.simplefilter("ignore")
        transforms = SAM2Transforms(resolution=size, mask_threshold=0.0)
    pixels: torch.Tensor = transforms(image)[None]
    return pixels


@pytest.mark.parametrize("size", [96, 256])
@pytest.mark.parametrize(
    "shape", [(256, 256), (96, 96), (700, 420), (40, 300), (1, 1), (3, 500)]
)
def test_equals_the_official_transforms(shape: tuple[int, int], size: int) -> None:
    image = picture(*shape)
    torch.testing.assert_close(
        normalized(image, size, CPU), official(image, size), rtol=0, atol=1e-6
    )


def test_a_broadcast_gray_plane_equals_its_copy() -> None:
    gray = picture(120, 200)[..., :1]
    broadcast = np.broadcast_to(gray[..., 0, None], (120, 200, 3))
    copied = np.repeat(gray, 3, axis=2)
    assert broadcast.strides[2] == 0
    assert torch.equal(normalized(broadcast, 96, CPU), normalized(copied, 96, CPU))


@pytest.mark.parametrize(
    "lies",
    [
        lambda image: image[::-1, ::-1],
        lambda image: image.transpose(1, 0, 2),
        lambda image: np.asfortranarray(image),
        lambda image: image[..., ::-1],
    ],
    ids=["turned", "transposed", "column by column", "BGR"],
)
def test_any_layout_in_memory(lies) -> None:  # type: ignore[no-untyped-def]
    image = lies(picture(90, 130))
    image.flags.writeable = False
    assert torch.equal(
        normalized(image, 96, CPU), normalized(np.array(image, order="C"), 96, CPU)
    )
