"""Answers of an earlier session: their pixels are known, their logits are not.

A journal names the logits of an answer by their digest and says how they came
about. They are computed again, along that way, when the answer is corrected.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import MaskPrompt, Prompts

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.intensity import Contrast
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.segmentation.view import BBox, View

__all__ = ["RecalledMask", "RecalledPrediction", "awake", "outlined"]

# Side of what stands in for logits, which is only ever looked at.
_SIDE = 64


@dataclass(frozen=True, eq=False)
class RecalledPrediction(Prediction):
    """An answer of an earlier session.

    Its mask is exact. Its logits only outline the mask, until :meth:`again`
    computes them.

    Attributes
    ----------
    name : bytes
        Digest of the logits that it had.
    prompts : Prompts
        To which it was the answer.
    sharper_of : RecalledPrediction, optional
        The answer that it is a closer look at.
    seen : tuple of Contrast or None
        What the model was shown the plane with; nothing if nobody knows.
    """

    name: bytes = b""
    prompts: Prompts = field(default_factory=Prompts)
    sharper_of: RecalledPrediction | None = None
    seen: tuple[Contrast | None, ...] = ()

    @property
    def digest(self) -> bytes:
        """Names the logits that it had."""
        return self.name

    def as_prompt(self) -> RecalledMask:
        """Return the mask prompt that refines this answer."""
        return RecalledMask(self.logits, self.view, self)

    def again(
        self,
        segmenter: Segmenter,
        image: EmbeddedImage,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        """Ask the model again, as it was asked then; the mask is not refined.

        Parameters
        ----------
        segmenter : Segmenter
            Of the model that answered; another one gives an answer of its own.
        image : EmbeddedImage
            The plane, in any view.
        cancel : CancelToken, optional
            Ends the computation.

        Raises
        ------
        NapariSam2Error, Cancelled
            See :meth:`~napari_sam2.segmentation.segmenter.Segmenter.predict_in`.
        """
        known = self.__dict__.get("_again")
        if known is not None and known[0] == segmenter.engine.model:
            found: Prediction = known[1]
            return found
        # What the plane is shown with may have changed since.
        pixels = image.pixels.shown_with(self.seen)
        if pixels is not image.pixels:
            view = replace(self.view, image_size=segmenter.engine.image_size)
            image = segmenter.embed_plane(pixels, view, cancel=cancel)
        prompts = awake(self.prompts, segmenter, image, cancel)
        if self.sharper_of is None:
            view = replace(self.view, image_size=segmenter.engine.image_size)
            answer = segmenter.predict_in(image, view, prompts, cancel=cancel)
            answer = next(
                (one for one in answer.alternatives if one.digest == self.name), answer
            )
        else:
            before = self.sharper_of.again(segmenter, image, cancel)
            answer = segmenter.look_closer(image, prompts, before, cancel=cancel)
        answer = answer.alone()
        self.__dict__["_again"] = (segmenter.engine.model, answer)
        return answer


@dataclass(frozen=True, eq=False)
class RecalledMask(MaskPrompt):
    """The mask prompt that an answer of an earlier session is.

    It has the digest of the logits that it stands for.

    Attributes
    ----------
    answer : RecalledPrediction
        That it refines.
    """

    answer: RecalledPrediction | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.answer is not None:
            object.__setattr__(self, "digest", self.answer.name)


def awake(
    prompts: Prompts,
    segmenter: Segmenter,
    image: EmbeddedImage,
    cancel: CancelToken | None = None,
) -> Prompts:
    """Return prompts with the logits of a recalled mask in its place.

    Takes as long as the answers that led to it; called on the computing thread.
    """
    mask = prompts.mask
    if not isinstance(mask, RecalledMask) or mask.answer is None:
        return prompts
    answer = mask.answer.again(segmenter, image, cancel)
    return replace(prompts, mask=answer.as_prompt())


def outlined(
    bbox: BBox, crop: npt.NDArray[np.bool_], view: View
) -> npt.NDArray[np.float32]:
    """Return logits, coarse ones, over a view that have this mask.

    Parameters
    ----------
    bbox : tuple of int
        Where the mask lies on the plane.
    crop : ndarray of bool
        The mask within ``bbox``.
    view : View
        That the logits cover.

    Returns
    -------
    ndarray of float32, shape (64, 64)
    """
    scale, translate = view.logits_scale_translate(_SIDE)
    inside = []
    for axis in (0, 1):
        places = np.round(np.arange(_SIDE) * scale[axis] + translate[axis])
        inside.append(places.astype(np.intp) - bbox[axis])
    valid = [
        (places >= 0) & (places < length)
        for places, length in zip(inside, crop.shape, strict=True)
    ]
    logits = np.full((_SIDE, _SIDE), -8.0, dtype=np.float32)
    part = crop[np.ix_(inside[0][valid[0]], inside[1][valid[1]])]
    logits[np.ix_(*valid)] = np.where(part, 8.0, -8.0)
    return logits
