"""One line that says what the hand can do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.annotation.marks import Tool
from napari_sam2.annotation.status import Phase
from napari_sam2.viewer.aim import At
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.keys import key_text
from napari_sam2.viewer.layers import in_pan_zoom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sam2.viewer.controller import Controller
    from napari_sam2.viewer.lessons import Lessons

__all__ = [
    "click_says",
    "hint",
    "object_line",
    "obstacle",
    "told_over_the_canvas",
    "unseen",
]

_WAITING = {Phase.LOADING, Phase.DOWNLOADING, Phase.PREPARING, Phase.ENCODING}

_DRAW = {
    Tool.BOX: "Drag around an object; Space pans",
    Tool.SCRIBBLE: "Draw over an object; Space pans",
    Tool.LASSO: "Draw around an object; Space pans",
}


def hint(controller: Controller, lessons: Lessons | None = None) -> str:
    """Say what a click or a key would do now; empty if there is nothing to say.

    Parameters
    ----------
    controller : Controller
        What is said is about its viewer and session.
    lessons : Lessons, optional
        What is left to be learned comes before what a click would do.
    """
    said = obstacle(controller)
    if said is None:
        said = unseen(controller)
    if said is not None:
        return said
    lesson = "" if lessons is None else lessons.line(_sensible(controller))
    return lesson or click_says(controller) or _invitation(controller)


def obstacle(controller: Controller) -> str | None:
    """Say why a click would do nothing yet; None if it would do something."""
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
        return f"Pan/zoom mode of “{active.name}” goes on here"
    return None


def unseen(controller: Controller) -> str | None:
    """Say what of that which is worked on is hidden; None: nothing."""
    choices = controller.choices
    for layer in (choices.image, choices.labels):
        if layer is not None and not layer.visible:
            return f"“{layer.name}” is hidden: show it to see what you do"
    return None


def told_over_the_canvas(controller: Controller) -> str:
    """Say what a click would do, or why it has to wait; empty: nothing of ours."""
    said = obstacle(controller)
    if said is not None:
        waits = controller.session.status.phase in _WAITING
        return said if waits and controller.aim.at is not At.AWAY else ""
    says = click_says(controller)
    return (unseen(controller) or says) if says else ""


def click_says(controller: Controller) -> str:
    """Say what a click would do where the mouse is; empty while it is elsewhere."""
    session, at = controller.session, controller.aim.at
    current = session.current
    if at is At.AWAY:
        return ""
    if at is At.OUTSIDE:
        return "Outside of the image"
    if controller.prompts.under is not None:
        return f"Drag moves it, {key_text('Alt')}+click takes it back"
    if at is At.REMOVE:
        if current is None:
            return "There is no object to take away from"
        return f"Click takes away from object {current.label}"
    if controller.tools.tool is not Tool.POINT:
        return _DRAW[controller.tools.tool]
    done = KEYMAP["done"].keys
    if current is not None and not current.kept:
        return f"Click adds to object {current.label}; {done} keeps it"
    if at is At.ADD and current is not None:
        return f"Click adds to object {current.label}"
    if session.collect:
        return f"Click begins object {session.next_label}; {done} keeps it"
    there = controller.aim.label
    if there and (current is None or there != current.label):
        row = session.row(there)
        if row is not None and row.prompts is None:
            return f"Object {there} · {KEYMAP['find_anew'].keys} finds it anew"
        return f"Object {there} · {KEYMAP['edit'].keys} edits it"
    says = f"Click keeps object {session.next_label}"
    if session.candidate:
        return f"{says}, the {session.candidate} it can be"
    if current is not None:
        says += f" · {key_text('Shift')} adds"
    return says


def _invitation(controller: Controller) -> str:
    """Say what to do next, to somebody whose mouse is elsewhere."""
    session, tools = controller.session, controller.tools
    current = session.current
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


def _sensible(controller: Controller) -> Iterator[str]:
    """Yield the lessons that can be followed right now."""
    session = controller.session
    if controller.tools.tool is not Tool.POINT:
        return
    yield from ("point", "click")
    if session.objects:
        yield "help"
    if session.current is not None:
        yield "add"
    if session.can_undo:
        yield "undo"


def object_line(controller: Controller) -> str:
    """Name the object that is worked on, and how sure the model is of it."""
    session = controller.session
    current = session.current
    here = controller.tour.painted
    if here is not None:
        category = session.notes(here).category
        return f"Object {here}{f' · {category}' if category else ''} · painted"
    if current is None:
        extents = session.extents
        count = 0 if extents is None else len(extents)
        so_far = f"{count:,} object{'s'[: count > 1]}" if count else "No objects yet"
        return f"{so_far} · next: {session.category}" if session.category else so_far
    score = current.prediction.score
    sure = "score" if score >= 0.5 else "low score"
    kept = "" if current.kept else " · not kept yet"
    category = session.notes(current.label).category if current.kept else None
    name = f" · {category}" if category else ""
    return f"Object {current.label}{name} · {sure} {score:.2f}{kept}"
