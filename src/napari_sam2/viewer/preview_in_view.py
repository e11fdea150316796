"""The mask under the mouse, drawn over the plane in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.viewer.preview import drawing

if TYPE_CHECKING:
    from napari_sam2.annotation.objects import Preview
    from napari_sam2.viewer.preview import PreviewDisplay
    from napari_sam2.viewer.workspace import Workspace

__all__ = ["PreviewInView"]


class PreviewInView:
    """Shows what a click would do, for as long as the session says so.

    Parameters
    ----------
    workspace : Workspace
        Whose plane is in view.
    display : PreviewDisplay
        That draws.
    """

    palette_changed = Signal(str)
    """The mask looks different from now on."""

    def __init__(self, workspace: Workspace, display: PreviewDisplay) -> None:
        self._workspace = workspace
        self._palette = "object"
        self._open = True
        self.display = display
        workspace.session.preview_changed.connect(self._on_preview)

    @property
    def palette(self) -> str:
        """What the mask looks like: a name in ``PALETTES``."""
        return self._palette

    @palette.setter
    def palette(self, palette: str) -> None:
        if self._open and palette != self._palette:
            self._palette = palette
            self._on_preview(self._workspace.session.preview)
            self.palette_changed.emit(palette)

    def close(self) -> None:
        """Leave nothing behind on the canvas."""
        self._open = False
        self._workspace.session.preview_changed.disconnect(self._on_preview)
        self.display.close()

    def _on_preview(self, preview: Preview | None) -> None:
        image = self._workspace.choices.image
        geometry = self._workspace.view.geometry
        if preview is None or image is None or geometry is None:
            self.display.hide()
            return
        color = self._workspace.color_of(preview.label)
        self.display.show(drawing(preview, geometry, color, self._palette), image)
