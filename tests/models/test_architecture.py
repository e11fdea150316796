from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from napari_sam2.errors import CheckpointError
from napari_sam2.models.architecture import build_architecture
from napari_sam2.models.configs import config_file

if TYPE_CHECKING:
    from pathlib import Path

HOST_BEFORE = """
import hydra
from hydra.core.global_hydra import GlobalHydra
with hydra.initialize_config_dir(FOLDER, version_base="1.1", job_name="host"):
    mine = GlobalHydra.instance().hydra
    build()
    assert GlobalHydra.instance().hydra is mine
    assert hydra.compose("host").answer == 42
    assert str(hydra.version.getbase()) == "1.1"
assert not GlobalHydra.instance().is_initialized()
"""

HOST_AFTER = """
build()
import hydra
from hydra.core.global_hydra import GlobalHydra
assert not GlobalHydra.instance().is_initialized()
hydra.initialize_config_dir(FOLDER, version_base="1.1")
assert hydra.compose("host").answer == 42
build()
assert hydra.compose("host").answer == 42
"""

OFFICIAL_AFTER = """
model = build()
from sam2.build_sam import build_sam2
official = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
assert type(official) is type(model)
import sam2.modeling.sam2_base
assert type(build()) is sam2.modeling.sam2_base.SAM2Base
"""


@pytest.mark.parametrize(
    "host",
    [HOST_BEFORE, HOST_AFTER, OFFICIAL_AFTER],
    ids=["hydra before", "hydra after", "sam2 after"],
)
def test_hydra_of_the_host_does_not_notice(host: str, tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("answer: 42\n")
    script = (
        f"FOLDER = {str(tmp_path)!r}\n"
        "def build():\n"
        "    from napari_sam2.models import build_architecture\n"
        "    return build_architecture('sam2.1_hiera_t')\n"
        f"{host}"
    )
    # In a process of its own: what is imported, and when, is what is tested.
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_config_may_interpolate(tmp_path: Path) -> None:
    text = config_file("sam2.1_hiera_t").read_text()
    text = text.replace("image_size: 1024", "image_size: ${side}")
    config = tmp_path / "mine.yaml"
    config.write_text(f"side: 512\n{text}")
    assert build_architecture(config).image_size == 512


def test_checkpoint_that_a_config_names_is_not_loaded(tmp_path: Path) -> None:
    text = config_file("sam2.1_hiera_t").read_text()
    text = text.replace(
        "embed_dim: 96", "embed_dim: 96\n      weights_path: nowhere.pt"
    )
    config = tmp_path / "mine.yaml"
    config.write_text(text)
    build_architecture(config)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no `model`"),
        ("- 1\n- 2", "has no `model`"),
        ("model: 3", "has no `model`"),
        ("model: {image_size: 3}", "has no `model`"),
        ("model: [", "cannot be read"),
        ("model: {_target_: '${nowhere}'}", "cannot be read"),
        ("\0", "cannot be read"),
        ("model: {_target_: os.mkdir, path: TRACE}", "asks to call 'os.mkdir'"),
        ("model: {_target_: sam2.build_sam.build_sam2}", "asks to call"),
        ("model: {_target_: torch.nn.functional.relu}", "asks to call"),
        (
            "model: {_target_: sam2.modeling.backbones.hieradet.logging.os.mkdir}",
            "asks to call",
        ),
        (
            "model: {_target_: torch.nn.Identity, a: [{_target_: os.mkdir, path: T}]}",
            "asks to call 'os.mkdir'",
        ),
        (
            "model:\n"
            "  _target_: torch.nn.Identity\n"
            "  a: '\\${oc.create:{_target_:os.mkdir,path:\"TRACE\"}}'",
            "escaped interpolation",
        ),
        ("model: {_target_: sam2.modeling.sam2_base.SAM3Base}", "does not exist here"),
        ("model: {_target_: sam2.modeling.sam2_base.SAM2Base}", "does not build"),
        ("model: {_target_: torch.nn.Identity}", "does not describe a SAM 2 model"),
    ],
)
def test_configs_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "mine.yaml"
    trace = tmp_path / "called"
    config.write_text(text.replace("TRACE", str(trace)))
    with pytest.raises(CheckpointError, match=words) as caught:
        build_architecture(config)
    assert str(config) in str(caught.value)
    assert not trace.exists()
