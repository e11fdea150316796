"""The way in without a window: an image and prompts in, masks out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.errors import ImageError, PromptError
from napari_sam2.segmentation.embeddings import EmbeddingCache, embedding_key
from napari_sam2.segmentation.intensity import checked, to_rgb
from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.prompts import Box, MaskPrompt, Point, Prompts
from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from napari_sam2.engines.base import Embedding, Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec

__all__ = ["EmbeddedImage", "Segmenter"]


@dataclass(frozen=True, eq=False)
class EmbeddedImage:
    """A plane that the model has seen.

    Attributes
    ----------
    view : View
        Which part of the plane, at which resolution.
    embedding : Embedding
        What the encoder made of it; only the engine that made it can use it.
    key : str
        Names pixels, contrast limits, view, model and engine.
    """

    view: View
    embedding: Embedding
    key: str


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
    ) -> None:
        self.engine: Engine
        self.model: str
        if engine is None:
            from napari_sam2.engines import create_engine
            from napari_sam2.models.catalog import get_model

            spec = get_model(model)
            self.engine = create_engine(spec, device)
            self.model = spec.name
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
        embedding = self.cache.get(key)
        if embedding is None:
            if progress is not None:
                # The pixels of a large plane take their time before the encoder does.
                progress(0.0)
            pixels = to_rgb(plane, limits)
            embedding = self.engine.encode(pixels, cancel=cancel, progress=progress)
            self.cache.put(key, embedding)
        return EmbeddedImage(view, embedding, key)

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
            view is cut off at its outermost pixels.
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
        view = image.view
        points, labels = _points(prompts, view)
        several = prompts.ambiguous if multimask is None else multimask
        decoded = self.engine.decode(
            image.embedding,
            points=points,
            labels=labels,
            boxes=_boxes(prompts, view),
            masks=self._masks(prompts),
            multimask=several,
        )
        candidates = tuple(
            Prediction(float(score), logits, view)
            for logits, score in zip(decoded.logits[0], decoded.scores[0], strict=True)
        )
        best = candidates[int(np.argmax(decoded.scores[0]))]
        return replace(best, alternatives=candidates) if several else best

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
            points=_as_points(points, labels),
            box=_as_box(box),
            mask=_as_mask(mask, self._image.view),
        )
        return self.predict_prompts(self._image, prompts, multimask=multimask)

    def _masks(self, prompts: Prompts) -> npt.NDArray[np.float32] | None:
        if prompts.mask is None:
            return None
        logits = prompts.mask.logits
        size = self.engine.mask_size
        if logits.shape != (size, size):
            raise PromptError(
                f"A mask prompt of this model has the shape {(size, size)}, not "
                f"{logits.shape}: it comes from another model."
            )
        return logits[np.newaxis, np.newaxis]


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


def _as_points(
    points: npt.ArrayLike | None, labels: npt.ArrayLike | None
) -> tuple[Point, ...]:
    if points is None:
        if labels is not None:
            raise PromptError("Labels were given without points.")
        return ()
    places = np.atleast_2d(_numbers(points, "points"))
    if places.size == 0:
        places = places.reshape(0, 2)
    if places.ndim != 2 or places.shape[1] != 2:
        raise PromptError(
            f"Points are an array of shape (k, 2), not {np.shape(points)}."
        )
    kinds = np.ones(len(places)) if labels is None else _numbers(labels, "labels")
    kinds = np.atleast_1d(kinds)
    if kinds.shape != (len(places),) or not np.isin(kinds, (0, 1)).all():
        raise PromptError("Labels are one number for each point: 1 inside, 0 outside.")
    return tuple(
        Point(float(row), float(col), bool(kind))
        for (row, col), kind in zip(places, kinds, strict=True)
    )


def _as_box(box: npt.ArrayLike | None) -> Box | None:
    if box is None:
        return None
    numbers = _numbers(box, "box")
    if numbers.shape != (4,):
        raise PromptError(
            "A box is (row_min, col_min, row_max, col_max), not an array of shape "
            f"{numbers.shape}."
        )
    return Box(*map(float, numbers))


def _as_mask(
    mask: Prediction | MaskPrompt | npt.ArrayLike | None, view: View
) -> MaskPrompt | None:
    if mask is None or isinstance(mask, MaskPrompt):
        return mask
    if isinstance(mask, Prediction):
        if mask.view != view:
            raise PromptError("The mask to refine belongs to another image or view.")
        return MaskPrompt(mask.logits)
    return MaskPrompt(_numbers(mask, "mask").astype(np.float32))


def _numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f"The {name} must be made of numbers.") from error
