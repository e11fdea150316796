"""Peak memory of a process that encodes an image and decodes a click.

Run with ``python -m benchmarks memory``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from napari_sam2.engines.variant import Variant, variants_here

__all__ = ["measure", "peak_of_this"]


def measure(models: tuple[str, ...], device: str = "cpu") -> dict[str, float]:
    """Measure each engine on each model, and the official predictor.

    Returns
    -------
    dict of str to float
        ``"model/engine"`` to mebibytes; ``"official"`` is SAM 2.1 tiny.
    """
    found = {"official": _peak("official", "sam2.1-tiny", device)}
    for model in models:
        for way in variants_here(device):
            try:
                found[f"{model}/{way.name}"] = _peak(way.name, model, device)
            except subprocess.CalledProcessError:
                print(f"{way.name} is left out: it cannot be used here.")
    return found


def _peak(engine: str, model: str, device: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", engine, model, device]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _work(engine: str, model: str, device: str) -> float:
    import numpy as np

    from benchmarks.models import spec_of

    image = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), np.uint8)
    if engine == "official":
        from benchmarks.official import OfficialPredictor

        official = OfficialPredictor(spec_of(model), device)
        official.encode(image)
        official.click()
    else:
        from napari_sam2.engines.chooser import make_engine

        made = make_engine(spec_of(model), Variant.parse(engine), device)
        point = np.full((1, 1, 2), made.image_size / 3, dtype=np.float32)
        inside = np.ones((1, 1), dtype=np.int32)
        made.decode(made.encode(image), points=point, labels=inside, multimask=True)
    return peak_of_this()


def peak_of_this() -> float:
    """Peak of this process alone, in mebibytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 2**10
    except (OSError, StopIteration):
        # On Linux this would be that of the process which started this one, if larger.
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure, and print."""
    if len(sys.argv) == 4:
        print(json.dumps(_work(*sys.argv[1:])))
        return
    from benchmarks.models import MODELS

    for name, peak in measure(MODELS).items():
        print(f"{name:<32} {peak:7.0f} MiB")


if __name__ == "__main__":
    main()
