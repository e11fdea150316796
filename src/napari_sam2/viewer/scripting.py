"""The scripted session: the very session that the widget drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["annotate"]


def annotate(
    viewer: ViewerModel,
    image: Image | str | npt.ArrayLike | None = None,
    model: str | Path | ModelSpec | None = None,
    *,
    device: str = "auto",
    segmenter_factory: Callable[[ModelSpec, str], Segmenter] | None = None,
) -> AnnotationSession:
    """Annotate an image of a viewer from a script.

    A viewer with a window gets the dock widget, which drives the same session.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Where the labels appear.
    image : Image, str or array, optional
        An image layer, its name, or an array to add. By default the selected
        image, or the topmost.
    model : str, path or ModelSpec, optional
        Name in the catalogue, or a checkpoint of your own. By default the one
        that the viewer's session has, which begins with the starter.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    segmenter_factory : callable, optional
        ``factory(spec, device)``, for an engine of your own.

    Returns
    -------
    AnnotationSession
        Its coordinates are ``(row, col)`` of the plane in view.

    Raises
    ------
    ImageError
        If there is no such image, or it is empty.
    UnknownModelError
        If there is no such model.

    Examples
    --------
    >>> session = annotate(viewer, image="cells")  # doctest: +SKIP
    >>> session.click(120, 80)  # doctest: +SKIP
    >>> session.add(131, 84)  # doctest: +SKIP
    >>> session.done()  # doctest: +SKIP
    >>> session.labels  # doctest: +SKIP
    """
    from napari_sam2.viewer.controller import controller_for, existing_controller

    viewer = getattr(viewer, "__wrapped__", viewer)
    layer = _image_layer(viewer, image)
    controller = existing_controller(viewer)
    if controller is None:
        controller = controller_for(
            viewer, model or "starter", device, segmenter_factory=segmenter_factory
        )
    elif model is not None:
        controller.session.set_model(model, device)
    session = controller.session
    if layer is not None:
        controller.choices.image = layer
    controller.modes.active = True
    if getattr(viewer, "window", None) is not None:
        _dock(viewer)
    return session


def _image_layer(
    viewer: ViewerModel, image: Image | str | npt.ArrayLike | None
) -> Image | None:
    from napari.layers import Image as ImageLayer

    if image is None:
        return None
    if isinstance(image, ImageLayer):
        if image not in viewer.layers:
            viewer.add_layer(image)
        return image
    if not isinstance(image, str):
        if np.size(image) == 0:
            raise ImageError("The image is empty: give one that has pixels.")
        return viewer.add_image(image, name="image")
    names = [one.name for one in viewer.layers if isinstance(one, ImageLayer)]
    if image not in names:
        known = ", ".join(f"“{name}”" for name in names) or "none"
        raise ImageError(f"There is no image “{image}”. There are: {known}.")
    return viewer.layers[image]


def _dock(viewer: ViewerModel) -> None:
    """Open the dock widget, unless it is open."""
    viewer.window.add_plugin_dock_widget("napari-sam2", "SAM 2")
