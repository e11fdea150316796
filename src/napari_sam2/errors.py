"""Every exception that the package raises on purpose.

::

    NapariSam2Error
    ├── ImageError                 the image cannot be segmented as it is
    ├── PromptError                a point, box or mask makes no sense here
    ├── ModelError
    │   ├── UnknownModelError      no model has this name
    │   ├── NotDownloadedError     the model is known, its weights are not here
    │   ├── DownloadError          network, server, disk or checksum
    │   └── CheckpointError        corrupt, unsafe, or of another architecture
    ├── EngineError                the device or the runtime failed
    │   └── OutOfMemoryError       the device has too little memory
    ├── LabelsError                the labels layer cannot take the object
    ├── KeymapError                there is no such key, or it is napari's
    ├── JournalError               a session could not be recorded or read back
    ├── CacheError                 what the model saw cannot be kept on the disk
    └── ExportError                a result could not be written

    Cancelled                      not an error: somebody asked for it to stop

Each message says what happened and what to do about it, since it is shown to
the user word for word. ``Cancelled`` stands apart so that ``except
NapariSam2Error`` never reports a cancellation as a failure.
"""

from __future__ import annotations

__all__ = [
    "CacheError",
    "Cancelled",
    "CheckpointError",
    "DownloadError",
    "EngineError",
    "ExportError",
    "ImageError",
    "JournalError",
    "KeymapError",
    "LabelsError",
    "ModelError",
    "NapariSam2Error",
    "NotDownloadedError",
    "OutOfMemoryError",
    "PromptError",
    "UnknownModelError",
]


class NapariSam2Error(Exception):
    """Base of all errors of the package."""


class ImageError(NapariSam2Error, ValueError):
    """The image cannot be segmented as it is."""


class PromptError(NapariSam2Error, ValueError):
    """A point, box or mask prompt is malformed or outside of the image."""


class ModelError(NapariSam2Error):
    """A model is missing or is not what it claims to be."""


class UnknownModelError(ModelError, KeyError):
    """No model of the catalogue has this name."""

    # KeyError shows the repr of its argument; a user wants the sentence.
    __str__ = Exception.__str__


class NotDownloadedError(ModelError, FileNotFoundError):
    """The model is known, but its weights are not on this machine."""


class DownloadError(ModelError, OSError):
    """Weights could not be downloaded, stored or verified."""


class CheckpointError(ModelError, ValueError):
    """A checkpoint is corrupt, unsafe to load, or of another architecture."""


class EngineError(NapariSam2Error, RuntimeError):
    """The device or the runtime that computes failed."""


class OutOfMemoryError(EngineError, MemoryError):
    """The device has too little memory for this model or image."""


class LabelsError(NapariSam2Error, ValueError):
    """The labels layer cannot take an object."""


class KeymapError(NapariSam2Error, ValueError):
    """A key cannot be used for an action of the tool."""


class JournalError(NapariSam2Error, OSError):
    """The journal of a session could not be written or read."""


class CacheError(NapariSam2Error, OSError):
    """Embeddings cannot be kept on the disk, or removed from it."""


class ExportError(NapariSam2Error, OSError):
    """A result could not be written."""


class Cancelled(Exception):
    """Work was stopped because somebody asked for it."""
