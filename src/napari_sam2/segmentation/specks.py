"""Take islands away that a mask has beside the object that was pointed at.

A small model is reminded of the object by things far away. SAM's automatic masks are
cleaned in the same way (Kirillov et al. 2023, arXiv:2304.02643, appendix B); here an
island is judged by the size of the object instead of a number of pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["without_specks"]

# An island that is at least this large, relative to the object, is part of it: cracks
# and membranes come in pieces.
_PART = 0.3


def without_specks(
    logits: npt.NDArray[np.float32], clicked: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Turn specks to background.

    Parameters
    ----------
    logits : ndarray of float32, shape (mask_size, mask_size)
        Above 0 is inside.
    clicked : ndarray of int, shape (n, 2)
        ``(row, col)`` of places on the object, in pixels of the logits. Islands that
        hold one stay, whatever their size.

    Returns
    -------
    ndarray of float32, shape (mask_size, mask_size)
        The same array if there is nothing to take away.
    """
    from scipy import ndimage as ndi

    islands, count = ndi.label(logits > 0)
    if count < 2:
        return logits
    sizes = np.bincount(islands.ravel())
    sizes[0] = 0
    kept = np.zeros(count + 1, dtype=bool)
    kept[islands[clicked[:, 0], clicked[:, 1]]] = True
    kept[0] = False
    largest = sizes[kept].max() if kept.any() else sizes.max()
    kept |= sizes >= _PART * largest
    kept[0] = True
    if kept.all():
        return logits
    specks = ~kept[islands]
    return np.where(specks, -logits, logits)
