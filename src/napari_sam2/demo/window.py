"""napari with the tool docked on a sample, as a user opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import napari

if TYPE_CHECKING:
    from napari.layers import Layer

__all__ = ["open_window"]


def open_window(sample: str) -> tuple[napari.Viewer, list[Layer], Any]:
    """Open napari, a sample, and the tool on it.

    Parameters
    ----------
    sample : str
        Key of a sample of ours.

    Returns
    -------
    viewer : napari.Viewer
        With its window shown.
    layers : list of napari.layers.Layer
        Of the sample.
    widget : QWidget
        The docked tool.
    """
    viewer = napari.Viewer()
    layers = viewer.open_sample("napari-sam2", sample)
    viewer.layers.selection.active = layers[0]
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
    return viewer, layers, widget
