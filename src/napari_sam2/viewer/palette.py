"""What the mask under the mouse looks like, by what a click would do."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_sam2.annotation.objects import Pointing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PALETTES", "Style", "style_for"]

_Color = tuple[float, float, float]


@dataclass(frozen=True)
class Style:
    """How a mask is drawn.

    Attributes
    ----------
    line : tuple of float
        RGB of the outline; a dark line lies around it.
    fill : tuple of float, optional
        RGB of the inside; None for that of the object.
    strength : float
        Of the filling, from 0 for none; 1 is as strong as masks usually are.
    width : float
        Of the outline, in widths that outlines usually have.
    dashed : bool
        Whether the outline is dashed.
    """

    line: _Color
    fill: _Color | None = None
    strength: float = 1.0
    width: float = 1.0
    dashed: bool = False


_WHITE = (1.0, 1.0, 1.0)

# M. Okabe and K. Ito, Color Universal Design, 2008.
_BLUE = (0.0, 114 / 255, 178 / 255)
_YELLOW = (240 / 255, 228 / 255, 66 / 255)
_VERMILION = (213 / 255, 94 / 255, 0.0)

PALETTES: Mapping[str, Mapping[Pointing, Style]] = MappingProxyType(
    {
        # White can be told from any label; orange from the white and from a lightness
        # close to it by color-blind eyes.
        "object": {
            Pointing.NEW: Style(_WHITE),
            Pointing.ADD: Style((0.55, 0.85, 1.0)),
            Pointing.REMOVE: Style((1.0, 0.65, 0.1), dashed=True),
        },
        "color-blind safe": {
            # Blue itself is too dark for a line on a dark image.
            Pointing.NEW: Style(_WHITE, _BLUE, 1.3),
            Pointing.ADD: Style(_YELLOW, _YELLOW, 1.3),
            Pointing.REMOVE: Style(_VERMILION, _VERMILION, 1.3, dashed=True),
        },
        "outline": {
            Pointing.NEW: Style(_WHITE, strength=0.0),
            Pointing.ADD: Style(_WHITE, strength=0.0, width=2.0),
            Pointing.REMOVE: Style(_WHITE, strength=0.0, dashed=True),
        },
    }
)
"""By name; the first one is what holds until the user chooses another."""


def style_for(palette: str, pointing: Pointing) -> Style:
    """Return how a mask is drawn; as usual where there is no such palette."""
    return PALETTES.get(palette, PALETTES["object"])[pointing]
