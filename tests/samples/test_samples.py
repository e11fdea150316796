"""Every sample opens, without the network, as what the menu says it is."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import numpy as np
import pytest
from npe2 import PluginManager, PluginManifest

from napari_sam2 import samples
from napari_sam2.synthesis import KINDS

MANIFEST = PluginManifest.from_distribution("napari-sam2")
KEYS = [sample.key for sample in MANIFEST.contributions.sample_data or ()]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a sample asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("key", KEYS)
def test_a_sample_opens_from_the_menu(key: str) -> None:
    from napari.components import ViewerModel

    PluginManager.instance().discover(include_npe1=False)
    viewer = ViewerModel()
    image, *truth = viewer.open_sample("napari-sam2", key)
    assert image.data.ndim == 2 + image.rgb
    assert image.data.dtype in (np.uint8, np.uint16)
    assert viewer.dims.ndim == 2
    for layer in truth:
        assert layer.name == "truth"
        assert not layer.visible
        assert not layer.data.flags.writeable
        assert layer.data.shape == image.data.shape[:2]
        assert layer.data.max() >= 3


def test_the_menu_offers_real_and_synthetic_images() -> None:
    assert set(KEYS) == {"cell", "colon", "coins", "retina", *samples.SYNTHETIC}
    assert set(samples.SYNTHETIC) <= set(KINDS)


def test_a_synthetic_sample_is_the_same_every_time() -> None:
    (first, _, _), (truth, _, _) = samples.synthetic("nuclei")
    (again, _, _), (truth_again, _, _) = samples.synthetic("nuclei")
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(truth, truth_again)


def test_a_synthetic_sample_can_have_another_shape_and_seed() -> None:
    (image, attributes, kind), _ = samples.synthetic("smear", shape=(96, 128), seed=7)
    assert (image.shape, attributes["rgb"], kind) == ((96, 128, 3), True, "image")


def test_the_cell_knows_its_pixel_size() -> None:
    ((_, attributes, _),) = samples.cell()
    assert attributes["scale"] == (0.107, 0.107)
    assert attributes["units"] == ("µm", "µm")
