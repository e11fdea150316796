"""What is in a folder of exported ONNX files.

=================== ================================== =================================
file                inputs                             outputs
=================== ================================== =================================
encoder.onnx        image                              image_embed, high_res_feats_0,
                                                       high_res_feats_1
decoder.onnx        what the encoder gives,            masks, iou_predictions
                    point_coords, point_labels,
                    mask_input, has_mask_input
prepare.onnx        what the encoder gives             the six of
                                                       :class:`~.thin.Prepared`
decode.onnx         what prepare.onnx gives,           masks, iou_predictions
                    point_coords, point_labels
decode_masks.onnx   the same, and mask_input           masks, iou_predictions
=================== ================================== =================================

The first two are complete, and named as other programs name them. The other three are
the rearranged decoder of :mod:`napari_sam2.engines.thin`, with what depends on the
image alone computed once for each image.

``image`` is RGB, of shape (side, side, 3), uint8 (or float32, from 0 to 255 all the
same, for images that were resized); it is normalized in the graph. ``point_coords``,
(n, k, 2), are ``(x, y)`` in pixels of the model's input, pixel centers at integers;
``point_labels``, (n, k), are 1 inside, 0 outside, 2 and 3 the corners of a box, and -1
padding, one of which ends every list of points. ``masks``, (n, 4, side / 4, side / 4),
are logits: the single mask, then three candidates (part, object, whole);
``iou_predictions``, (n, 4), is what the model thinks of them. ``n`` and ``k`` may be
any number.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from napari_sam2.engines.candidates import Stability
from napari_sam2.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ANSWERS",
    "EXPORTER",
    "FEATURES",
    "GRAPHS",
    "MASK",
    "PREPARED",
    "PROMPTS",
    "Export",
    "read_export",
]

EXPORTER = 1
"""Counts up when the graphs change: older exports are made anew."""

FEATURES = ("image_embed", "high_res_feats_0", "high_res_feats_1")
# The fields of `napari_sam2.engines.thin.Prepared`.
PREPARED = ("places", "keys", "values", "queries", "medium", "fine")
PROMPTS = ("point_coords", "point_labels")
MASK = ("mask_input", "has_mask_input")
ANSWERS = ("masks", "iou_predictions")

GRAPHS = ("encoder", "decoder", "prepare", "decode", "decode_masks")
_DESCRIPTION = "export.json"


@dataclass(frozen=True)
class Export:
    """A folder of ONNX files, and what one has to know to use them.

    Attributes
    ----------
    folder : Path
        Where the files are.
    model : str
        Name of the model.
    fingerprint : str
        Of its weights and config.
    image_size, mask_size : int
        Side of the model's input, and of its logits, in pixels.
    stability : Stability or None
        When the single mask is to be trusted.
    precision : str
        ``"fp32"``, ``"fp16"`` or ``"int8"``.
    pixels : str
        ``"uint8"`` or ``"float32"``: what the encoder takes.
    exporter : int
        Version of the graphs.
    """

    folder: Path
    model: str
    fingerprint: str
    image_size: int
    mask_size: int
    stability: Stability | None
    precision: str = "fp32"
    pixels: str = "uint8"
    exporter: int = EXPORTER

    def path(self, graph: str) -> Path:
        """Path of one of :data:`GRAPHS`."""
        return self.folder / f"{graph}.onnx"

    def write(self) -> None:
        """Write the description beside the graphs."""
        known = asdict(self)
        del known["folder"]
        # What was cut off, or lost, is no export any more.
        known["files"] = {
            file.name: file.stat().st_size for file in self.folder.glob("*.onnx")
        }
        text = json.dumps(known, indent=2)
        (self.folder / _DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read_export(folder: Path) -> Export:
    """Read what :func:`export_model` wrote.

    Raises
    ------
    ExportError
        If there is no complete export of this version.
    """
    try:
        known = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        for name, size in known.pop("files").items():
            if (folder / name).stat().st_size != size:
                raise ValueError(f"{name} is damaged")
        stability = known.pop("stability")
        stable = None if stability is None else Stability(*stability)
        export = Export(folder, stability=stable, **known)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
    ) as error:
        raise ExportError(
            f"{folder} is not an export of this program: {error}"
        ) from error
    if export.exporter != EXPORTER:
        raise ExportError(f"{folder} was exported by another version. Export it again.")
    return export
