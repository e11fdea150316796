"""The table of objects as the features of the Labels layer.

There, other plugins see it, napari's status line shows it, and napari's writers save
it. What the user said of the objects is read back from there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.analysis.table import read_table, table_path
from napari_sam2.annotation.objects import Notes
from napari_sam2.errors import LabelsError
from napari_sam2.viewer.connections import Connections
from napari_sam2.viewer.later import Later

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Labels

    from napari_sam2.annotation.rows import ObjectRow
    from napari_sam2.annotation.session import AnnotationSession
    from napari_sam2.viewer.choices import LayerChoices

__all__ = ["COLUMNS", "LayerFeatures", "notes_in", "notes_of"]

COLUMNS = ("index", "class", "reviewed", "score", "area", "model", "prompts")
"""Columns of ours; those of others stay."""

_REST = 400
"""Milliseconds without a change after which the table is written."""

_log = logging.getLogger(__name__)


class LayerFeatures:
    """Keeps the features of the labels that are worked on up to date.

    Parameters
    ----------
    session : AnnotationSession
        Whose objects they describe.
    choices : LayerChoices
        Knows the labels.
    """

    def __init__(self, session: AnnotationSession, choices: LayerChoices) -> None:
        self._session = session
        self._choices = choices
        # What is written late must not end up in other labels.
        self._layer: Labels | None = choices.labels
        self._later = Later(self._write, _REST, rest=True)
        self._connections = Connections()
        self._connections.add(session.touched, self._on_touched)
        self._connections.add(choices.labels_changed, self._on_labels)

    def update(self) -> None:
        """Write now what is still to be written."""
        self._later.now()

    def close(self) -> None:
        """Write what is still to be written, and follow no longer."""
        self._later.now()
        self._later.close()
        self._connections.close()
        self._layer = None

    def _on_touched(self, _: set[int] | None) -> None:
        self._later.ask()

    def _on_labels(self) -> None:
        self._later.close()
        self._layer = self._choices.labels

    def _write(self) -> None:
        layer, extents = self._layer, self._session.extents
        written = getattr(self._session.store, "layer", None)
        if layer is None or extents is None or not extents.known:
            return
        if id(written) != id(layer):
            return
        rows = self._session.rows
        if rows or len(layer.features):
            layer.features = _table(rows, layer.features)


def notes_of(layer: Labels) -> dict[int, Notes]:
    """Return what is said of the objects of a layer; may be called on any thread.

    Without features, the table that was saved beside its file counts, if there is one.
    """
    if len(layer.features.columns) or layer.source.path is None:
        return notes_in(layer.features)
    beside = table_path(layer.source.path)
    if not beside.is_file():
        return {}
    try:
        return notes_in(read_table(beside))
    except LabelsError as error:
        _log.warning("%s", error)
        return {}


def notes_in(table: Any) -> dict[int, Notes]:
    """Return what a table, a data frame or a dict of columns, says of objects."""
    if "index" not in table or not {"class", "reviewed"} & set(table):
        return {}
    count = len(table["index"])
    classes = list(table["class"]) if "class" in table else [None] * count
    reviewed = list(table["reviewed"]) if "reviewed" in table else [False] * count
    found = {}
    for label, name, seen in zip(table["index"], classes, reviewed, strict=True):
        category = name.strip() if isinstance(name, str) else ""
        # A NaN is true, but nobody has said so.
        notes = Notes(category or None, bool(seen == 1))
        if notes != Notes() and float(label).is_integer():
            found[int(label)] = notes
    return found


def _table(rows: Sequence[ObjectRow], before: Any) -> dict[str, Any]:
    """Return the columns of the rows, and those that others have added."""
    rows = sorted(rows, key=lambda row: row.label)
    # What is None, or a NaN that Python knows, napari leaves out of its status line.
    scores = [np.nan if row.score is None else _short(row.score) for row in rows]
    table: dict[str, Any] = {
        "index": np.array([row.label for row in rows], dtype=np.int64),
        "class": np.array([row.category for row in rows], dtype=object),
        "reviewed": np.array([row.reviewed for row in rows], dtype=bool),
        "score": np.array(scores, dtype=np.float64),
        "area": np.array([row.area for row in rows], dtype=np.int64),
        "model": np.array([row.model for row in rows], dtype=object),
        "prompts": np.array([row.prompts or 0 for row in rows], dtype=np.int64),
    }
    others = [name for name in before if name not in COLUMNS]
    if others and "index" in before:
        known = before.drop_duplicates("index").set_index("index")
        known = known.reindex(table["index"])
        table.update((name, known[name].to_numpy()) for name in others)
    return table


def _short(score: float) -> float:
    """Return the double that is written as the float of a model is."""
    return float(str(np.float32(score)))
