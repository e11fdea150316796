"""How alike the masks of the engines are, on labeled images.

Each object gets one click, at its deepest point, and its box; the masks of each engine,
at the resolution of the image, are compared with those of torch in fp32.

Run with ``python -m benchmarks agreement FOLDER``; the folder is one that
`napari-sam2 evaluate` takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from benchmarks.models import spec_of
from napari_sam2.engines.chooser import make_engine
from napari_sam2.engines.variant import Variant, installed_variants
from napari_sam2.evaluation.clicks import deepest_point, tight_box
from napari_sam2.evaluation.folder import find_pairs, read_plane
from napari_sam2.evaluation.objects import choose_objects
from napari_sam2.segmentation.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]


def measure(
    folder: Path, ways: list[Variant], model: str, objects: int
) -> Iterator[tuple[str, str, float]]:
    """Compare masks.

    Yields
    ------
    str, str, float
        Data set, engine, and the IoU of a mask with that of torch.
    """
    spec = spec_of(model)
    segmenters = [
        Segmenter(engine=make_engine(spec, way, "cpu"))
        for way in (Variant("torch"), *ways)
    ]
    for pair in find_pairs(folder):
        if pair.doubt is not None:
            continue
        plane = read_plane(pair)
        rng = np.random.default_rng([0, crc32(pair.image.name.encode())])
        for segmenter in segmenters:
            segmenter.set_image(plane.image)
        for number in choose_objects(plane.labels, objects, rng).numbers:
            truth = plane.labels == number
            for prompts in (
                {"points": [deepest_point(truth)]},
                {"box": tight_box(truth)},
            ):
                first, *others = (one.predict(**prompts).mask for one in segmenters)
                for way, mask in zip(ways, others, strict=True):
                    either = (first | mask).sum()
                    alike = (first & mask).sum() / either if either else 1.0
                    yield pair.dataset, way.name, float(alike)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks agreement")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--objects", type=int, default=10, help="of an image")
    parser.add_argument("--engines", nargs="+", metavar="ENGINE")
    options = parser.parse_args()
    names = options.engines or [one.name for one in installed_variants()[1:]]
    ways = [Variant.parse(name) for name in names]
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for dataset, name, alike in measure(
        options.folder, ways, options.model, options.objects
    ):
        found[name].setdefault(dataset, []).append(alike)
    print("mean IoU with the masks of torch in fp32")
    print(f"{'':<22}" + "".join(f"{name:>18}" for name in names))
    for dataset in next(iter(found.values())):
        cells = "".join(f"{np.mean(found[name][dataset]):18.4f}" for name in names)
        print(f"{dataset:<22}{cells}")
    every = [np.concatenate(list(found[name].values())) for name in names]
    print(f"{'all masks':<22}" + "".join(f"{one.mean():18.4f}" for one in every))
    low = "".join(f"{np.percentile(one, 5):18.4f}" for one in every)
    print(f"{'5th percentile':<22}{low}")


if __name__ == "__main__":
    main()
