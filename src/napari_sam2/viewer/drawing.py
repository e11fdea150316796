"""Drags of the left button that are the tool's: drawing, and moving what is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari_sam2.annotation.marks import Mark, Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.segmentation.revision import moved, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.plane_in_view import PlaneInView
    from napari_sam2.viewer.prompt_shapes import Place, Stroke
    from napari_sam2.viewer.prompts_in_view import PromptsInView

__all__ = ["Drag", "Drawing", "Moving"]


class Drag(Protocol):
    """What a drag does, and a press that was none."""

    def click(self) -> bool:
        """Take a click, the mouse did not move; False: it is not for this."""

    def move(self, position: Sequence[float]) -> None:
        """Follow the mouse, in world coordinates."""

    def end(self) -> None:
        """Carry it out: the button was let go."""

    def cancel(self) -> None:
        """Forget it."""


class Drawing:
    """A box, a scribble or a lasso that is being drawn.

    Parameters
    ----------
    session : AnnotationSession
        Whose preview follows, and that keeps what was drawn.
    view : PlaneInView
        On which it is drawn.
    prompts : PromptsInView
        Where the line is shown.
    tool : Tool
        With which it is drawn.
    place : tuple of float
        ``(row, col)`` where it begins.
    pointing : Pointing
        What it is to do.
    under : Place or Stroke, optional
        A prompt of the current object, which a click is to take away.
    """

    def __init__(
        self,
        session: AnnotationSession,
        view: PlaneInView,
        prompts: PromptsInView,
        tool: Tool,
        place: tuple[float, float],
        pointing: Pointing,
        under: Place | Stroke | None = None,
    ) -> None:
        self._session = session
        self._view = view
        self._prompts = prompts
        self._under = under
        self._tool = tool
        self._path = [place]
        self._pointing = pointing

    def click(self) -> bool:
        """Take the prompt away that was clicked on; leave other clicks to others."""
        if self._under is not None:
            _take_away(self._session, self._under)
        return self._under is not None

    def move(self, position: Sequence[float]) -> None:
        """Follow the mouse, in world coordinates."""
        place, plane = self._view.place(position), self._session.plane
        if place is None or plane is None or place == self._path[-1]:
            return
        if self._tool is Tool.BOX:
            self._path[1:] = [place]
        else:
            self._path.append(place)
        path = tuple(self._path)
        inside = self._pointing is not Pointing.REMOVE
        mark = Mark.drawn(self._tool, path, plane.shape)
        self._prompts.sketch(mark, inside=inside)
        self._session.sketch(self._tool, path, self._pointing)

    def end(self) -> None:
        """Keep what was drawn."""
        self._prompts.let_go()
        self._session.draw(self._tool, tuple(self._path), self._pointing)

    def cancel(self) -> None:
        """Forget it."""
        self._prompts.sketch(None)
        self._session.leave()


class Moving:
    """A prompt of the current object that has been taken hold of.

    Parameters
    ----------
    session, view, prompts
        As of :class:`Drawing`.
    held : Place or Stroke
        What is in the hand.
    place : tuple of float
        ``(row, col)`` where it was taken.
    pointing : Pointing
        What a click is to do: taking away is about the prompt itself.
    """

    def __init__(
        self,
        session: AnnotationSession,
        view: PlaneInView,
        prompts: PromptsInView,
        held: Place | Stroke,
        place: tuple[float, float],
        pointing: Pointing,
    ) -> None:
        self._session = session
        self._view = view
        self._prompts = prompts
        self._held = held
        self._place = place
        self._pointing = pointing
        self._said = None if session.current is None else session.current.prompts
        self._revised = self._said

    def click(self) -> bool:
        """Take the prompt away, if that was asked for; a plain click does nothing."""
        if self._pointing is Pointing.REMOVE and self._said is not None:
            self._session.revise(without(self._said, self._held.kind, self._held.index))
        return self._pointing is not Pointing.ADD

    def move(self, position: Sequence[float]) -> None:
        """Follow the mouse, in world coordinates."""
        place, plane = self._view.place(position), self._session.plane
        if place is None or plane is None or self._said is None:
            return
        by = place[0] - self._place[0], place[1] - self._place[1]
        held = self._held
        self._revised = moved(self._said, held.kind, held.index, by, plane.shape)
        self._prompts.revise(self._revised)
        self._session.revise(self._revised, preview=True)

    def end(self) -> None:
        """Ask anew about the object."""
        self._prompts.let_go()
        if self._revised is not None and self._revised != self._said:
            self._session.revise(self._revised)

    def cancel(self) -> None:
        """Leave it where it was."""
        if self._said is not None:
            self._prompts.revise(self._said)
        self._prompts.let_go()
        self._session.leave()


def _take_away(session: AnnotationSession, held: Place | Stroke) -> None:
    if session.current is not None:
        session.revise(without(session.current.prompts, held.kind, held.index))
