"""What the process of a window may load."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import numpy as np
from napari_sam2.engines.torch import TorchEngine
from napari_sam2.models.architecture import build_architecture
from napari_sam2.models.catalog import CATALOG
from napari_sam2.segmentation.segmenter import Segmenter

for name in ("starter", "sam2.1-tiny"):
    model = build_architecture(CATALOG[name].config).eval()
    segmenter = Segmenter(engine=TorchEngine(model, "cpu"))
    segmenter.set_image(np.eye(64)).predict(points=[(9, 9)])
print(*sorted({"torch", "torchvision", "triton"} & set(sys.modules)))
"""


def test_segmenting_loads_no_triton() -> None:
    # Triton brings an LLVM of its own. Loaded after that of Mesa, with which a
    # window without a graphics card is drawn, it ends the process with a
    # segmentation fault. torchvision loads it.
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["torch"]
