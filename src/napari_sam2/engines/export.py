"""From a model to a folder of ONNX files; see :mod:`napari_sam2.engines.exported`."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from napari_sam2.engines.candidates import Stability
from napari_sam2.engines.exported import (
    ANSWERS,
    FEATURES,
    GRAPHS,
    MASK,
    PREPARED,
    PROMPTS,
    Export,
    read_export,
)
from napari_sam2.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from sam2.modeling.sam2_base import SAM2Base
    from torch import nn

    from napari_sam2.models.catalog import ModelSpec

__all__ = ["Pixels", "Precision", "export_model", "filled", "halve", "quiet"]

Precision = Literal["fp32", "fp16"]
Pixels = Literal["uint8", "float32"]


def export_model(
    spec: ModelSpec,
    folder: Path,
    *,
    precision: Precision = "fp32",
    pixels: Pixels = "uint8",
    graphs: tuple[str, ...] = GRAPHS,
    progress: Callable[[str], None] | None = None,
) -> Export:
    """Export a model.

    Parameters
    ----------
    spec : ModelSpec
        A model of the catalogue, or a checkpoint of one's own.
    folder : Path
        Is made; must not exist, or be empty. It appears when it is complete.
    precision : {"fp32", "fp16"}
        Of the weights and of the computation; inputs and outputs are float32.
    pixels : {"uint8", "float32"}
        What the encoder takes.
    graphs : tuple of str
        Which of :data:`GRAPHS`.
    progress : callable, optional
        Called with the name of each graph before it is made.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    ExportError
        If it cannot be exported, or the folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder} exists already. Give a folder that does not.")
    from napari_sam2.models.build import build_model

    model = build_model(spec)
    model.requires_grad_(False)
    with filled(folder) as temporary:
        export = Export(
            temporary,
            spec.name,
            spec.fingerprint,
            int(model.image_size),
            int(model.sam_prompt_encoder.mask_input_size[0]),
            Stability.of(model.sam_mask_decoder),
            precision,
            pixels,
        )
        _export_graphs(model, export, graphs, progress)
        export.write()
    return read_export(folder)


@contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """Fill another folder, which then takes the place of this one; or leave nothing.

    Raises
    ------
    ExportError
        If the folder cannot be written.
    """
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, so that it can be put in its place at once.
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield temporary
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except ExportError:  # an OSError as well
        raise
    except OSError as error:
        raise ExportError(f"{folder} cannot be written: {error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


class _Recipe(NamedTuple):
    """How to make a graph: module, example of each input, names of the outputs."""

    module: Callable[[SAM2Base], nn.Module]
    inputs: Mapping[str, torch.Tensor]
    outputs: tuple[str, ...]


def _export_graphs(
    model: SAM2Base,
    export: Export,
    graphs: tuple[str, ...],
    progress: Callable[[str], None] | None,
) -> None:
    import torch

    for name, recipe in _recipes(model, export.pixels).items():
        if name not in graphs:
            continue
        if progress is not None:
            progress(name)
        module = recipe.module(model).eval()
        with quiet(), torch.no_grad():
            try:
                torch.onnx.export(
                    module,
                    tuple(recipe.inputs.values()),
                    export.path(name),
                    input_names=list(recipe.inputs),
                    output_names=list(recipe.outputs),
                    dynamic_shapes=[_VARYING.get(given, {}) for given in recipe.inputs],
                    dynamo=True,
                    external_data=False,
                    verbose=False,
                )
            except (torch.onnx.OnnxExporterError, RuntimeError) as error:
                raise ExportError(
                    f"torch could not export the {name} of this model: {error}"
                ) from error
        if export.precision == "fp16":
            halve(export.path(name))


# Axes of which the size is not fixed.
_VARYING = {
    **{key: {0: "n", 1: "k"} for key in PROMPTS},
    **{key: {0: "n"} for key in MASK},
}


def _recipes(model: SAM2Base, pixels: str) -> dict[str, _Recipe]:
    """All graphs, in the order in which they can be made."""
    import torch

    from napari_sam2.engines import graphs

    side, width = int(model.sam_image_embedding_size), int(model.hidden_dim)
    size = int(model.image_size)
    places = side * side
    attention = model.sam_mask_decoder.transformer.layers[0].cross_attn_token_to_image
    half = int(attention.internal_dim)
    n, k = 2, 3

    def example(names: tuple[str, ...], *shapes: tuple[int, ...]) -> dict[str, Any]:
        pairs = zip(names, shapes, strict=True)
        return {name: torch.rand(shape) for name, shape in pairs}

    image = {"image": torch.zeros(size, size, 3, dtype=getattr(torch, pixels))}
    features = example(
        FEATURES,
        (1, width, side, side),
        (1, width // 8, 4 * side, 4 * side),
        (1, width // 4, 2 * side, 2 * side),
    )
    prepared = example(
        PREPARED,
        (places, width),
        *[(places, half)] * 3,
        (places, width),
        (4 * places, width // 2),
    )
    prompts = example(PROMPTS, (n, k, 2), (n, k))
    prompts[PROMPTS[1]] = torch.ones(n, k, dtype=torch.int32)
    mask = MASK[0]
    masks = example(MASK, (n, 1, 4 * side, 4 * side), (n,))
    return {
        "decoder": _Recipe(
            graphs.DecoderGraph, {**features, **prompts, **masks}, ANSWERS
        ),
        "prepare": _Recipe(graphs.PrepareGraph, features, PREPARED),
        "decode": _Recipe(graphs.ThinGraph, {**prepared, **prompts}, ANSWERS),
        "decode_masks": _Recipe(
            graphs.ThinGraph, {**prepared, **prompts, mask: masks[mask]}, ANSWERS
        ),
        # The last one, since it takes the model apart.
        "encoder": _Recipe(graphs.EncoderGraph, image, FEATURES),
    }


def halve(path: Path) -> None:
    """Let a graph compute in half precision; its inputs and outputs stay as they are.

    Layer norms stay in fp32: the squares that they add up can be too large for fp16.
    """
    import onnx
    from onnxruntime.transformers import float16

    kept = [*float16.DEFAULT_OP_BLOCK_LIST, "LayerNormalization"]
    with quiet():
        graph = float16.convert_float_to_float16(
            onnx.load(path), keep_io_types=True, op_block_list=kept
        )
        onnx.save(graph, path)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the exporter says of itself from the user."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        yield
