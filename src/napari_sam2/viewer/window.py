"""What only a real window has: a canvas to watch, frames to pace, keys to hear."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from napari_sam2.annotation.objects import Pointing
from napari_sam2.viewer.canvas import CanvasWatch, native_canvas
from napari_sam2.viewer.character_keys import CharacterKeys
from napari_sam2.viewer.connections import weakly
from napari_sam2.viewer.pacing import FramePacer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.key_bindings import KeyBindings
    from napari_sam2.viewer.mouse import MouseGestures
    from napari_sam2.viewer.tools import Tools

__all__ = ["WindowWatch", "watch_window"]


class WindowWatch:
    """Tells mouse, tools and keys what napari does not.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    canvas : QWidget
        napari's canvas.
    session : AnnotationSession
        Whose masks a frame waits for.
    mouse : MouseGestures
        Told of keys that change what it means.
    tools : Tools
        Told of the key that lends the left button to the camera.
    keys : KeyBindings
        Told of characters that napari has no name for.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        canvas: QWidget,
        session: AnnotationSession,
        mouse: MouseGestures,
        tools: Tools,
        keys: KeyBindings,
    ) -> None:
        self._viewer = weakref.ref(viewer)
        self._mouse = mouse
        self._tools = tools
        self._pacer = FramePacer(
            canvas.window() or canvas, lambda: session.preview_coming
        )
        self._watch = CanvasWatch(
            canvas,
            lambda: mouse.seen,
            weakly(self, WindowWatch._on_modifiers),
            weakly(self, WindowWatch._on_space),
        )
        self._characters = CharacterKeys(canvas, keys.press_character)

    def release_frame(self) -> None:
        """Paint what waited for a mask."""
        self._pacer.release()

    def toggle_help(self) -> bool:
        """Show all keys and gestures over the canvas, or close them; says which."""
        from napari_sam2.viewer.help_overlay import toggle_help

        viewer = self._viewer()
        return viewer is not None and toggle_help(viewer) is not None

    def close(self) -> None:
        """Watch no longer."""
        from napari_sam2.viewer.help_overlay import close_help

        viewer = self._viewer()
        if viewer is not None:
            close_help(viewer)
        self._watch.close()
        self._pacer.close()
        self._characters.close()

    def _on_modifiers(self, shift: bool, alt: bool) -> None:
        add = Pointing.ADD if shift else Pointing.NEW
        self._mouse.point_again(Pointing.REMOVE if alt and not shift else add)

    def _on_space(self, held: bool) -> None:
        self._tools.panning = held


def watch_window(
    viewer: ViewerModel,
    session: AnnotationSession,
    mouse: MouseGestures,
    tools: Tools,
    keys: KeyBindings,
) -> WindowWatch | None:
    """Watch the window of a viewer; None if it shows no canvas.

    Parameters
    ----------
    viewer : ViewerModel
        Not kept alive.
    session, mouse, tools, keys
        See :class:`WindowWatch`.
    """
    canvas = native_canvas(viewer)
    if canvas is None:
        return None
    return WindowWatch(viewer, canvas, session, mouse, tools, keys)
