"""The way in without a window: an image and prompts in, masks out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import ImageError, PromptError
from napari_sam2.segmentation.arguments import as_box, as_mask, as_points
from napari_sam2.segmentation.embedded import EmbeddedImage, PlanePixels
from napari_sam2.segmentation.embeddings import EmbeddingCache, embedding_key
from napari_sam2.segmentation.intensity import checked
from napari_sam2.segmentation.prediction import Prediction, resampled
from napari_sam2.segmentation.prompts import Box, MaskPrompt, Prompts
from napari_sam2.segmentation.specks import without_specks
from napari_sam2.segmentation.view import View
from napari_sam2.segmentation.zoom import LOOKS, closer_view

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from napari_sam2.engines.base import Embedding, Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["Segmenter"]


class Segmenter:
    """Segments planes with one model on one device.

    All coordinates are ``(row, col)`` in pixels of the plane, pixel centres at
    integers.

    Parameters
    ----------
    model : str, Path or ModelSpec
        Name in the catalogue, or a checkpoint of one's own.
    device : str
        ``"auto"`` (CUDA, else MPS, else the CPU), or what torch calls it.
    engine : Engine, optional
        Used instead of one that is made for ``model`` and ``device``.
    cache : EmbeddingCache, optional
        To share embeddings with other segmenters.
    zoom : bool, optional
        Whether :meth:`predict` takes a closer look at small objects, which encodes
        their surroundings. By default it does for models for which that pays.

    Raises
    ------
    ModelError, EngineError
        If the model cannot be loaded, or the device cannot be used.

    Examples
    --------
    >>> segmenter = Segmenter()  # doctest: +SKIP
    >>> segmenter.set_image(image).predict(points=[(120, 80)])  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path | ModelSpec = "starter",
        device: str = "auto",
        *,
        engine: Engine | None = None,
        cache: EmbeddingCache | None = None,
        zoom: bool | None = None,
    ) -> None:
        self.engine: Engine
        self.model: str
        self.zoom = bool(zoom)
        self.clean = False
        if engine is None:
            from napari_sam2.engines import create_engine
            from napari_sam2.models.catalog import get_model

            spec = get_model(model)
            self.engine = create_engine(spec, device)
            self.model = spec.name
            self.zoom = spec.zoom if zoom is None else zoom
            self.clean = spec.clean
        else:
            self.engine = engine
            self.model = engine.model
        self.cache = EmbeddingCache() if cache is None else cache
        self._image: EmbeddedImage | None = None

    @property
    def device(self) -> str:
        """Device that really computes."""
        return self.engine.device

    def embed(
        self,
        image: npt.ArrayLike,
        *,
        limits: tuple[float, float] | None = None,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> EmbeddedImage:
        """Let the model see a plane, or recall what it saw.

        Parameters
        ----------
        image : array_like, shape (rows, cols), (rows, cols, 3) or (rows, cols, 4)
            Gray, RGB or RGBA, of booleans, integers or real numbers; see
            :func:`~napari_sam2.segmentation.intensity.to_rgb`.
        limits : tuple of float, optional
            The intensities that become black and white.
        cancel : CancelToken, optional
            Ends the computation.
        progress : callable, optional
            Called with the fraction done, from 0 to 1, in the calling thread; not
            at all if the cache has it.

        Raises
        ------
        ImageError
            If the image cannot be segmented.
        Cancelled
            If ``cancel`` was raised before the end.
        EngineError
            If the device fails.
        """
        plane = checked(image)
        view = View.whole(plane.shape[:2], self.engine.image_size)
        key = embedding_key(plane, limits, view, self.engine)
        pixels = PlanePixels(plane, limits)
        embedding = self._encoded(key, view, pixels, cancel, progress)
        return EmbeddedImage(view, embedding, key, pixels)

    def embed_view(
        self, image: EmbeddedImage, view: View, *, cancel: CancelToken | None = None
    ) -> EmbeddedImage:
        """Let the model see another part of a plane, or recall what it saw.

        Parameters
        ----------
        image : EmbeddedImage
            The plane, in any view.
        view : View
            The part to see, in the contrast of the whole plane.
        cancel : CancelToken, optional
            Ends the computation.

        Raises
        ------
        Cancelled
            If ``cancel`` was raised before the end.
        EngineError
            If the device fails.
        """
        if view == image.view:
            return image
        key = image.key_of(view)
        # Many looks at parts must not drive out what they are parts of.
        self.cache.get(image.key)
        embedding = self._encoded(key, view, image.pixels, cancel, None)
        return EmbeddedImage(view, embedding, key, image.pixels)

    def _encoded(
        self,
        key: str,
        view: View,
        pixels: PlanePixels,
        cancel: CancelToken | None,
        progress: Callable[[float], None] | None,
    ) -> Embedding:
        embedding = self.cache.get(key)
        if embedding is None:
            if progress is not None:
                # The pixels of a large plane take their time before the encoder does.
                progress(0.0)
            part = pixels.within(view.window)
            embedding = self.engine.encode(part, cancel=cancel, progress=progress)
            self.cache.put(key, embedding)
        return embedding

    def predict_prompts(
        self,
        image: EmbeddedImage,
        prompts: Prompts,
        *,
        multimask: bool | None = None,
    ) -> Prediction:
        """Segment the object that the prompts mean.

        Parameters
        ----------
        image : EmbeddedImage
            As :meth:`embed` of this segmenter returned it.
        prompts : Prompts
            At least a point, a box or a mask. A box that reaches beyond the
            view is cut off at its outermost pixels. If the mask to refine is from
            a closer look that is still cached and shows all points, that is
            refined; nothing is encoded here.
        multimask : bool, optional
            Whether to let the model propose three candidates. By default it
            does where the prompts are ambiguous.

        Returns
        -------
        Prediction
            The candidate with the best score.

        Raises
        ------
        PromptError
            If there are no prompts, if one lies outside of the image, or if
            the mask is not one of this model.
        EngineError
            If the device fails.
        """
        closer = self._in_closer_look(image, prompts)
        return self._predict(closer, prompts, multimask)

    def _predict(
        self, image: EmbeddedImage, prompts: Prompts, multimask: bool | None = None
    ) -> Prediction:
        view = image.view
        points, labels = _points(prompts, view)
        several = prompts.ambiguous if multimask is None else multimask
        decoded = self.engine.decode(
            image.embedding,
            points=points,
            labels=labels,
            boxes=_boxes(prompts, view),
            masks=self._masks(prompts, view),
            multimask=several,
        )
        candidates = tuple(
            Prediction(float(score), self._cleaned(logits, prompts, view), view)
            for logits, score in zip(decoded.logits[0], decoded.scores[0], strict=True)
        )
        best = candidates[int(np.argmax([self._worth(c) for c in candidates]))]
        return replace(best, alternatives=candidates) if several else best

    def look_closer(
        self,
        image: EmbeddedImage,
        prompts: Prompts,
        prediction: Prediction,
        *,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        """Look at a small object again, in a view in which it is larger.

        See :mod:`napari_sam2.segmentation.zoom`.

        Parameters
        ----------
        image : EmbeddedImage
            The plane.
        prompts : Prompts
            What was said about the object.
        prediction : Prediction
            The answer to it.
        cancel : CancelToken, optional
            Ends the computation.

        Returns
        -------
        Prediction
            A sharper mask, with a view of its own; or the same prediction, if it is
            close enough.

        Raises
        ------
        Cancelled
            If ``cancel`` was raised before the end.
        EngineError
            If the device fails.
        """
        mask = prompts.mask
        if mask is not None and mask.view is None:
            prompts = replace(prompts, mask=replace(mask, view=image.view))
        for _ in range(LOOKS):
            view = closer_view(prediction, prompts)
            # What lies beside the view is not on the object: it has had its effect.
            points = tuple(p for p in prompts.points if view.contains(p.row, p.col))
            seen = replace(prompts, points=points)
            if view == prediction.view or not seen:
                break
            closer = self.embed_view(image, view, cancel=cancel)
            sharper = self._predict(closer, seen)
            if seen.ambiguous:
                sharper = self._most_alike(sharper, prediction)
            if sharper.area == 0:
                break
            prediction = sharper
        return prediction

    def _in_closer_look(self, image: EmbeddedImage, prompts: Prompts) -> EmbeddedImage:
        """Return the view that a mask to refine came from, if it can be had at once."""
        view = None if prompts.mask is None else prompts.mask.view
        if view is None or view == image.view:
            return image
        if view.plane_shape != image.view.plane_shape:
            raise PromptError("The mask to refine belongs to another image.")
        # A place outside needs the larger view.
        places = [point[:2] for point in prompts.points]
        if prompts.box is not None:
            places += [prompts.box[:2], prompts.box[2:]]
        if view.image_size != image.view.image_size or not all(
            view.contains(*place) for place in places
        ):
            return image
        key = image.key_of(view)
        embedding = self.cache.get(key)
        if embedding is None:
            return image
        return EmbeddedImage(view, embedding, key, image.pixels)

    def set_image(
        self, image: npt.ArrayLike, *, limits: tuple[float, float] | None = None
    ) -> Segmenter:
        """Choose the plane that :meth:`predict` works on; see :meth:`embed`.

        Returns
        -------
        Segmenter
            Itself.
        """
        self._image = None
        self._image = self.embed(image, limits=limits)
        return self

    def reset(self) -> None:
        """Forget the plane (the cache keeps what the model saw of it)."""
        self._image = None

    def predict(
        self,
        points: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask: Prediction | MaskPrompt | npt.ArrayLike | None = None,
        multimask: bool | None = None,
    ) -> Prediction:
        """Segment one object of the plane that was set.

        Parameters
        ----------
        points : array_like of float, shape (k, 2) or (2,), optional
            ``(row, col)`` of places on the object or beside it.
        labels : array_like of int or bool, shape (k,), optional
            1 for a place on the object, 0 for one beside it. By default all
            are on it.
        box : array_like of float, shape (4,), optional
            ``(row_min, col_min, row_max, col_max)``.
        mask : Prediction, MaskPrompt, or ndarray, optional
            An earlier answer to refine, or its logits.
        multimask : bool, optional
            Whether to let the model propose three candidates. By default it
            does for a single point.

        Returns
        -------
        Prediction
            The candidate with the best score; the others are among its
            ``alternatives``.

        Raises
        ------
        ImageError
            If no image was set.
        PromptError
            If the prompts are malformed or outside of the image.
        EngineError
            If the device fails.
        """
        if self._image is None:
            raise ImageError("There is no image yet: call set_image first.")
        prompts = Prompts(
            points=as_points(points, labels),
            box=as_box(box),
            mask=as_mask(mask, self._image.view),
        )
        prediction = self.predict_prompts(self._image, prompts, multimask=multimask)
        if self.zoom and multimask is None:
            prediction = self.look_closer(self._image, prompts, prediction)
        return prediction

    def _most_alike(self, prediction: Prediction, before: Prediction) -> Prediction:
        """Choose a good candidate that means the same object as before."""
        worth = [
            self._worth(candidate) + _FAITHFULNESS * _overlap(candidate, before)
            for candidate in prediction.alternatives
        ]
        best = prediction.alternatives[int(np.argmax(worth))]
        return replace(best, alternatives=prediction.alternatives)

    def _worth(self, candidate: Prediction) -> float:
        """How much a candidate is to be preferred to others."""
        if not self.clean:
            return candidate.score
        return candidate.score * candidate.stability

    def _cleaned(
        self, logits: npt.NDArray[np.float32], prompts: Prompts, view: View
    ) -> npt.NDArray[np.float32]:
        if not self.clean:
            return logits
        inside = [point for point in prompts.points if point.inside]
        return without_specks(logits, view.cells(inside, logits.shape[0]))

    def _masks(self, prompts: Prompts, view: View) -> npt.NDArray[np.float32] | None:
        if prompts.mask is None:
            return None
        logits = prompts.mask.logits
        size = self.engine.mask_size
        if logits.shape != (size, size):
            raise PromptError(
                f"A mask prompt of this model has the shape {(size, size)}, not "
                f"{logits.shape}: it comes from another model."
            )
        if prompts.mask.view is not None:
            logits = resampled(logits, prompts.mask.view, view)
        return logits[np.newaxis, np.newaxis]


# How much a candidate that is like the mask before outweighs a better score.
_FAITHFULNESS = 0.2


def _overlap(one: Prediction, other: Prediction) -> float:
    """Intersection over union within the view of one, at its low resolution."""
    mask = one.logits > one.threshold
    seen = other.logits_over(one.view) > other.threshold
    either = np.count_nonzero(mask | seen)
    return float(np.count_nonzero(mask & seen) / either) if either else 1.0


def _points(
    prompts: Prompts, view: View
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.int32] | None]:
    if not prompts:
        raise PromptError("Give at least a point, a box or a mask.")
    for row, col, _ in prompts.points:
        if not view.contains(row, col):
            raise PromptError(
                f"The point (row {row:g}, column {col:g}) lies outside of the image."
            )
    if not prompts.points:
        return None, None
    labels = np.array([[point.inside for point in prompts.points]], dtype=np.int32)
    return view.points_to_model(prompts.points)[np.newaxis], labels


def _boxes(prompts: Prompts, view: View) -> npt.NDArray[np.float32] | None:
    if prompts.box is None:
        return None
    return view.box_to_model(_within(prompts.box, view))[np.newaxis]


def _within(box: Box, view: View) -> Box:
    """Cut a box off at the outermost pixels of the view."""
    r0, c0, r1, c1 = view.window
    if (
        box.row_max < r0 - 0.5
        or box.col_max < c0 - 0.5
        or box.row_min >= r1 - 0.5
        or box.col_min >= c1 - 0.5
    ):
        raise PromptError("The box lies outside of the image.")
    rows = np.clip([box.row_min, box.row_max], r0, r1 - 1)
    cols = np.clip([box.col_min, box.col_max], c0, c1 - 1)
    return Box(float(rows[0]), float(cols[0]), float(rows[1]), float(cols[1]))
