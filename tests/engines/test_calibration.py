"""The quickest engine whose masks agree is found, remembered, and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.engines import calibration
from napari_sam2.engines.base import Decoded, Embedding
from napari_sam2.engines.calibration import Measured, calibrate, chosen, remembered
from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.engines.doctor import examine
from napari_sam2.engines.variant import Variant, variants_here
from napari_sam2.errors import Cancelled, EngineError
from napari_sam2.models.catalog import get_model

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.engines.base import Engine

STARTER = get_model("starter")


class Answering:
    """Answers every click with a disc, somewhat too small if told so."""

    image_size = 64

    def __init__(self, shrink: float = 0.0) -> None:
        self.shrink = shrink

    def encode(self, image: np.ndarray, **_: Any) -> Embedding:
        return Embedding(image, image.nbytes)

    def decode(self, _: Embedding, *, points: np.ndarray, **__: Any) -> Decoded:
        y, x = np.mgrid[:64, :64]
        away = np.hypot(x - points[0, 0, 0], y - points[0, 0, 1])
        logits = np.stack([8 - self.shrink - away] * 3)[None].astype(np.float32)
        return Decoded(logits, np.array([[0.1, 0.9, 0.2]], dtype=np.float32))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[Variant]:
    """Ways of a machine that multiplies in bf16."""
    ways = [Variant("openvino", "bf16"), Variant("openvino"), Variant("torch")]
    monkeypatch.setattr(calibration, "variants_here", lambda _: ways)
    return ways


def one(engine: str, encode: float, decode: float, agreement: float = 1.0) -> Measured:
    return Measured(engine, encode, decode, agreement)


def test_the_quickest_is_chosen() -> None:
    assert chosen([one("torch", 50, 5), one("openvino", 30, 2)]) == Variant("openvino")


def test_the_mouse_asks_more_often_than_images_are_opened() -> None:
    measured = [one("torch", 100, 1), one("onnxruntime", 50, 10)]
    assert chosen(measured) == Variant("torch")


def test_reduced_precision_is_chosen_only_where_the_masks_agree() -> None:
    exact, reduced = one("openvino", 30, 2), one("openvino-bf16", 10, 2)
    assert chosen([exact, reduced]) == Variant("openvino", "bf16")
    unlike = one("openvino-bf16", 10, 2, agreement=0.97)
    assert chosen([exact, unlike]) == Variant("openvino")
    unknown = Measured("openvino-bf16", 10, 2, None)
    assert chosen([exact, unknown]) == Variant("openvino")


def test_what_failed_is_not_chosen() -> None:
    assert chosen([Measured("openvino", problem="gone"), one("torch", 9, 9)]) == (
        Variant("torch")
    )
    assert chosen([]) is None


def test_masks_are_compared_with_those_of_fp32(ways: list[Variant]) -> None:
    def make(way: Variant) -> Engine:
        return Answering(0.0 if way.precision == "fp32" else 2.0)  # type: ignore[return-value]

    measured = {one.engine: one for one in calibrate(STARTER, make)}
    assert measured["openvino"].agreement == 1
    # Discs of radius 6 instead of 8.
    assert measured["openvino-bf16"].agreement == pytest.approx(0.56, abs=0.05)
    assert not measured["openvino-bf16"].usable
    assert remembered(STARTER) == list(measured.values())


def test_one_that_cannot_be_made_does_not_stop_the_others(ways: list[Variant]) -> None:
    def make(way: Variant) -> Engine:
        if way.runtime == "openvino":
            raise EngineError("no such library")
        return Answering()  # type: ignore[return-value]

    measured = {one.engine: one for one in calibrate(STARTER, make)}
    assert measured["openvino"].problem == "no such library"
    assert measured["torch"].usable


def test_nothing_more_is_measured_when_the_time_is_up(
    ways: list[Variant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "_BUDGET", 0.0)
    engine: Any = Answering()
    assert [one.engine for one in calibrate(STARTER, lambda _: engine)] == ["openvino"]
    asked = calibrate(STARTER, lambda _: engine, ways=[Variant("openvino", "int8")])
    assert [one.engine for one in asked] == ["openvino", "openvino-int8"]


def test_a_cancelled_calibration_remembers_nothing(ways: list[Variant]) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        calibrate(STARTER, lambda _: Answering(), cancel=token)  # type: ignore[arg-type,return-value]
    assert remembered(STARTER) == []


def test_on_another_machine_nothing_is_known(
    ways: list[Variant], monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrate(STARTER, lambda _: Answering())  # type: ignore[arg-type,return-value]
    assert remembered(STARTER)
    monkeypatch.setattr(calibration, "_machine", lambda: {"processor": "another"})
    assert remembered(STARTER) == []


def test_the_doctor_says_what_is_used_and_why(
    ways: list[Variant], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(examine(STARTER))
    assert "Not measured yet" in text

    def make(way: Variant) -> Engine:
        return Answering(0.0 if way.precision == "fp32" else 2.0)  # type: ignore[return-value]

    calibrate(STARTER, make)
    lines = list(examine(STARTER))
    (used,) = [line for line in lines if "<- used" in line]
    assert "those of fp32" in used
    (reduced,) = [line for line in lines if "openvino-bf16" in line]
    assert "only if asked for" in reduced
    assert any(line.startswith("torch") for line in lines)


@pytest.mark.parametrize(
    ("device", "provider", "expected"),
    [
        ("cuda:1", "CUDAExecutionProvider", "onnxruntime"),
        ("cuda", "TensorrtExecutionProvider", "tensorrt-fp16"),
        ("mps", "CoreMLExecutionProvider", "onnxruntime"),
        ("dml", "DmlExecutionProvider", "onnxruntime"),
        ("mps", "CPUExecutionProvider", "torch"),
    ],
)
def test_what_a_device_offers_depends_on_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, device: str, provider: str, expected: str
) -> None:
    monkeypatch.setattr("napari_sam2.engines.variant.providers", lambda: (provider,))
    names = [way.name for way in variants_here(device)]
    assert expected in names
    assert names[-1] == "torch"
