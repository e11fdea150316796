"""Drags of the left button that are the tool's: what is drawn with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari_sam2.annotation.marks import Mark, Tool
from napari_sam2.annotation.objects import Pointing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.plane_in_view import PlaneInView
    from napari_sam2.viewer.prompts_in_view import PromptsInView

__all__ = ["Drag", "Drawing"]


class Drag(Protocol):
    """What a drag does. A press without a drag is a click: then nothing is called."""

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
    """

    def __init__(
        self,
        session: AnnotationSession,
        view: PlaneInView,
        prompts: PromptsInView,
        tool: Tool,
        place: tuple[float, float],
        pointing: Pointing,
    ) -> None:
        self._session = session
        self._view = view
        self._prompts = prompts
        self._tool = tool
        self._path = [place]
        self._pointing = pointing

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
        self._session.draw(self._tool, tuple(self._path), self._pointing)

    def cancel(self) -> None:
        """Forget it."""
        self._prompts.sketch(None)
        self._session.leave()
