"""The table of objects that goes with a file of labels."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.analysis.blocks import blocks_in
from napari_sam2.analysis.export import atomically
from napari_sam2.analysis.regions import extents_in
from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

__all__ = ["object_table", "read_table", "save_table", "table_path"]

_SAID = ("class", "reviewed", "score", "model", "prompts")
"""What is said of an object beyond what can be measured, in this order."""


def table_path(labels: str | os.PathLike[str]) -> Path:
    """Return where the table of a file of labels lies: beside it."""
    path = Path(labels)
    return path.with_name(f"{path.stem}_objects.csv")


def object_table(
    labels: npt.ArrayLike,
    features: Mapping[str, Sequence[Any]] | None = None,
    *,
    pixel_size: Sequence[float] | None = None,
    unit: str | None = None,
) -> dict[str, list[Any]]:
    """Measure the objects of an array, and add what is said of them.

    Parameters
    ----------
    labels : array-like of int, shape (..., rows, cols)
        0 is background; numpy, dask, zarr, or a level of labels on disk.
    features : mapping of str to sequence, optional
        Columns of equal length, ``index`` (the id) among them.
    pixel_size : sequence of float, optional
        Distance between neighbouring pixels, for each axis.
    unit : str, optional
        Unit of length of ``pixel_size``.

    Returns
    -------
    dict of str to list
        Columns ``id``, ``class``, ``reviewed``, ``score``, ``area_pixels``, ``area``
        and ``unit`` (of rows times columns), ``bbox-0`` and so on (first, then last
        plus one, for each axis), ``model``, ``prompts``, and those of others. What is
        not known is an empty string.
    """
    # Anything that is sliced as numpy arrays are is read a part at a time.
    array: Any = labels if hasattr(labels, "dtype") else np.asarray(labels)
    parts = ((tuple(p.start for p in box), ids) for box, ids in blocks_in(array))
    found = dict(sorted(extents_in(parts).items()))
    said = {} if features is None else _by_id(features)
    others = [name for name in said if name not in (*_SAID, "index", "area")]
    columns: dict[str, list[Any]] = {"id": list(found)}

    def say(name: str) -> None:
        known = said.get(name, {})
        columns[name] = [known.get(label, "") for label in found]

    for name in _SAID[:3]:
        say(name)
    pixel = 1.0 if pixel_size is None else float(np.prod(pixel_size[-2:]))
    named = pixel_size is not None and unit not in (None, "", "pixel", "px")
    columns["area_pixels"] = [extent.area for extent in found.values()]
    columns["area"] = [extent.area * pixel for extent in found.values()]
    columns["unit"] = [f"{unit}^2" if named else "pixel"] * len(found)
    ndim = len(array.shape)
    for number in range(2 * ndim):
        axis = number % ndim
        columns[f"bbox-{number}"] = [
            (extent.start if number < ndim else extent.stop)[axis]
            for extent in found.values()
        ]
    for name in (*_SAID[3:], *others):
        say(name)
    return columns


def save_table(
    path: str | os.PathLike[str], table: Mapping[str, Sequence[Any]]
) -> Path:
    """Write columns as a CSV file, in UTF-8; it appears only when it is whole.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    path = Path(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    atomically(path, lambda file: file.write(text.getvalue().encode()))
    return path


def read_table(path: str | os.PathLike[str]) -> dict[str, list[Any]]:
    """Read a table that :func:`save_table` has written, perhaps edited since.

    Returns
    -------
    dict of str to list
        ``index`` as int, ``reviewed`` as bool, everything else as it is written.

    Raises
    ------
    LabelsError
        If it is not such a table.
    """
    try:
        # Spreadsheets put a mark before the text.
        text = Path(path).read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows, names = list(reader), list(reader.fieldnames or ())
        if "id" not in names:
            raise ValueError("it has no column “id”")
        ids = [int(float(row["id"])) for row in rows]
    except (OSError, UnicodeError, csv.Error, TypeError, ValueError) as error:
        raise LabelsError(
            f"“{path}” is no table of objects ({error}): the labels are opened "
            "without it."
        ) from error
    table: dict[str, list[Any]] = {"index": ids}
    for name in names:
        if name and name != "id":
            table[name] = [row[name] or "" for row in rows]
    if "reviewed" in table:
        table["reviewed"] = [
            word.strip().lower() in ("true", "1", "yes") for word in table["reviewed"]
        ]
    return table


def _by_id(features: Mapping[str, Sequence[Any]]) -> dict[str, dict[int, Any]]:
    """Return each column as a mapping from the id; without ids, nothing is known."""
    if "index" not in features:
        return {}
    ids = [int(label) for label in features["index"]]
    return {
        str(name): {
            label: _plain(value)
            for label, value in zip(ids, _values(features[name]), strict=True)
        }
        for name in features
    }


def _values(column: Sequence[Any]) -> Sequence[Any]:
    """Return the values in their own type: a Series would make doubles of floats."""
    return np.asarray(column) if hasattr(column, "dtype") else column  # type: ignore[return-value]


def _plain(value: Any) -> Any:
    """Write a number so that it is read back as it is, and nothing as nothing."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return ""
    if isinstance(value, np.floating):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else value
