"""Gestures of the mouse, carried from the world into the session's plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.annotation.objects import Pointing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_sam2.viewer.aim import Aim
    from napari_sam2.viewer.drawing import Drag
    from napari_sam2.viewer.prompts_in_view import PromptsInView
    from napari_sam2.viewer.tools import Tools
    from napari_sam2.viewer.workspace import Workspace

__all__ = ["Pointer"]

_TURN = 0.25
"""Logits that one click of the wheel moves the threshold by."""


class Pointer:
    """A :class:`~napari_sam2.viewer.mouse.PointingTarget` that asks the session.

    Parameters
    ----------
    workspace : Workspace
        Where the mouse is, and what it works on.
    tools : Tools
        What it has in its hand.
    prompts : PromptsInView
        Told of what it is over.
    aim : Aim
        Told of what a click would do.
    released : callable
        Called when a button was let go.
    """

    def __init__(
        self,
        workspace: Workspace,
        tools: Tools,
        prompts: PromptsInView,
        aim: Aim,
        released: Callable[[], None],
    ) -> None:
        self._workspace = workspace
        self._tools = tools
        self._prompts = prompts
        self._aim = aim
        self.released = released

    @property
    def can_point(self) -> bool:
        """Whether the mouse is the tool's now."""
        return self._workspace.can_point

    def hover(self, position: Sequence[float], pointing: Pointing) -> None:
        """Preview what a click at a place of the world would do."""
        workspace = self._workspace
        place = workspace.view.place(position)
        pointing = self._tools.meant(pointing)
        if place is not None:
            workspace.session.hover(*place, pointing)
            self._prompts.hover(*place)
        # After the mask was asked for: a word must not make it wait.
        label = workspace.label_at(place)
        self._aim.point(workspace.session.plane, place, pointing, label)

    def click(self, position: Sequence[float], pointing: Pointing) -> None:
        """Carry out a click at a place of the world; outside, it means nothing."""
        session = self._workspace.session
        place, plane = self._workspace.view.place(position), session.plane
        if place is None or plane is None or not plane.contains(*place):
            return
        # What was zoomed to is what is clicked on, however quickly.
        self._workspace.settle()
        pointing = self._tools.meant(pointing)
        if pointing is Pointing.ADD:
            session.add(*place)
        elif pointing is Pointing.REMOVE:
            session.remove(*place)
        else:
            session.click(*place)

    def begin(self, position: Sequence[float], pointing: Pointing) -> Drag | None:
        """Say what a left drag from a place of the world would do; None: it pans."""
        self._workspace.settle()
        return self._tools.begin(position, pointing)

    def scroll(self, turns: float) -> None:
        """Let the mask grow by turning the wheel up, and shrink by turning it down."""
        session, viewer = self._workspace.session, self._workspace.viewer
        if viewer is not None and not self._workspace.in_stroke:
            session.nudge_threshold(-_TURN * turns)
            viewer.status = f"Threshold {session.refinement.threshold:+.2f}"

    def leave(self) -> None:
        """Drop the preview."""
        self._aim.leave()
        session = self._workspace.session
        if session.preview is not None:
            session.leave()
