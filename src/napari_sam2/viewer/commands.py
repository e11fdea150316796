"""What keys and buttons ask for, where that makes sense at the moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.marks import Tool
from napari_sam2.errors import CacheError
from napari_sam2.viewer.connections import weakly

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.viewer.classes import Classes
    from napari_sam2.viewer.modes import Modes
    from napari_sam2.viewer.mouse import MouseGestures
    from napari_sam2.viewer.tools import Tools
    from napari_sam2.viewer.tour import Tour
    from napari_sam2.viewer.workspace import Workspace

__all__ = ["Commands"]


class Commands:
    """The actions of the keymap. While the user paints, objects are left alone.

    Parameters
    ----------
    workspace : Workspace
        Whose session carries them out.
    modes : Modes
        What is switched.
    tools : Tools
        What is taken into the hand.
    tour : Tour
        Which object is at hand.
    classes : Classes
        What objects are given by number.
    mouse : MouseGestures
        Where the mouse is, and what it draws.
    """

    notice = Signal(str)
    """Something that the user should know."""

    def __init__(
        self,
        workspace: Workspace,
        modes: Modes,
        tools: Tools,
        tour: Tour,
        classes: Classes,
        mouse: MouseGestures,
    ) -> None:
        self._workspace = workspace
        self._session = workspace.session
        self._modes = modes
        self._tools = tools
        self._tour = tour
        self._classes = classes
        self._mouse = mouse

    @property
    def by_name(self) -> dict[str, Callable[[], None]]:
        """What each action does; none of them keeps this alive."""
        return {name: weakly(self, act) for name, act in _COMMANDS.items()}

    # ------------------------------------------------------------ objects, history

    def done(self) -> None:
        """Finish the current object."""
        if not self._workspace.in_stroke:
            self._tour.forget()
            self._session.done()

    def drop(self) -> None:
        """Forget what is unfinished; first of all what is being drawn."""
        if not self._mouse.cancel_drag() and not self._workspace.in_stroke:
            self._session.any_candidate()
            self._tour.forget()
            self._session.drop()

    def undo(self) -> None:
        """Take the last change back."""
        if not self._workspace.in_stroke:
            self._session.undo(self._workspace.labels_at_hand)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if not self._workspace.in_stroke:
            self._session.redo(self._workspace.labels_at_hand)

    def next_object(self) -> None:
        """Go to the nearest object that is not reviewed."""
        if not self._workspace.in_stroke and self._tour.next() is None:
            self.notice.emit("Every object is reviewed.")

    def last_object(self) -> None:
        """Go back to the object before."""
        if not self._workspace.in_stroke:
            self._tour.back()

    def review_and_next(self) -> None:
        """Say that the object at hand is right, and go to the next one."""
        label = self._tour.at_hand
        if self._workspace.in_stroke:
            return
        if label is not None:
            self._session.review([label])
        self.next_object()

    def delete(self) -> None:
        """Take the object at hand away."""
        label = self._tour.at_hand
        if not self._workspace.in_stroke and label is not None:
            self._session.delete([label])

    def find_anew(self) -> None:
        """Let the model find the object at hand anew, by what is painted of it."""
        label = self._tour.at_hand
        if not self._workspace.in_stroke and label is not None:
            self._session.find_label_anew(label)

    def give_class(self, number: int) -> None:
        """Give the object at hand, or else the next one, the class of a number."""
        if not self._workspace.in_stroke:
            self._classes.choose(number)

    # ----------------------------------------------------------- under the mouse

    def edit(self) -> None:
        """Go on with the object that the mouse is over."""
        place = self._pointed_at
        if place is not None:
            self._session.edit_at(*place)

    def find_anew_here(self) -> None:
        """Let the model find anew what is painted under the mouse."""
        place = self._pointed_at
        if place is not None:
            self._session.find_anew(*place)

    def remove_prompt(self) -> None:
        """Take the prompt away that the mouse is over."""
        if not self._workspace.in_stroke:
            self._tools.remove_under()

    def next_candidate(self) -> None:
        """Show the next of the masks that the model offers."""
        if not self._workspace.in_stroke:
            self._session.next_candidate()

    @property
    def _pointed_at(self) -> tuple[float, float] | None:
        """Place of the plane under the mouse."""
        last, workspace = self._mouse.last, self._workspace
        usable = workspace.can_point and not workspace.in_stroke
        return workspace.view.place(last) if usable and last is not None else None

    # ------------------------------------------------------------------ the image

    def prepare_stack(self) -> None:
        """Encode all planes of the image while nothing else is to be done, or stop."""
        if self._session.preparing is not None:
            self._session.cancel()
            return
        try:
            self._session.prepare_stack()
        except CacheError as error:
            self.notice.emit(str(error))

    # ----------------------------------------------------------- modes and tools

    def toggle(self, mode: str) -> None:
        """Switch one of the modes, by its name."""
        setattr(self._modes, mode, not getattr(self._modes, mode))

    def toggle_polarity(self) -> None:
        """Let the left button take away, or add again."""
        self._tools.removes = not self._tools.removes

    def take(self, tool: Tool) -> None:
        """Take a tool into the hand."""
        self._tools.tool = tool


_COMMANDS: dict[str, Callable[[Commands], None]] = {
    "toggle": partial(Commands.toggle, mode="active"),
    "done": Commands.done,
    "drop": Commands.drop,
    "undo": Commands.undo,
    "redo": Commands.redo,
    "delete": Commands.delete,
    "next": Commands.next_object,
    "back": Commands.last_object,
    "review": Commands.review_and_next,
    "collect": partial(Commands.toggle, mode="collect"),
    "overwrite": partial(Commands.toggle, mode="overwrite"),
    "sharpen": partial(Commands.toggle, mode="sharpen"),
    "point": partial(Commands.take, tool=Tool.POINT),
    "box": partial(Commands.take, tool=Tool.BOX),
    "scribble": partial(Commands.take, tool=Tool.SCRIBBLE),
    "lasso": partial(Commands.take, tool=Tool.LASSO),
    "polarity": Commands.toggle_polarity,
    "unprompt": Commands.remove_prompt,
    "candidate": Commands.next_candidate,
    "edit": Commands.edit,
    "find_anew": Commands.find_anew_here,
    "prepare": Commands.prepare_stack,
    **{f"class_{n}": partial(Commands.give_class, number=n) for n in range(10)},
}
