"""Training images in memory: real ones from a folder, synthetic ones as needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.evaluation.folder import find_pairs, read_array
from napari_sam2.synthesis import KINDS, generate

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PLANE_STEP = 4  # neighbouring planes of a stack are too alike to be worth keeping


@dataclass(frozen=True)
class Sample:
    """An image with its objects.

    Attributes
    ----------
    image : numpy.ndarray
        uint8, shape (rows, columns) or (rows, columns, 3).
    labels : numpy.ndarray
        uint16, shape (rows, columns); 0 is background.
    boxes : numpy.ndarray
        int32, shape (objects, 5): label and half-open bounding box
        (row, column, row, column).
    limits : tuple of float
        Intensities that a viewer would show as black and white.
    sparse : bool
        Not every object is labelled, so background is unknown.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    boxes: NDArray[np.int32]
    limits: tuple[float, float]
    sparse: bool = False

    @classmethod
    def of(
        cls,
        image: NDArray[Any],
        labels: NDArray[Any],
        sparse: bool = False,
    ) -> Sample:
        """Prepare one plane.

        Parameters
        ----------
        image : numpy.ndarray
            Any dtype, shape (rows, columns) or (rows, columns, 3 or 4).
        labels : numpy.ndarray
            Integers, shape (rows, columns).
        sparse : bool
            Not every object is labelled.

        Returns
        -------
        Sample
            With the image in 8 bits.
        """
        from scipy import ndimage as ndi

        image = image[..., :3] if image.ndim == 3 else image
        if image.dtype != np.uint8:
            low, high = np.percentile(image, (0.05, 99.95))
            wide = (image.astype(np.float32) - low) / max(float(high - low), 1e-6)
            image = np.clip(255 * wide, 0, 255).astype(np.uint8)
        labels = labels.astype(np.uint16)
        boxes = [
            (number, rows.start, columns.start, rows.stop, columns.stop)
            for number, found in enumerate(ndi.find_objects(labels), start=1)
            if found is not None
            for rows, columns in [found]
        ]
        low, high = np.percentile(image, (0.5, 99.8))
        return cls(
            np.ascontiguousarray(image),
            labels,
            np.array(boxes, np.int32).reshape(-1, 5),
            (float(low), float(high)),
            sparse,
        )


def read_folder(
    folder: Path, licences: tuple[str, ...] = ("open",)
) -> dict[str, list[Sample]]:
    """Read the pairs of a folder, see `napari_sam2.evaluation.folder`.

    With a manifest, only its rows of the given licence classes are read.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of data sets, or one data set.
    licences : tuple of str
        Accepted values of the manifest's column `licence_class`.

    Returns
    -------
    dict
        Samples by data set.

    Raises
    ------
    ValueError
        If no object is found.
    """
    groups: dict[str, list[Sample]] = {}
    for pair in find_pairs(folder):
        if pair.licence_class and pair.licence_class not in licences:
            continue
        image, labels = read_array(pair.image), read_array(pair.labels)
        stack = labels.ndim == 3
        planes = range(0, len(labels), PLANE_STEP) if stack else [...]
        for plane in planes:
            sample = Sample.of(image[plane], labels[plane], pair.is_sparse)
            if len(sample.boxes):
                groups.setdefault(pair.dataset, []).append(sample)
    if not groups:
        raise ValueError(f"no objects with an accepted licence in {folder}")
    return groups


class SyntheticScenes:
    """A pool of scenes of every kind, renewed little by little.

    The scene in a slot depends on the seed, the slot and the step alone, so that a
    resumed run sees what an uninterrupted one would.

    Parameters
    ----------
    seed : int
        Seed of the run.
    each : int
        Slots of each kind.
    renewal : int
        Steps after which a slot gets a new scene.
    """

    def __init__(self, seed: int, each: int, renewal: int) -> None:
        self.seed = seed
        self.each = each
        self.renewal = renewal
        self._slots: dict[int, tuple[int, Sample]] = {}

    def draw(self, step: int, rng: np.random.Generator) -> Sample:
        """Draw a scene as of a step."""
        slot = int(rng.integers(len(KINDS) * self.each))
        # Slots fall due one after the other instead of all at once.
        age = step + slot * self.renewal // (len(KINDS) * self.each)
        generation = age // self.renewal
        held = self._slots.get(slot)
        if held is None or held[0] != generation:
            own = np.random.default_rng([self.seed, slot, generation])
            shape = (int(own.integers(256, 640)), int(own.integers(256, 640)))
            scene = generate(KINDS[slot % len(KINDS)], shape, int(own.integers(2**31)))
            held = (generation, Sample.of(scene.image, scene.labels))
            self._slots[slot] = held
        return held[1]
