"""What a failure becomes before anybody is told of it."""

from __future__ import annotations

from napari_sam2.errors import EngineError, NapariSam2Error

__all__ = ["typed"]


def typed(error: Exception) -> NapariSam2Error:
    """Give every failure a type of ours, so that it is shown once, in words."""
    if isinstance(error, NapariSam2Error):
        return error
    failure = EngineError(
        f"The computation failed: {type(error).__name__}: {error}. The session "
        "goes on; choose another model or image if it happens again."
    )
    failure.__cause__ = error
    return failure
