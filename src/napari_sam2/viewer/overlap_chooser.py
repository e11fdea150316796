"""Which pixels an object may take, chosen in the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.annotation.overlap import OVERWRITE, PROTECT, Overlap, OverlapRule
from napari_sam2.viewer.choosers import Chooser
from napari_sam2.viewer.keymap import KEYMAP

if TYPE_CHECKING:
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.controller import Controller

__all__ = ["OverlapChooser"]

_TIPS = {
    OverlapRule.PROTECT: "New objects leave the pixels of others alone",
    OverlapRule.OVERWRITE: "New objects take pixels of others",
    OverlapRule.INSIDE: "New objects take pixels of one object only",
}


class OverlapChooser(Chooser):
    """Protect others, paint over them, or stay inside of the object at hand.

    Parameters
    ----------
    controller : Controller
        Whose rule it is.
    connections : Connections
        Through which it follows, until they are closed.
    """

    def __init__(self, controller: Controller, connections: Connections) -> None:
        super().__init__()
        self._controller = controller
        self.setAccessibleName("Overlap")
        self.activated.connect(self._on_activated)
        connections.add(KEYMAP.changed, self.refresh)
        connections.add(controller.modes.changed, self.refresh)
        connections.add(controller.tour.changed, self.refresh)
        connections.add(controller.session.current_changed, self._on_current)
        self.refresh()

    def refresh(self) -> None:
        """Offer the rules that make sense now."""
        rules = self._rules()
        chosen = self._controller.session.overlap
        self.offer(
            [(_text(rule), number) for number, rule in enumerate(rules)],
            rules.index(chosen),
        )
        key = KEYMAP["overwrite"].keys
        self.setToolTip(
            f"{_TIPS[chosen.rule]}. {key} switches painting over on and off"
        )

    def _rules(self) -> list[Overlap]:
        chosen, here = self._controller.session.overlap, self._controller.tour.at_hand
        rules = [PROTECT, OVERWRITE]
        if chosen.rule is OverlapRule.INSIDE:
            rules.append(chosen)
        if here is not None and here != chosen.inside:
            rules.append(Overlap(OverlapRule.INSIDE, here))
        return rules

    def _on_current(self, _: object) -> None:
        self.refresh()

    def _on_activated(self, number: int) -> None:
        rules = self._rules()
        if number < len(rules):
            self._controller.modes.overlap = rules[number]
        self.refresh()


def _text(overlap: Overlap) -> str:
    if overlap.rule is OverlapRule.INSIDE:
        return f"Only inside of object {overlap.inside}"
    over = overlap.rule is OverlapRule.OVERWRITE
    return "Paint over other objects" if over else "Protect other objects"
