"""One line that says what the hand can do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.annotation.marks import Tool
from napari_sam2.annotation.status import Phase
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.layers import in_pan_zoom

if TYPE_CHECKING:
    from napari_sam2.viewer.controller import Controller

__all__ = ["hint", "object_line"]

_WAITING = {Phase.LOADING, Phase.DOWNLOADING, Phase.PREPARING, Phase.ENCODING}

_DRAW = {
    Tool.BOX: "Drag a box around an object; Space pans",
    Tool.SCRIBBLE: "Drag a line over an object; Space pans",
    Tool.LASSO: "Drag a line around an object; Space pans",
}


def hint(controller: Controller) -> str:
    """Say what a click or a key would do now; empty if there is nothing to say."""
    session, viewer = controller.session, controller.viewer
    phase = session.status.phase
    if phase is Phase.OFF:
        return f"{KEYMAP['toggle'].keys} switches it on"
    active = None if viewer is None else viewer.layers.selection.active
    if phase in _WAITING and session.plane is not None:
        return "Clicks wait until it is ready"
    if phase not in (Phase.READY, Phase.SEGMENTING) or session.plane is None:
        return ""
    if active is not None and not in_pan_zoom(active):
        return f"Waiting while “{active.name}” is being edited"
    current, tools = session.current, controller.tools
    if controller.prompts.under is not None:
        return "Drag moves this, Alt + click takes it back"
    if tools.removes:
        return f"Clicks take away; {KEYMAP['polarity'].keys} adds again"
    if tools.tool is not Tool.POINT:
        return _DRAW[tools.tool]
    if current is None:
        again = "the next" if session.objects else "something"
        return f"Point at {again} and click"
    if not current.kept:
        return "Click adds, right click removes, Enter keeps"
    return "Shift adds, right click removes"


def object_line(controller: Controller) -> str:
    """Name the object that is worked on, and how sure the model is of it."""
    session = controller.session
    current = session.current
    if current is None:
        count = len(session.objects)
        return "No objects yet" if not count else f"{count} object{'s'[: count > 1]}"
    score = current.prediction.score
    sure = "score" if score >= 0.5 else "low score"
    kept = "" if current.kept else " · not kept yet"
    return f"Object {current.label} · {sure} {score:.2f}{kept}"
