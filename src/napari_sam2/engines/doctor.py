"""What this machine computes with, what is used of it, and what would help."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from napari_sam2.engines.calibration import AGREEMENT, chosen, processor, remembered
from napari_sam2.engines.chooser import best_way, is_prepared, place_of
from napari_sam2.engines.variant import (
    ENGINE_VARIABLE,
    Variant,
    cuda_devices,
    providers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sam2.engines.calibration import Measured
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["examine"]

_PACKAGES = ("napari-sam2", "napari", "torch", "onnxruntime-gpu", "onnxruntime")


def examine(spec: ModelSpec) -> Iterator[str]:
    """Describe the machine, the engines on it, and the choice for a model.

    Parameters
    ----------
    spec : ModelSpec
        Which model the choice is about.

    Yields
    ------
    str
        Line by line.
    """
    yield from _machine()
    yield ""
    measured = remembered(spec, place_of("auto"))
    yield f"{spec.title} on this machine"
    if not measured:
        yield f"  Not measured yet; {best_way(spec).title} is used. Run"
        yield "  `napari-sam2 prepare`, or use the model in napari, which measures in"
        yield "  the background."
    else:
        yield from _table(spec, measured)
    yield ""
    advice = list(_advice(spec, measured))
    if not advice:
        yield "Nothing here would make it faster."
        return
    yield "What would make it faster"
    for hint in advice:
        yield f"  {hint}"


def _machine() -> Iterator[str]:
    yield f"{platform.platform()}, Python {platform.python_version()}"
    yield f"{processor()}, {os.cpu_count()} cores"
    for package in _PACKAGES:
        number = _version(package)
        if number is not None:
            yield f"{package:<18} {number}{_abilities(package)}"
    number = _version("openvino")
    yield f"{'openvino':<18} {number or 'not installed'}"
    yield from _accelerators()


def _abilities(package: str) -> str:
    if package == "torch":
        import torch

        built = torch.version.cuda
        return f", built for CUDA {built}" if built else ", built for the CPU"
    if package.startswith("onnxruntime"):
        names = providers()
        return ", built with " + ", ".join(
            name.removesuffix("ExecutionProvider") for name in names
        )
    return ""


def _accelerators() -> Iterator[str]:
    import torch

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            yield f"{f'cuda:{number}':<18} {torch.cuda.get_device_name(number)}"
    elif cuda_devices():
        yield "A CUDA driver is here, but this torch cannot use it."
    if torch.backends.mps.is_available():
        yield f"{'mps':<18} Apple GPU"


def _table(spec: ModelSpec, measured: list[Measured]) -> Iterator[str]:
    best = best_way(spec)
    yield f"  {'':<18} {'encode':>10} {'decode':>10}  masks"
    for one in measured:
        if one.problem:
            yield f"  {one.engine:<18} {one.problem}"
            continue
        used = "  <- used" if one.engine == best.name else ""
        yield (
            f"  {one.engine:<18} {one.encode_ms:7.1f} ms {one.decode_ms:7.1f} ms  "
            f"{_faithful(one)}{used}"
        )


def _faithful(one: Measured) -> str:
    if Variant.parse(one.engine).precision == "fp32":
        return "those of fp32"
    if one.agreement is None:
        return "not compared"
    verdict = "" if one.usable else f", less than {AGREEMENT}: only if asked for"
    return f"IoU {one.agreement:.3f} with fp32{verdict}"


def _advice(spec: ModelSpec, measured: list[Measured]) -> Iterator[str]:
    forced = os.environ.get(ENGINE_VARIABLE)
    if forced:
        yield f"{ENGINE_VARIABLE} is set to {forced}, which overrules the choice."
    if chosen(measured) is not None and not is_prepared(spec):
        yield "The export is missing: run `napari-sam2 prepare`."
    place = place_of("auto")
    if place == "cpu":
        if find_spec("openvino") is None:
            yield "pip install napari-sam2[openvino]: quicker on most processors."
        if spec.name != "starter":
            yield "The starter model is many times quicker; so is a GPU."
    if cuda_devices():
        import torch

        if not torch.cuda.is_available():
            yield "Install a torch that is built for CUDA: pytorch.org tells which."


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
