"""The mask under the mouse tells what a click would do, to all eyes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam2.annotation.objects import Pointing
from napari_sam2.viewer.palette import PALETTES, style_for
from napari_sam2.viewer.preferences import DEFAULTS
from tests.viewer.color_blindness import EYES, difference, seen
from tests.viewer.conftest import A, B

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.viewer.hand import Hand

PAIRS = list(combinations(Pointing, 2))


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("pair", PAIRS)
def test_safe_colors_are_safe(eyes: str, pair: Sequence[Pointing]) -> None:
    first, second = (style_for("color-blind safe", pointing) for pointing in pair)
    assert difference(first.line, second.line, eyes) > 20
    assert first.fill is not None
    assert second.fill is not None
    assert difference(first.fill, second.fill, eyes) > 25


@pytest.mark.parametrize("palette", PALETTES)
def test_what_is_taken_away_differs_not_by_color_alone(palette: str) -> None:
    dashed = {pointing: style_for(palette, pointing).dashed for pointing in Pointing}
    assert [one for one, is_dashed in dashed.items() if is_dashed] == [Pointing.REMOVE]


def test_an_unknown_palette_is_the_usual_one() -> None:
    assert DEFAULTS["look"]["palette"] == next(iter(PALETTES)) == "object"
    for pointing in Pointing:
        assert style_for("of tomorrow", pointing) is style_for("object", pointing)


def test_without_green_red_looks_like_olive() -> None:
    """The simulation itself: these two are told apart by all others."""
    red, olive = (0.80, 0.20, 0.20), (0.44, 0.43, 0.17)
    assert difference(red, olive, "all colors") > 40
    assert difference(red, olive, "no green") < 25
    np.testing.assert_allclose(seen((0.5, 0.5, 0.5), "no green"), 0.5, atol=0.01)


@pytest.mark.parametrize("kind", ["overlay", "layer"])
@pytest.mark.parametrize("eyes", EYES)
def test_what_is_drawn_can_be_told_apart(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    eyes: str,
) -> None:
    if kind == "layer":
        monkeypatch.setattr(
            "napari_sam2.viewer.preview_overlay.is_supported", lambda _: False
        )
    hand: Hand = request.getfixturevalue("hand")
    hand.controller.preview.palette = "color-blind safe"
    hand.click_and_wait(*A)
    # What lies there already would shine through.
    hand.viewer.layers["cells · labels"].visible = False
    hand.hover(*B)
    fills: dict[Pointing, Any] = {}
    for key, meaning in (
        (None, Pointing.NEW),
        (Qt.Key.Key_Shift, Pointing.ADD),
        (Qt.Key.Key_Alt, Pointing.REMOVE),
    ):
        if key is not None:
            QTest.keyPress(hand.native, key)
        hand.wait(
            lambda m=meaning: (
                hand.controller.preview.display.shown is not None
                and hand.controller.preview.display.shown.pointing is m
            )
        )
        hand.wait_drawn()
        # What an addition fills is there, what a removal fills is the object itself.
        row, col = A if meaning is Pointing.REMOVE else B
        place = hand.at(row + 8, col)
        fills[meaning] = hand.picture()[place.y(), place.x(), :3] / 255
        if key is not None:
            QTest.keyRelease(hand.native, key)
    for first, second in PAIRS:
        told = difference(fills[first], fills[second], eyes)
        print(f"{kind}, {eyes}: {first.value} from {second.value}: {told:.0f}")
        assert told > 12


def test_another_palette_is_seen_at_once(hand: Hand) -> None:
    hand.hover(*A)
    hand.wait_drawn()
    place = hand.at(A[0] + 8, A[1])
    before = hand.picture()[place.y(), place.x()]
    hand.controller.preview.palette = "outline"
    hand.wait_drawn()
    bare = hand.picture()[place.y(), place.x()]
    assert not np.array_equal(before, bare)
    # Nothing is filled: it is the gray of the image.
    assert np.ptp(bare[:3].astype(int)) == 0
