from __future__ import annotations

import pytest
import torch

from napari_sam2.training.start import build


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from more, and a run sets it for the process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model():
    """The starter model as training begins; tests leave it as it is."""
    return build(seed=0, tie=2.0, frequencies=[0.7, 4.0])
