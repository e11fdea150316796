"""Synthetic microscopy with exact ground truth.

Every scene is a function of a kind, a shape and a seed, and of nothing else. They
serve as demonstration data, as truth in tests, and as part of what the starter model
is trained on.

>>> from napari_sam2.synthesis import generate
>>> scene = generate("nuclei", (256, 256), seed=1)
>>> scene.image.shape, scene.image.dtype, scene.labels.dtype
((256, 256), dtype('uint16'), dtype('uint16'))
"""

from __future__ import annotations

from napari_sam2.synthesis.scene import KINDS, Scene, generate

__all__ = ["KINDS", "Scene", "generate"]
