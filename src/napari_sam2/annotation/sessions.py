"""Where the journals of sessions are, and which of them are of an image."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_sam2.annotation.journal import is_open, read_journal
from napari_sam2.annotation.origins import ImageOrigin
from napari_sam2.annotation.plain import unpack_plain
from napari_sam2.errors import JournalError
from napari_sam2.models.catalog import HOME_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SUFFIX",
    "JournalPlace",
    "SessionFile",
    "find_sessions",
    "new_path",
    "sessions_folder",
]

SUFFIX = ".sam2.jsonl"


class JournalPlace(Enum):
    """Where new journals go."""

    USER = "user"
    """One folder for all, among the user's data."""

    IMAGE = "image"
    """Beside the image, if it is a file in a folder that can be written."""


@dataclass(frozen=True)
class SessionFile:
    """A journal that was found.

    Attributes
    ----------
    path : Path
        Of the journal.
    image : ImageOrigin
        The image that it is of.
    modified : datetime
        When something was written to it last, in local time.
    """

    path: Path
    image: ImageOrigin
    modified: datetime


def sessions_folder() -> Path:
    """Folder of the journals (it need not exist yet).

    ``$NAPARI_SAM2_HOME/sessions`` if that variable is set, otherwise in the user's
    data folder.
    """
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser() / "sessions"
    return platformdirs.user_data_path("napari-sam2", appauthor=False) / "sessions"


def new_path(image: ImageOrigin, place: JournalPlace = JournalPlace.USER) -> Path:
    """Return a path for a new journal, which nobody else gets."""
    folder = sessions_folder()
    if place is JournalPlace.IMAGE and image.path is not None:
        beside = _folder_of(image.path)
        if os.access(beside, os.W_OK):
            folder = beside
    stem = image.name if image.path is None else image.path.stem
    name = re.sub(r"[^\w.]+", "_", stem)[:48].strip("_.") or "image"
    moment = datetime.now().strftime("%Y%m%d-%H%M%S")
    unique = secrets.token_hex(2)
    return folder / f"{name}-{image.key}-{moment}-{unique}{SUFFIX}"


def find_sessions(image: ImageOrigin) -> list[SessionFile]:
    """Find the journals of an image that nobody is writing to, the newest first.

    Reads the first line of those that may be; call it on a thread.
    """
    found = []
    for path in _candidates(image):
        with suppress(JournalError, OSError, KeyError, TypeError, ValueError):
            header = read_journal(path, header_only=True).header
            origin: ImageOrigin = unpack_plain(ImageOrigin, header["image"])
            if origin.is_same(image) and not is_open(path):
                modified = datetime.fromtimestamp(path.stat().st_mtime)
                found.append(SessionFile(path, origin, modified))
    return sorted(found, key=lambda one: (one.modified, one.path.name), reverse=True)


def _candidates(image: ImageOrigin) -> Iterator[Path]:
    folders = [sessions_folder()]
    if image.path is not None:
        folders.append(_folder_of(image.path))
    for folder in folders:
        with suppress(OSError):
            yield from sorted(folder.glob(f"*-{image.key}-*{SUFFIX}"))


def _folder_of(path: Path) -> Path:
    return path.expanduser().absolute().parent
