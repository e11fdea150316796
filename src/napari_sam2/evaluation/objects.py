"""Which objects of an image are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 30
"""Pixels; smaller objects are mostly a matter of their outline."""


@dataclass(frozen=True)
class Chosen:
    """Objects of one image.

    Attributes
    ----------
    numbers : tuple of int
        Labels of those to be measured, ascending.
    small : int
        How many are left out because they are small.
    spare : int
        How many are left out because there are so many.
    """

    numbers: tuple[int, ...]
    small: int
    spare: int


def choose_objects(labels: NDArray[Any], most: int, rng: np.random.Generator) -> Chosen:
    """Choose the objects to measure.

    What has no label is not measured, whether it is background or was not
    annotated.

    Parameters
    ----------
    labels : numpy.ndarray
        Integers of shape (rows, columns), 0 is background.
    most : int
        Most objects.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Chosen
        Objects of at least 30 pixels.
    """
    numbers, areas = np.unique(labels, return_counts=True)
    objects = numbers > 0
    large = numbers[objects & (areas >= SMALLEST)].astype(np.int64)
    chosen = large
    if len(large) > most:
        chosen = np.sort(rng.choice(large, most, replace=False))
    return Chosen(
        tuple(chosen.tolist()),
        int(np.count_nonzero(objects)) - len(large),
        len(large) - len(chosen),
    )
