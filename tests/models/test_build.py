from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from napari_sam2.errors import CheckpointError, NotDownloadedError
from napari_sam2.models import (
    CATALOG,
    build_architecture,
    build_model,
    download,
    get_model,
    weights_path,
)
from napari_sam2.models.checksum import file_sha256
from napari_sam2.models.recognize import recognize

if TYPE_CHECKING:
    from pathlib import Path

    from sam2.modeling.sam2_base import SAM2Base
    from torch import nn

    from tests.models.server import FileServer


@pytest.fixture(scope="module")
def tiny() -> SAM2Base:
    """The official tiny architecture, with random weights."""
    torch.manual_seed(0)
    return build_architecture("sam2.1_hiera_t")


@pytest.fixture(scope="module")
def tiny_file(tiny: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the official format."""
    path = tmp_path_factory.mktemp("checkpoints") / "tiny.pt"
    torch.save({"model": tiny.state_dict()}, path)
    return path


def assert_same_weights(left: nn.Module, right: nn.Module) -> None:
    a, b = left.state_dict(), right.state_dict()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_from_the_server_to_the_model(
    tiny: nn.Module, tiny_file: Path, server: FileServer
) -> None:
    server.content = tiny_file
    server.cut_after = 100_000_000
    spec = replace(
        CATALOG["sam2.1-tiny"],
        url=server.url,
        size=tiny_file.stat().st_size,
        sha256=file_sha256(tiny_file),
    )
    with pytest.raises(NotDownloadedError, match=r"models download sam2\.1-tiny"):
        build_model(spec)

    download(spec)
    first, second = server.requested
    assert first < second <= 100_000_000
    model = build_model(spec)

    assert not model.training
    assert_same_weights(model, tiny)


def test_built_as_the_official_code_builds_it(tiny_file: Path) -> None:
    from sam2.build_sam import build_sam2

    official = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", tiny_file, "cpu")
    model = build_model(get_model(tiny_file, "sam2.1_hiera_t"))
    assert type(model) is type(official)
    assert repr(model) == repr(official)
    assert_same_weights(model, official)
    for module, reference in zip(model.modules(), official.modules(), strict=True):
        assert module.training == reference.training
        for name, value in vars(reference).items():
            plain = isinstance(value, bool | int | float | str | list | dict | None)
            if plain and not name.startswith("_"):
                assert vars(module)[name] == value
    assert model.sam_mask_decoder.dynamic_multimask_via_stability


def test_training_can_leave_the_postprocessing_out() -> None:
    model = build_architecture("sam2.1_hiera_t", apply_postprocessing=False)
    assert not model.sam_mask_decoder.dynamic_multimask_via_stability


def test_building_leaves_the_random_numbers_alone(tiny_file: Path) -> None:
    before = torch.get_rng_state()
    build_model(get_model(tiny_file))
    assert torch.equal(torch.get_rng_state(), before)


def test_starter_is_built_from_half_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = CATALOG["starter"]
    assert spec.config is not None
    path = tmp_path / "starter.safetensors"
    plain = build_architecture(spec.config).eval()
    state = {
        key: tensor.half() if tensor.is_floating_point() else tensor
        for key, tensor in plain.state_dict().items()
    }
    save_file(state, path)
    plain.load_state_dict(state)
    monkeypatch.setitem(CATALOG, "starter", replace(spec, weights=path))

    by_name = build_model(get_model("starter"))
    recognized = build_model(get_model(path))

    image = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        expected = plain.forward_image(image)["backbone_fpn"]
        for model in (by_name, recognized):
            assert all(p.dtype == torch.float32 for p in model.parameters())
            found = model.forward_image(image)["backbone_fpn"]
            for left, right in zip(found, expected, strict=True):
                torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-4)
    # Batch norms are folded away.
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in by_name.modules())


def test_missing_starter_means_a_broken_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(CATALOG["starter"], weights=tmp_path / "none.safetensors")
    monkeypatch.setitem(CATALOG, "starter", spec)
    with pytest.raises(CheckpointError, match="Install napari-sam2 again"):
        build_model(spec)


def test_file_of_the_wrong_size_under_an_official_name() -> None:
    path = weights_path(CATALOG["sam2.1-tiny"])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off")
    with pytest.raises(CheckpointError, match=r"156008466 bytes\. Download"):
        build_model(CATALOG["sam2.1-tiny"])


def test_own_checkpoint_that_has_gone(tiny_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(b"something")
    spec = get_model(path)
    path.unlink()
    with pytest.raises(CheckpointError, match="any more"):
        build_model(spec)


def test_weights_of_another_architecture(tiny_file: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        build_model(get_model(tiny_file, "sam2.1_hiera_s"))
    message = str(caught.value)
    assert "does not fit the architecture of tiny.pt" in message
    assert "missing (image_encoder.trunk)" in message
    assert "Give the config" in message


@pytest.mark.parametrize("version", ["sam2", "sam2.1"])
@pytest.mark.parametrize(
    ("width", "blocks", "size"),
    [(96, 12, "t"), (96, 16, "s"), (112, 24, "b+"), (144, 48, "l")],
)
def test_official_architectures_are_recognized(
    tmp_path: Path, version: str, width: int, blocks: int, size: str
) -> None:
    trunk = "image_encoder.trunk"
    state = {f"{trunk}.patch_embed.proj.weight": torch.empty(width, 3, 7, 7)}
    state |= {f"{trunk}.blocks.{i}.norm1.weight": torch.empty(1) for i in range(blocks)}
    if version == "sam2.1":
        state["no_obj_embed_spatial"] = torch.empty(1, 64)
    found = recognize(state, tmp_path / "mine.pt")
    assert found == f"configs/{version}/{version}_hiera_{size}.yaml"


@pytest.mark.parametrize(
    "state",
    [
        {"weight": torch.ones(2)},
        {"image_encoder.trunk.patch_embed.proj.weight": torch.tensor(96.0)},
    ],
)
def test_unknown_architecture_asks_for_the_config(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "mine.pt"
    torch.save({"model": state}, path)
    with pytest.raises(CheckpointError, match=r"none of the official ones.*`config`"):
        build_model(get_model(path))


def test_a_download_that_has_rotted_is_deleted_so_that_it_can_come_again() -> None:
    spec = replace(CATALOG["sam2.1-tiny"], size=1000)
    path = weights_path(spec)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(1000))
    with pytest.raises(CheckpointError, match=r"damaged.*Download the model again"):
        build_model(spec)
    with pytest.raises(NotDownloadedError):
        build_model(spec)


def test_a_checkpoint_of_the_users_own_is_never_deleted(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(bytes(1000))
    with pytest.raises(CheckpointError, match="damaged"):
        build_model(replace(get_model(path), sha256="0" * 64))
    assert path.is_file()
