"""What the user has chosen, kept from one start to the next.

napari keeps it: the choices are declared in the package's manifest, stand in napari's
own Preferences, and lie in a file beside napari's settings. Where that cannot be had, a
napari without settings for plugins say, they last as long as the program.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from threading import RLock
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.segmentation.embedding_files import DEFAULT_GB, EmbeddingFiles

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

__all__ = ["DEFAULTS", "Preferences", "embedding_files", "preferences"]

_PLUGIN = "napari-sam2"

DEFAULTS: dict[str, dict[str, bool | str | float]] = {
    "work": {
        "model": "starter",
        "engine": "auto",
        "tool": "point",
        "collect": False,
        "overwrite": False,
        "sharpen": "as the model likes",
        "threshold": 0.0,
        "smoothing": 0.0,
        "min_area": 0.0,
        "fill_holes": False,
        "journal": "user",
        "contrast": "percentiles",
        "embedding_cache": True,
        "embedding_cache_size": DEFAULT_GB,
    },
    "look": {
        "palette": "object",
        "hints": True,
        "hints_seen": "",
        "keys": "",
    },
}
"""Every preference with what holds until the user says otherwise, by its group."""

_log = logging.getLogger(__name__)


class Preferences:
    """Values by name, which remember themselves.

    Parameters
    ----------
    plugin : object, optional
        napari's model of the settings, whose attributes are the groups, whose
        attributes are the values. Without any, the values are kept in memory.
    """

    changed = Signal(str)
    """Name of a preference that has another value, whoever changed it."""

    def __init__(self, plugin: Any = None) -> None:
        self._file = _File(plugin)
        self._values = {
            name: value for group in DEFAULTS.values() for name, value in group.items()
        }
        self._models = {}
        for group, names in DEFAULTS.items():
            model = getattr(plugin, group, None)
            for name in names:
                if hasattr(model, name):
                    self._models[name] = model
                    self._values[name] = getattr(model, name)
                    emitter = getattr(model.events, name)  # type: ignore[union-attr]
                    emitter.connect(partial(self._on_event, name))

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: bool | str | float) -> None:
        if self._values[name] == value:
            return
        self._values[name] = value
        model = self._models.get(name)
        if model is not None:
            # A value that the manifest does not know: it holds until the program ends,
            # and nobody is kept from working.
            try:
                setattr(model, name, value)
            except (OSError, ValueError) as error:
                _log.warning("The preference %r was not kept: %s", name, error)
            else:
                self._file.write()
        self.changed.emit(name)

    def flush(self) -> None:
        """Wait until all is written; at its end, the program does so by itself."""
        self._file.flush()

    def reset(self) -> None:
        """Go back to what held before the user said anything."""
        for group in DEFAULTS.values():
            for name, value in group.items():
                self[name] = value

    def _on_event(self, name: str, event: Any) -> None:
        # From napari's own Preferences.
        if self._values[name] != event.value:
            self._values[name] = event.value
            self._file.write()
            self.changed.emit(name)


class _File:
    """Writes napari's model of the settings, aside: a disk may be far away.

    Parameters
    ----------
    plugin : object, optional
        The model. One that does not let go of its file writes by itself.
    """

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self._written: Future[None] | None = None
        self._writer: ThreadPoolExecutor | None = None
        # napari would write at each change, on the thread of the window.
        if hasattr(plugin, "_save_on_change") and plugin.config_path:
            plugin._save_on_change = False
            self._writer = ThreadPoolExecutor(1, "napari-sam2-preferences")

    def write(self) -> None:
        """Write it soon, with all that changes until then."""
        last = self._written
        # One that waits for its turn writes this as well.
        waits = last is not None and not last.running() and not last.done()
        if self._writer is not None and not waits:
            self._written = self._writer.submit(self._save)

    def flush(self) -> None:
        """Wait until it is written."""
        if self._written is not None:
            self._written.result()

    def _save(self) -> None:
        path = self._plugin.config_path
        aside = path.with_name(f"{path.stem}.part{path.suffix}")
        try:
            # Whole or not at all, whatever becomes of the program.
            self._plugin.save(aside)
            aside.replace(path)
        except OSError as error:
            _log.warning("The preferences were not kept: %s", error)


def embedding_files() -> EmbeddingFiles:
    """Return the disk that the user lets have what models saw, as large as it may be.

    It follows the preferences.
    """

    def gigabytes() -> float:
        chosen = preferences()
        kept: float = chosen["embedding_cache_size"]
        return kept if chosen["embedding_cache"] else 0.0

    return EmbeddingFiles(gigabytes)


_reading = RLock()


def preferences() -> Preferences:
    """Return the preferences of the user, read when they are first asked for.

    May be called on any thread: there is one of them for all.
    """
    with _reading:
        return _read()


@cache
def _read() -> Preferences:
    try:
        from napari.settings import get_plugin_settings, get_settings
    except ImportError:
        return Preferences()
    path = getattr(get_settings(), "config_path", None)
    try:
        if path is not None:
            _put_damaged_aside(path.parent / f"{_PLUGIN}.yaml")
        plugin = get_plugin_settings(_PLUGIN)
    # Whatever a file of this or another plugin holds: it is never the user's problem.
    except Exception as error:
        _log.warning("The preferences could not be read: %s", error)
        return Preferences()
    return Preferences(plugin)


def _put_damaged_aside(path: Path) -> None:
    """Rename a file that napari would stumble over, so that it may be looked at."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        return
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        _log.warning("%s is damaged and was put aside: %s", path, error)
    else:
        if content is None or isinstance(content, dict):
            return
        _log.warning("%s holds no settings and was put aside", path)
    with suppress(OSError):
        path.replace(path.with_name(f"{path.name}.damaged"))
