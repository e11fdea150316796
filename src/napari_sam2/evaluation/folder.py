"""Folders of labelled images.

A folder holds pairs `<data set>/<name>_image.*` and `<data set>/<name>_labels.*`,
and perhaps a MANIFEST.csv that says what they are.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".png", ".tif", ".tiff")


@dataclass(frozen=True)
class Pair:
    """An image file and its labels.

    Attributes
    ----------
    dataset : str
        Data set it belongs to.
    image, labels : pathlib.Path
        The files.
    modality, annotation, licence_class : str
        As the manifest says; empty without one.
    """

    dataset: str
    image: Path
    labels: Path
    modality: str = ""
    annotation: str = ""
    licence_class: str = ""

    @property
    def is_truth(self) -> bool:
        """Whether people drew the labels, on an image of something real."""
        doubtful = "AUTOMATIC" in self.annotation or "silver" in self.annotation
        return not doubtful and "SIMULATED" not in self.modality

    @property
    def is_sparse(self) -> bool:
        """Whether some objects may have no label."""
        return "SPARSE" in self.annotation


def find_pairs(folder: Path) -> list[Pair]:
    """List the pairs of a folder, in the manifest's order or sorted by name.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of data sets, or one data set.

    Returns
    -------
    list of Pair
        All pairs.

    Raises
    ------
    ValueError
        If there is none.
    """
    manifest = folder / "MANIFEST.csv"
    if manifest.exists():
        with manifest.open(newline="", encoding="utf-8") as file:
            pairs = [
                Pair(
                    row["dataset"],
                    folder / row["file"],
                    folder / row["labels_file"],
                    row.get("modality", ""),
                    row.get("annotation", ""),
                    row.get("licence_class", ""),
                )
                for row in csv.DictReader(file)
            ]
    else:
        images = [p for p in folder.rglob("*_image.*") if p.suffix in SUFFIXES]
        pairs = [
            Pair(image.parent.name, image, labels)
            for image in sorted(images)
            for labels in _labels_of(image)
        ]
    if not pairs:
        raise ValueError(f"no pairs *_image.* and *_labels.* in {folder}")
    return pairs


def _labels_of(image: Path) -> list[Path]:
    stem = image.stem.removesuffix("_image")
    paths = (image.with_name(f"{stem}_labels{suffix}") for suffix in SUFFIXES)
    return [path for path in paths if path.exists()][:1]


def read_array(path: Path) -> NDArray[Any]:
    """Read a PNG or TIFF file."""
    if path.suffix == ".png":
        from skimage.io import imread

        return np.asarray(imread(path))
    import tifffile

    return np.asarray(tifffile.imread(path))


def read_plane(pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read a pair; of a stack, the plane with the most objects.

    Parameters
    ----------
    pair : Pair
        The files.

    Returns
    -------
    tuple of numpy.ndarray
        Image, (rows, columns) or (rows, columns, channels), and labels, (rows,
        columns).
    """
    image, labels = read_array(pair.image), read_array(pair.labels)
    if labels.ndim == 3:
        counts = [len(np.unique(plane)) for plane in labels]
        plane = int(np.argmax(counts))
        image, labels = image[plane], labels[plane]
    return image, labels
