"""Images with known objects, and segmenters with known answers."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile


def squares(*corners, side=10, shape=(60, 80)):
    """Labels of equal squares, numbered from 1."""
    labels = np.zeros(shape, np.uint16)
    for number, (row, column) in enumerate(corners, start=1):
        labels[row : row + side, column : column + side] = number
    return labels


def rectangle(r0, c0, r1, c1, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[r0:r1, c0:c1] = True
    return mask


@dataclass
class Answer:
    mask: np.ndarray
    score: float = 0.5
    alternatives: tuple[Any, ...] = ()


@dataclass
class Oracle:
    """Knows the truth; one click finds half of an object, the second all of it."""

    labels: np.ndarray
    calls: list = field(default_factory=list)

    def set_image(self, image):
        assert image.shape[:2] == self.labels.shape

    def predict(self, points=None, labels=None, box=None, mask=None):
        self.calls.append((points, labels, box, mask))
        if box is not None:
            r0, c0, r1, c1 = box
            number = self.labels[(r0 + r1) // 2, (c0 + c1) // 2]
            return Answer(self.labels == number, 0.9)
        row, column = points[0]
        whole = self.labels == self.labels[row, column]
        if len(points) > 1:
            return Answer(whole, 0.8)
        half = whole & (np.arange(whole.shape[1]) <= column)
        return Answer(half, 0.7, (Answer(half), Answer(whole)))


@dataclass
class Scripted:
    """Gives one mask after the other, and then the last for ever."""

    masks: list
    calls: list = field(default_factory=list)

    def set_image(self, image):
        self.calls.clear()

    def predict(self, points=None, labels=None, box=None, mask=None):
        self.calls.append((points, labels, box, mask))
        return Answer(self.masks[min(len(self.calls), len(self.masks)) - 1])


def write(folder, name, image, labels):
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / f"{name}_image.tif", image, photometric="minisblack")
    tifffile.imwrite(folder / f"{name}_labels.tif", labels, photometric="minisblack")


def write_folder(folder, labels):
    """A folder with a manifest: one image that counts, and some that do not."""
    rows = []
    for dataset, annotation, modality in (
        ("real", "manual", "phase"),
        ("auto", "AUTOMATIC masks", "phase"),
        ("silver", "silver truth", "phase"),
        ("fake", "exact", "SIMULATED"),
        ("sparse", "SPARSE, manual", "phase"),
    ):
        write(folder / dataset, "x", labels.astype(np.uint8), labels)
        rows.append(
            {
                "dataset": dataset,
                "file": f"{dataset}/x_image.tif",
                "labels_file": f"{dataset}/x_labels.tif",
                "modality": modality,
                "annotation": annotation,
                "licence_class": "open",
            }
        )
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
