"""Images whose labels can neither be drawn nor held as one array."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.annotation.journal import JournalWriter
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.sessions import sessions_folder
from napari_sam2.annotation.sparse import SparseLabels
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.annotation.recovery import RecoveredSession

__all__ = [
    "TEXTURE",
    "labels_folder",
    "new_labels",
    "new_store",
    "reopened",
    "too_large",
]

# Side of the largest texture that every graphics card of today can hold: a layer that
# is larger is drawn coarsely, and anew as a whole after each change.
TEXTURE = 16_384

# Pixels of the largest array that is made in memory: 2 GB of labels.
_PIXELS = 1 << 30

_SUFFIX = ".zarr"


def too_large(shape: tuple[int, ...]) -> bool:
    """Whether the labels of an image can neither be drawn nor held as one array."""
    return max(shape[-2:]) > TEXTURE or int(np.prod(shape, dtype=object)) > _PIXELS


def labels_folder() -> Path:
    """Where labels of huge images are kept: beside the journals."""
    return sessions_folder().parent / "labels"


def new_labels(shape: tuple[int, ...], name: str) -> SparseLabels:
    """Make empty labels, with a folder of their own once there is an object."""
    plain = "".join(c if c.isalnum() or c in " -_" else "-" for c in name).strip()
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S.%f")
    path = labels_folder() / f"{plain} {stamp}{_SUFFIX}"
    return SparseLabels(shape, path, name)


def new_store(
    shape: tuple[int, ...], name: str = "labels"
) -> ArrayLabels | SparseLabels:
    """Make empty labels: in memory, or on disk if they are too large for that."""
    return new_labels(shape, name) if too_large(shape) else ArrayLabels(shape)


def reopened(session: RecoveredSession) -> SparseLabels | None:
    """Open the labels of an earlier session, as its journal says that they were.

    What had not been written to disk when it ended is written now. Labels that are
    no more are made anew from the journal. To be called on a thread.

    Returns
    -------
    SparseLabels or None
        None if they fit into memory, or were an array that the user has.

    Raises
    ------
    JournalError
        If another window goes on with the session.
    """
    origin = session.labels
    ours = origin.path is not None and origin.path.suffix == _SUFFIX
    if not (too_large(origin.shape) and ours and origin.path):
        return None
    # Whoever writes there, the labels are his as well.
    JournalWriter(session.path, mine=False).close()
    try:
        labels = SparseLabels.open(origin.path, origin.name)
    except LabelsError:
        labels = new_labels(origin.shape, origin.name)
    change = session.change
    where = np.unravel_index(change.where.astype(np.intp), change.shape)
    # A journal with gaps does not know of everything that there is.
    labels.become(where, change.after, others=bool(session.damaged))
    return labels
