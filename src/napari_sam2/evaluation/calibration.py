"""Whether a model knows how good its masks are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 10


def calibration_error(answers: Sequence[tuple[float, float]]) -> float:
    """Expected calibration error of a predicted IoU.

    Predictions are sorted into ten bins of equal width; the error is the mean
    distance between what is expected and what is true within a bin, weighted by the
    number of predictions in it: Guo et al. 2017, "On calibration of modern neural
    networks", with IoU in the place of accuracy.

    Parameters
    ----------
    answers : sequence of tuple of float
        IoU as predicted and as measured. A prediction below 0 or above 1 counts as
        0 or 1, and NaN not at all.

    Returns
    -------
    float
        0 to 1; NaN if nothing was predicted.
    """
    told, true = np.array(answers, float).reshape(-1, 2).T
    known = np.isfinite(told)
    told, true = np.clip(told[known], 0, 1), true[known]
    if not told.size:
        return float("nan")
    bins = np.minimum((told * BINS).astype(int), BINS - 1)
    gaps = [abs((told - true)[bins == bin_].sum()) for bin_ in range(BINS)]
    return float(np.sum(gaps) / told.size)
