"""A contact sheet: many objects on one picture, for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

    from napari_sam2.evaluation.worst import Exhibit, View

PANEL = 190  # pixels, the side of the picture of one object
GAP = 10
TEXT = 13  # pixels, the height of letters
CAPTION = 2 * (TEXT + 5)
COLUMNS = 4
OUTLINE = 2  # pixels

PAPER = (24, 24, 26)
INK = (235, 235, 235)
FAINT = (150, 150, 155)
# Told apart by those who see red and green alike.
TRUTH = (0, 200, 255)
MASK = (255, 140, 0)
INSIDE = (255, 255, 255)
OUTSIDE = (230, 40, 160)


def write_sheet(path: Path, exhibits: Sequence[Exhibit], title: str) -> None:
    """Draw objects, each after its first click and after its last that is shown.

    Parameters
    ----------
    path : pathlib.Path
        File to write, in the format of its suffix.
    exhibits : sequence of Exhibit
        In the order in which they are to be seen.
    title : str
        The first line.
    """
    from PIL import Image, ImageDraw

    columns = min(COLUMNS, max(len(exhibits), 2))
    rows = -(-len(exhibits) // columns)
    wide, high = 2 * PANEL + 2, PANEL + CAPTION
    head = 2 * GAP + 2 * (TEXT + 6)
    sheet = Image.new(
        "RGB", (GAP + columns * (wide + GAP), head + rows * (high + GAP)), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    _head(draw, title)
    for number, exhibit in enumerate(exhibits):
        left = GAP + number % columns * (wide + GAP)
        top = head + number // columns * (high + GAP)
        for i, view in enumerate(exhibit.views):
            sheet.paste(_panel(exhibit, view), (left + i * (PANEL + 2), top))
        _caption(draw, exhibit, left, top + PANEL + 3)
    sheet.save(path)


def _head(draw: Any, title: str) -> None:
    draw.text((GAP, GAP), title, INK, font=_font())
    x, y = GAP, GAP + TEXT + 6
    for color, text in (
        (TRUTH, "truth"),
        (MASK, "prediction"),
        (INSIDE, "click on the object"),
        (OUTSIDE, "click beside it"),
    ):
        if color in (TRUTH, MASK):
            draw.line((x, y + TEXT // 2 + 1, x + 22, y + TEXT // 2 + 1), color, OUTLINE)
        else:
            _mark(draw, x + 12, y + TEXT // 2 + 1, color is INSIDE)
        draw.text((x + 30, y), text, FAINT, font=_font())
        x += 50 + int(draw.textlength(text, font=_font()))


def _caption(draw: Any, exhibit: Exhibit, left: int, top: int) -> None:
    result = exhibit.result
    counts = [len(view.clicks) for view in exhibit.views]
    scores = [
        f"{view.iou:.2f} after {count}"
        for view, count in zip(exhibit.views, counts, strict=True)
    ]
    clicks = "click" if counts[-1] == 1 else "clicks"
    draw.text(
        (left, top),
        f"{result.dataset}   IoU {', '.join(scores)} {clicks}",
        INK,
        font=_font(),
    )
    plane = "" if result.plane is None else f", plane {result.plane}"
    text = f"{result.image}{plane}, object {result.label}, {result.area} px"
    draw.text((left, top + TEXT + 4), _fitted(draw, text), FAINT, font=_font())


def _fitted(draw: Any, text: str) -> str:
    """Cut out the middle of a text that is too long for a tile."""
    short = text
    while draw.textlength(short, font=_font()) > 2 * PANEL and len(text) > 8:
        half = len(text) // 2
        text = text[: half - 1] + text[half + 1 :]
        short = text[: half - 1] + "..." + text[half - 1 :]
    return short


def _panel(exhibit: Exhibit, view: View) -> Image:
    from PIL import Image, ImageDraw

    rows, columns = exhibit.truth.shape
    scale = PANEL / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    # Pixels that are shown large stay visible as such.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    pixels = np.array(Image.fromarray(exhibit.pixels).resize(size, how))
    for mask, color in ((exhibit.truth, TRUTH), (view.mask, MASK)):
        pixels[_outline(mask, size)] = color
    panel = Image.new("RGB", (PANEL, PANEL), PAPER)
    draw = ImageDraw.Draw(panel)
    panel.paste(Image.fromarray(pixels), (0, 0))
    for row, column, label in view.clicks:
        _mark(draw, (column + 0.5) * scale, (row + 0.5) * scale, bool(label))
    return panel


def _outline(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    from PIL import Image
    from scipy import ndimage as ndi

    shown = Image.fromarray(mask.astype(np.uint8) * 255)
    scaled = np.array(shown.resize(size, Image.Resampling.BILINEAR)) > 127
    inner = ndi.binary_erosion(scaled, iterations=OUTLINE, border_value=1)
    return np.asarray(scaled & ~inner)


def _mark(draw: Any, x: float, y: float, inside: bool) -> None:
    """Draw a plus or a minus on a disk."""
    radius, arm = 6, 3
    color = INSIDE if inside else OUTSIDE
    ink = (0, 0, 0) if inside else (255, 255, 255)
    corners = (x - radius, y - radius, x + radius, y + radius)
    draw.ellipse(corners, fill=color, outline=(0, 0, 0))
    draw.line((x - arm, y, x + arm, y), ink, 2)
    if inside:
        draw.line((x, y - arm, x, y + arm), ink, 2)


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(TEXT)
