"""Folders of labelled images.

A folder holds pairs `<data set>/<name>_image.*` and `<data set>/<name>_labels.*`,
and perhaps a MANIFEST.csv that says what they are.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".png", ".tif", ".tiff")
LOSSY = (".jpg", ".jpeg")  # good enough for an image, never for labels


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
    def name(self) -> str:
        """Data set and file, for messages."""
        return f"{self.dataset}/{self.image.name}"

    @property
    def doubt(self) -> str | None:
        """Why its labels are no truth about the world, if they are not."""
        if "AUTOMATIC" in self.annotation:
            return "automatic labels"
        if "silver" in self.annotation:
            return "silver labels"
        if "SIMULATED" in self.modality:
            return "simulated image"
        return None

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
    ImageError
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
        images = [p for p in folder.rglob("*_image.*") if p.suffix in SUFFIXES + LOSSY]
        pairs = [
            Pair(image.parent.name, image, labels)
            for image in sorted(images)
            for labels in _labels_of(image)
        ]
    if not pairs:
        raise ImageError(
            f"There are no pairs *_image.* and *_labels.* in “{folder}”: put each "
            "image beside its labels, as PNG or TIFF."
        )
    return pairs


def _labels_of(image: Path) -> list[Path]:
    stem = image.stem.removesuffix("_image")
    paths = (image.with_name(f"{stem}_labels{suffix}") for suffix in SUFFIXES)
    return [path for path in paths if path.exists()][:1]


def read_array(path: Path) -> NDArray[Any]:
    """Read a PNG, JPEG or TIFF file."""
    if path.suffix == ".png" or path.suffix in LOSSY:
        from skimage.io import imread

        return np.asarray(imread(path))
    import tifffile

    return np.asarray(tifffile.imread(path))


@dataclass(frozen=True, eq=False)
class Plane:
    """What is measured of a pair.

    Attributes
    ----------
    image : numpy.ndarray
        Of shape (rows, columns) or (rows, columns, channels).
    labels : numpy.ndarray
        Integers of shape (rows, columns), 0 is background.
    index : int or None
        Which plane of a stack it is; None if there is but one.
    planes : int
        How many there are.
    """

    image: NDArray[Any]
    labels: NDArray[Any]
    index: int | None = None
    planes: int = 1


def read_plane(pair: Pair) -> Plane:
    """Read a pair; of a stack or time-lapse, the plane with the most objects.

    Parameters
    ----------
    pair : Pair
        The files.

    Returns
    -------
    Plane
        The first of those with equally many.

    Raises
    ------
    ImageError
        If a file cannot be read, or if the two do not fit together.
    """
    image, labels = _read(pair.image), _read(pair.labels)
    if image.shape[: labels.ndim] != labels.shape or labels.ndim not in (2, 3):
        raise ImageError(
            f"{pair.name}: labels of shape {labels.shape} do not fit an image of shape "
            f"{image.shape}. Both need the same rows and columns, and the same planes."
        )
    if labels.ndim == 2:
        return Plane(image, labels)
    counts = [np.count_nonzero(np.unique(plane)) for plane in labels]
    index = int(np.argmax(counts))
    return Plane(image[index], labels[index], index, len(labels))


def _read(path: Path) -> NDArray[Any]:
    try:
        return read_array(path)
    except Exception as error:  # every library has its own
        raise ImageError(
            f"“{path}” cannot be read as an image: {str(error) or type(error).__name__}"
        ) from error
