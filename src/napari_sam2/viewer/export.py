"""Labels layers to files: napari's Save, the command, the widget's button."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from napari.layers import Labels
from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtWidgets import QFileDialog

from napari_sam2.analysis.blocks import is_lazy
from napari_sam2.analysis.export import save_labels
from napari_sam2.analysis.table import object_table, save_table, table_path
from napari_sam2.errors import ExportError
from napari_sam2.viewer.controller import existing_controller, existing_controllers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

__all__ = ["export_labels", "labels_to_export", "pixel_size", "write_labels"]

_FILTERS = {
    "TIFF (*.tif *.tiff)": ".tif",
    "OME-Zarr (*.zarr)": ".zarr",
    "PNG (*.png)": ".png",
    "NumPy array (*.npy)": ".npy",
}


def write_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer: the writer that napari's Save offers.

    Parameters
    ----------
    path : str
        Where to; its extension chooses the format.
    data : array-like of int, or a sequence of them if multiscale
        The labels; of a pyramid, the finest are written.
    attributes : dict
        The layer's attributes, ``scale`` and ``units`` among them.

    Returns
    -------
    list of str
        What was written: the labels, and the table of objects beside them.
    """
    labels = data[0] if attributes.get("multiscale") else data
    size, unit = pixel_size(attributes.get("scale"), attributes.get("units"))
    written = [save_labels(path, labels, pixel_size=size, unit=unit)]
    features = _latest_features(data, attributes.get("features"))
    written += _write_table(path, labels, features, size, unit)
    return list(map(str, written))


def _latest_features(data: Any, features: Any) -> Any:
    """Return the features of a layer, to which those of the last click may be missing.

    They follow the objects a moment later; a script may save right after a click.
    """
    for controller in existing_controllers():
        layer = controller.choices.labels
        if layer is not None and layer.data is data:
            controller.features.update()
            return layer.features
    return features


def _write_table(
    path: str | Path,
    labels: npt.ArrayLike,
    features: Any,
    size: tuple[float, ...] | None,
    unit: str | None,
) -> list[Path]:
    """Write the table of objects beside the labels, if anything is said of them."""
    if features is None or "index" not in features:
        return []
    table = object_table(labels, features, pixel_size=size, unit=unit)
    return [save_table(table_path(path), table)]


def pixel_size(
    scale: npt.ArrayLike | None, units: Iterable[Any] | None
) -> tuple[tuple[float, ...] | None, str | None]:
    """Turn the scale and the units of a layer into a pixel size.

    Returns
    -------
    sizes : tuple of float or None
        Along each axis, in ``unit`` where the axis is a length.
    unit : str or None
        That of the columns.
    """
    if scale is None:
        return None, None
    sizes = [abs(float(step)) for step in np.asarray(scale).ravel()]
    kinds = list(units or ())
    if not kinds:
        return tuple(sizes), None
    unit = kinds[-1]
    if not hasattr(unit, "is_compatible_with"):  # a string, not from a live layer
        return tuple(sizes), str(unit)
    for axis, kind in enumerate(kinds):
        if kind != unit and kind.is_compatible_with(unit):
            sizes[axis] *= float((1 * kind).to(unit).magnitude)
    return tuple(sizes), str(unit)


def labels_to_export(viewer: napari.Viewer) -> Labels | None:
    """Return the Labels layer that is meant: the active one, or the topmost seen."""
    if isinstance(viewer.layers.selection.active, Labels):
        return viewer.layers.selection.active
    layers = [layer for layer in reversed(viewer.layers) if isinstance(layer, Labels)]
    return next((layer for layer in layers if layer.visible), None)


def export_labels(
    viewer: napari.Viewer | None = None, layer: Labels | None = None
) -> Any:
    """Ask for a file and write a Labels layer to it, in the background.

    Parameters
    ----------
    viewer : napari.Viewer, optional
        By default the current one.
    layer : napari.layers.Labels, optional
        By default the active one, or the topmost that is shown.

    Returns
    -------
    worker or None
        The worker that writes; None if there is nothing to write, or the user
        thought better of it.
    """
    viewer = viewer or napari.current_viewer()
    if layer is None and viewer is not None:
        layer = labels_to_export(viewer)
    if viewer is None or layer is None:
        show_warning("There are no labels to export yet: point at an object first.")
        return None
    path = _ask_for_path(viewer, layer.name)
    if path is None:
        return None

    controller = existing_controller(viewer)
    if controller is not None:
        controller.features.update()
    labels = layer.data[0] if layer.multiscale else layer.data
    if not is_lazy(labels):
        # A copy: what is written is what was seen when the export began.
        labels = np.array(labels)
    size, unit = pixel_size(layer.scale, layer.units)
    features = layer.features.copy()

    @thread_worker  # type: ignore[untyped-decorator, unused-ignore]
    def write() -> Callable[[], None]:
        # A worker that raises is reported with its traceback, on top of this.
        try:
            written = save_labels(path, labels, pixel_size=size, unit=unit)
            tables = _write_table(path, labels, features, size, unit)
        except ExportError as error:
            return partial(show_error, str(error))
        beside = "".join(f", their table as {table.name}" for table in tables)
        return partial(show_info, f"Labels saved as {written}{beside}.")

    worker = write(_start_thread=False)
    worker.returned.connect(lambda tell: tell())
    worker.start()
    return worker


def _ask_for_path(viewer: napari.Viewer, name: str) -> Path | None:
    # The name of a layer may hold what a path must not.
    safe = "".join(c if c.isalnum() or c in " ._-()" else "-" for c in name).strip()
    chosen, kind = QFileDialog.getSaveFileName(
        _window(viewer), "Export labels", f"{safe or 'labels'}.tif", ";;".join(_FILTERS)
    )
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix else path.with_suffix(_FILTERS.get(kind, ".tif"))


def _window(viewer: napari.Viewer) -> Any:
    return getattr(viewer.window, "_qt_window", None)
