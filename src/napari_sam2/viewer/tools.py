"""What the left button has in its hand: a tool, and whether it adds or takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.annotation.marks import Tool
from napari_sam2.annotation.objects import Pointing
from napari_sam2.segmentation.revision import without
from napari_sam2.viewer.drawing import Drawing, Moving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.drawing import Drag
    from napari_sam2.viewer.plane_in_view import PlaneInView
    from napari_sam2.viewer.prompts_in_view import PromptsInView

__all__ = ["Tools"]

_SWAPPED = {Pointing.NEW: Pointing.REMOVE, Pointing.REMOVE: Pointing.ADD}


class Tools:
    """The tools of one hand.

    Parameters
    ----------
    session : AnnotationSession
        What they work on.
    view : PlaneInView
        Where.
    prompts : PromptsInView
        Where they draw.
    """

    changed = Signal()
    """Another tool, or another polarity."""

    def __init__(
        self, session: AnnotationSession, view: PlaneInView, prompts: PromptsInView
    ) -> None:
        self._session = session
        self._view = view
        self._prompts = prompts
        self._tool = Tool.POINT
        self._removes = False
        self.panning = False
        """Whether a key is held that lends the left button to the camera."""
        session.current_changed.connect(self._on_current)

    @property
    def tool(self) -> Tool:
        """What a left drag draws; with points, it pans."""
        return self._tool

    @tool.setter
    def tool(self, tool: Tool) -> None:
        if tool is not self._tool:
            self._tool = tool
            self.changed.emit()

    @property
    def removes(self) -> bool:
        """Whether the left button takes away, and the right one adds.

        Until the object is done: the next one begins with what belongs to it.
        """
        return self._removes

    @removes.setter
    def removes(self, removes: bool) -> None:
        if removes != self._removes:
            self._removes = removes
            self.changed.emit()

    def meant(self, pointing: Pointing) -> Pointing:
        """Say what a button and the keys that are held mean now."""
        return _SWAPPED.get(pointing, pointing) if self._removes else pointing

    def begin(self, position: Sequence[float], pointing: Pointing) -> Drag | None:
        """Take up what a left drag from a place of the world does; None: it pans."""
        place = self._view.place(position)
        if self.panning or place is None:
            return None
        pointing = self.meant(pointing)
        here = self._session, self._view, self._prompts
        held = self._prompts.find(*place)
        draws = self._tool is not Tool.POINT
        if held is not None and (
            pointing is Pointing.NEW or (pointing is Pointing.REMOVE and not draws)
        ):
            return Moving(*here, held, place, pointing)
        nothing = pointing is Pointing.REMOVE and self._session.current is None
        if not draws or nothing:
            return None
        under = held if pointing is Pointing.REMOVE else None
        return Drawing(*here, self._tool, place, pointing, under)

    def remove_under(self) -> None:
        """Take the prompt away that the mouse is over."""
        current, held = self._session.current, self._prompts.under
        if current is not None and held is not None:
            self._session.revise(without(current.prompts, held.kind, held.index))

    def close(self) -> None:
        """Follow the session no longer."""
        self._session.current_changed.disconnect(self._on_current)

    def _on_current(self, current: object) -> None:
        if current is None:
            self.removes = False
