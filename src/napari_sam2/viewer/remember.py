"""A tool that begins as the user left it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from napari_sam2.annotation.marks import Tool
from napari_sam2.errors import NapariSam2Error
from napari_sam2.models.catalog import CATALOG, get_model, is_available
from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.viewer.controller import controller_for, existing_controller
from napari_sam2.viewer.keymap import KEYMAP
from napari_sam2.viewer.preferences import preferences

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.viewer.choosers import EngineChooser, ModelChooser
    from napari_sam2.viewer.connections import Connections
    from napari_sam2.viewer.controller import Controller
    from napari_sam2.viewer.preferences import Preferences

__all__ = ["Memory", "keys_from_text", "keys_to_text", "remembered_controller"]

_MODES = ("collect", "overwrite")
_REFINEMENT = tuple(field.name for field in fields(Refinement))
_TOOLS = {tool.value: tool for tool in Tool}
_SHARPEN = {"always": True, "never": False}


def remembered_controller(
    viewer: ViewerModel,
    *,
    segmenter_factory: Callable[[ModelSpec, str], Segmenter] | None = None,
) -> Controller:
    """Return the controller of a viewer; a new one begins as the user left the last.

    One that a script has made is as the script wants it.
    """
    chosen = preferences()
    _restore_keys(chosen["keys"])
    controller = existing_controller(viewer)
    if controller is not None:
        return controller
    model = _model_at_hand(chosen["model"])
    controller = controller_for(viewer, model, segmenter_factory=segmenter_factory)
    if chosen["engine"] != "auto":
        # It may not be installed any more: then what is quickest will do.
        with suppress(NapariSam2Error):
            controller.session.set_engine(chosen["engine"])
    _apply_modes(controller, chosen)
    _apply_refinement(controller, chosen, *_REFINEMENT)
    return controller


class Memory:
    """Keeps what the user chooses, and follows napari's Preferences.

    Parameters
    ----------
    controller : Controller
        Whose modes are kept.
    model, engine : ModelChooser, EngineChooser
        What is chosen there is kept, not what a script asks for.
    connections : Connections
        Through which it listens, until they are closed.
    """

    def __init__(
        self,
        controller: Controller,
        model: ModelChooser,
        engine: EngineChooser,
        connections: Connections,
    ) -> None:
        self._controller = controller
        self._model = model
        self._sharpen = controller.modes.sharpen
        self._preferences = preferences()
        controller.preview.palette = self._preferences["palette"]
        connections.add(controller.modes.changed, self._on_modes)
        connections.add(controller.preview.palette_changed, self._on_palette)
        connections.add(controller.tools.changed, self._on_tools)
        connections.add(controller.session.model_changed, self._on_model)
        connections.add(controller.sight.contrast_changed, self._on_contrast)
        connections.add(controller.session.refinement_changed, self._on_refinement)
        connections.add(engine.chosen, self._on_engine)
        connections.add(self._preferences.changed, self._on_preference)
        connections.add(KEYMAP.changed, self._on_keys)

    def _on_modes(self) -> None:
        for name in _MODES:
            self._preferences[name] = getattr(self._controller.modes, name)
        sharpen = self._controller.modes.sharpen
        if sharpen is not self._sharpen:
            self._sharpen = sharpen
            self._preferences["sharpen"] = "always" if sharpen else "never"

    def _on_tools(self) -> None:
        self._preferences["tool"] = self._controller.tools.tool.value

    def _on_palette(self, palette: str) -> None:
        self._preferences["palette"] = palette

    def _on_contrast(self, contrast: str) -> None:
        self._preferences["contrast"] = contrast

    def _on_refinement(self) -> None:
        chosen = asdict(self._controller.session.next_refinement)
        for name in _REFINEMENT:
            self._preferences[name] = chosen[name]

    def _on_model(self, name: str) -> None:
        # Which does not begin before it has shown that it can be loaded.
        chosen = self._model.chosen
        if chosen is not None and chosen.name == name:
            own = name not in CATALOG
            self._preferences["model"] = str(chosen.weights) if own else name
        # How sharp it is by itself depends on the model.
        self._sharpen = self._controller.modes.sharpen

    def _on_engine(self, name: str) -> None:
        self._preferences["engine"] = name

    def _on_keys(self) -> None:
        self._preferences["keys"] = keys_to_text(KEYMAP.own)

    def _on_preference(self, name: str) -> None:
        if name == "keys":
            _restore_keys(self._preferences["keys"])
        if name == "palette":
            self._controller.preview.palette = self._preferences["palette"]
        if name in _REFINEMENT:
            _apply_refinement(self._controller, self._preferences, name)
        if name in (*_MODES, "sharpen", "tool", "contrast"):
            _apply_modes(self._controller, self._preferences)


def keys_to_text(own: dict[str, str]) -> str:
    """Write keys by action in one line: ``"undo=Control-U collect=#"``."""
    return " ".join(f"{name}={key}" for name, key in own.items())


def keys_from_text(text: str) -> dict[str, str]:
    """Read a line of :func:`keys_to_text`; what is none of it is left out."""
    pairs = (pair.partition("=") for pair in text.split())
    return {name: key for name, equals, key in pairs if name and equals and key}


def _apply_modes(controller: Controller, chosen: Preferences) -> None:
    for name in _MODES:
        setattr(controller.modes, name, chosen[name])
    controller.sight.contrast = chosen["contrast"]
    if chosen["tool"] in _TOOLS:
        controller.tools.tool = _TOOLS[chosen["tool"]]
    if chosen["sharpen"] in _SHARPEN:
        controller.modes.sharpen = _SHARPEN[chosen["sharpen"]]


def _apply_refinement(controller: Controller, chosen: Preferences, *names: str) -> None:
    session = controller.session
    # A file that was written by hand may hold anything.
    with suppress(NapariSam2Error, TypeError, ValueError):
        changes: dict[str, Any] = {name: chosen[name] for name in names}
        session.next_refinement = replace(session.next_refinement, **changes)


def _model_at_hand(name: str) -> str:
    """Return a model, or the starter where it would have to be downloaded first."""
    try:
        return name if is_available(get_model(name)) else "starter"
    except NapariSam2Error:
        return "starter"


def _restore_keys(text: str) -> None:
    own = keys_from_text(text)
    if own != KEYMAP.own:
        KEYMAP.restore(own)
