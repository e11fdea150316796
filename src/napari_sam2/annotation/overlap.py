"""Which pixels an object may take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import LabelsError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["OVERWRITE", "PROTECT", "Overlap", "OverlapRule"]


class OverlapRule(Enum):
    """What happens where an object meets others."""

    PROTECT = "protect"
    OVERWRITE = "overwrite"
    INSIDE = "inside"


@dataclass(frozen=True)
class Overlap:
    """A rule, with the object that it names.

    Attributes
    ----------
    rule : OverlapRule
        Protect others, overwrite them, or take pixels of one object only.
    inside : int
        Id of that object, for :attr:`OverlapRule.INSIDE`; 0 is the background.
    """

    rule: OverlapRule = OverlapRule.PROTECT
    inside: int = 0

    def __post_init__(self) -> None:
        if self.inside < 0:
            raise LabelsError(f"There is no object {self.inside}: ids begin with 1.")

    def allows(
        self, ids: npt.NDArray[np.integer[Any]], own: int
    ) -> npt.NDArray[np.bool_]:
        """Say which pixels an object may take.

        Parameters
        ----------
        ids : ndarray of int, shape (n,)
            Whose they are; 0: nobody's.
        own : int
            Id of the object.
        """
        if self.rule is OverlapRule.OVERWRITE:
            return np.ones(ids.shape, dtype=bool)
        free = self.inside if self.rule is OverlapRule.INSIDE else 0
        allowed: npt.NDArray[np.bool_] = (ids == free) | (ids == own)
        return allowed


PROTECT = Overlap()
OVERWRITE = Overlap(OverlapRule.OVERWRITE)
