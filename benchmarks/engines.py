"""Encode and decode, each against the official predictor in the same run.

The baseline is ``SAM2ImagePredictor`` with the architecture of SAM 2.1 tiny:
``set_image`` for encoding, prompt encoder and mask decoder (one click, to three
low-resolution masks) for decoding. The weights do not matter for the time; the
official architecture has random ones.

Run with ``python -m benchmarks engines``.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.timing import Timing, compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.engines.base import Engine

_SIDE = 1024
_BASELINE = "sam2.1-tiny (official)"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=9, help="turns of each encoder")
    parser.add_argument("--device", default="cpu", help="torch device of all models")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()

    tiny = _architecture("sam2.1-tiny")
    engines = {
        "starter": _engine(_starter(), options.device),
        "sam2.1-tiny": _engine(tiny, options.device),
    }
    predictor = _official(tiny, options.device)
    image = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)

    encode: dict[str, Callable[[], object]] = {
        name: _settled(lambda engine=engine: engine.encode(image), options.device)
        for name, engine in engines.items()
    }
    encode[_BASELINE] = _settled(lambda: predictor.set_image(image), options.device)
    encoded = compare(encode, repeats=options.repeats)

    decode: dict[str, Callable[[], object]] = {
        name: _one_click(engine, image) for name, engine in engines.items()
    }
    decode[_BASELINE] = _settled(_official_click(predictor), options.device)
    decoded = compare(decode, repeats=5 * options.repeats, warm_up=3)

    results = [*_results("encode", encoded), *_results("decode", decoded)]
    machine = describe()
    print(f"{machine['processor']}, {machine['cores']} cores, {machine['gpu']}")
    print(f"{'':<22} {'ms':>8} {'official':>9} {'ratio':>6}")
    for row in results:
        print(
            f"{row['name']:<22} {row['ms']:8.1f} {row['baseline_ms']:9.1f} "
            f"{row['ratio']:6.3f}"
        )
    if options.json is not None:
        text = json.dumps({"machine": machine, "results": results}, indent=2)
        options.json.write_text(text + "\n")


def _results(what: str, timings: dict[str, Timing]) -> list[dict[str, Any]]:
    baseline = timings[_BASELINE].median
    return [
        {
            "name": f"{what}/{name}/fp32",
            "ms": timing.median,
            "baseline_ms": baseline,
            "ratio": timing.median / baseline,
        }
        for name, timing in timings.items()
        if name != _BASELINE
    ]


def _architecture(name: str) -> Any:
    import torch

    from napari_sam2.models.architecture import build_architecture
    from napari_sam2.models.catalog import CATALOG

    torch.manual_seed(0)
    config = CATALOG[name].config
    assert config is not None
    return build_architecture(config).eval()


def _starter() -> Any:
    from napari_sam2.models.catalog import get_model, is_available

    spec = get_model("starter")
    return spec if is_available(spec) else _architecture("starter")


def _engine(model: Any, device: str) -> Engine:
    from napari_sam2.engines.torch import TorchEngine

    return TorchEngine(model, device)


def _official(model: Any, device: str) -> Any:
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    with warnings.catch_warnings():
        # It scripts its transforms, which torch deprecates.
        warnings.simplefilter("ignore")
        return SAM2ImagePredictor(model.to(device))


def _one_click(engine: Engine, image: np.ndarray) -> Callable[[], object]:
    embedding = engine.encode(image)
    points = np.full((1, 1, 2), engine.image_size / 3, dtype=np.float32)
    labels = np.ones((1, 1), dtype=np.int32)
    return lambda: engine.decode(
        embedding, points=points, labels=labels, multimask=True
    )


def _official_click(predictor: Any) -> Callable[[], object]:
    """Do what the official ``_predict`` does up to the low-resolution masks."""
    import torch

    model, features = predictor.model, predictor._features
    points = torch.full((1, 1, 2), _SIDE / 3, device=predictor.device)
    labels = torch.ones((1, 1), dtype=torch.int, device=predictor.device)

    @torch.no_grad()
    def click() -> object:
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

    return click


def _settled(action: Callable[[], object], device: str) -> Callable[[], object]:
    """Wait for the device after the action: its work is queued only."""
    import torch

    def run() -> object:
        result = action()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()
        return result

    return run


if __name__ == "__main__":
    main()
