"""What keeping, correcting and sharpening objects changes: each one an edit.

As an :class:`~napari_sam2.annotation.operations.Operation` says of objects that are
there, these say of answers of the model. Nothing is changed here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.corrections import correction, indices_of, still_held
from napari_sam2.annotation.history import Edit, NotesChange, ObjectChange
from napari_sam2.annotation.objects import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from napari_sam2.annotation.inventory import Inventory
    from napari_sam2.annotation.objects import AnnotatedObject
    from napari_sam2.annotation.overlap import Overlap
    from napari_sam2.segmentation.region import Region

__all__ = ["corrected", "found_anew", "kept", "sharpened"]


def kept(
    candidate: AnnotatedObject,
    inventory: Inventory,
    overlap: Overlap,
    current: AnnotatedObject | None,
    category: str | None = None,
) -> Edit | None:
    """Say what a new object changes.

    Parameters
    ----------
    candidate : AnnotatedObject
        Its label is set here.
    inventory : Inventory
        What there is.
    overlap : Overlap
        Which pixels it may take.
    current : AnnotatedObject, optional
        The session's current object, to come back to by undo.
    category : str, optional
        Its class.

    Returns
    -------
    Edit or None
        Its ``after`` is the object; None if no pixel was left for it.
    """
    store, largest = inventory.store, inventory.largest
    label = largest + 1
    indices = indices_of(candidate, store)
    ids = store.read(indices)
    allowed = overlap.allows(ids, label)
    if not allowed.all():
        indices, ids = tuple(axis[allowed] for axis in indices), ids[allowed]
    written = PixelChange.between(store.shape, indices, ids, label)
    if len(written) == 0:
        return None
    made = replace(candidate, label=label, written=written)
    before, after = inventory.notes_on(label), Notes(category)
    return Edit(
        f"Keep object {label}",
        (written,),
        current,
        made,
        (ObjectChange(label, None, made),),
        (NotesChange(label, before, after),) if before != after else (),
        largest=largest,
        overlap=overlap,
    )


def corrected(
    old: AnnotatedObject,
    new: AnnotatedObject,
    inventory: Inventory,
    overlap: Overlap,
    title: str,
) -> Edit:
    """Say what changes if a kept object gets the mask of a better prediction.

    Pixels that somebody else has changed since are left alone.
    """
    change, better = correction(old, new, inventory.store, overlap, inventory.alive)
    about = ObjectChange(old.label, old, better)
    return Edit(title, (change,), old, better, (about,), overlap=overlap)


def found_anew(
    found: AnnotatedObject,
    region: Region,
    inventory: Inventory,
    overlap: Overlap,
    current: AnnotatedObject | None,
) -> Edit:
    """Say what changes if the model's mask takes the place of what is painted.

    Parameters
    ----------
    found : AnnotatedObject
        What the model finds; its label is that of what is painted.
    region : Region
        What is painted, on the plane of the object.
    inventory : Inventory
        What there is.
    overlap : Overlap
        Which pixels it may take.
    current : AnnotatedObject, optional
        The session's current object, to come back to by undo.
    """
    label, store = found.label, inventory.store
    rows, cols = np.nonzero(region.crop)
    indices = found.plane.index.indices(rows + region.row, cols + region.col)
    under = inventory.under(label, np.ravel_multi_index(indices, store.shape))
    painted = PixelChange.between(store.shape, indices, under, label)
    old = replace(found, written=painted)
    change, after = correction(old, found, store, overlap, inventory.alive)
    about = ObjectChange(label, inventory.objects.get(label), after)
    return Edit(
        f"Find object {label} anew",
        (change,),
        current,
        after,
        (about,),
        overlap=overlap,
    )


def sharpened(
    old: AnnotatedObject,
    new: AnnotatedObject,
    inventory: Inventory,
    overlap: Overlap,
    since: Sequence[Edit],
) -> Edit | None:
    """Say what changes if a kept object gets a sharper mask, as if kept so.

    What was done since has been done on top of it: these pixels stay as they are,
    and an object that somebody has painted on stays altogether.

    Parameters
    ----------
    old, new : AnnotatedObject
        As it was kept or last corrected, and with the sharper mask.
    inventory : Inventory
        What there is.
    overlap : Overlap
        Which pixels it may take.
    since : sequence of Edit
        What was done since it was kept or last corrected.

    Returns
    -------
    Edit or None
        Its ``after`` is the object; None if the old one has to stay.
    """
    store = inventory.store
    if old.written is None or tuple(store.shape) != old.written.shape:
        return None
    by_others = _places(edit for edit in since if edit.by_others)
    if (
        any(edit.about(old.label) for edit in since)
        or np.isin(old.written.where, by_others).any()
        or not still_held(old, store).any()
    ):
        return None
    change, sharper = correction(
        old, new, store, overlap, inventory.alive, _places(since)
    )
    if not len(sharper.written or ()):
        return None
    about = ObjectChange(old.label, old, sharper)
    return Edit("", (change,), after=sharper, objects=(about,))


def _places(edits: Iterable[Edit]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Pixels that some edits have changed."""
    nowhere = np.zeros(0, dtype=np.uint32)
    places = [change.where for edit in edits for change in edit.changes]
    return np.concatenate([nowhere, *places])
