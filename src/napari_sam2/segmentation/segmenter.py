"""The way in without a window: an image and prompts in, masks out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_sam2.errors import ImageError
from napari_sam2.segmentation.answers import Answers
from napari_sam2.segmentation.arguments import as_box, as_mask, as_points
from napari_sam2.segmentation.closer import closest_look, look_closer
from napari_sam2.segmentation.embedded import EmbeddedImage, PlanePixels
from napari_sam2.segmentation.embeddings import EmbeddingCache
from napari_sam2.segmentation.intensity import checked
from napari_sam2.segmentation.prompts import Prompts
from napari_sam2.segmentation.seen import seen_in
from napari_sam2.segmentation.view import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import MaskPrompt

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
    compute_with : str
        ``"auto"``, ``"torch"``, ``"onnxruntime"``, ``"openvino"`` …: see
        :func:`~napari_sam2.engines.create_engine`.
    engine : Engine, optional
        Used instead of one that is made for ``model`` and ``device``.
    cache : EmbeddingCache, optional
        To share embeddings with other segmenters.
    zoom : bool, optional
        Whether :meth:`predict` looks at an object again, see :meth:`look_closer`. By
        default it does with models for which that pays.

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
        compute_with: str = "auto",
        engine: Engine | None = None,
        cache: EmbeddingCache | None = None,
        zoom: bool | None = None,
    ) -> None:
        self.engine: Engine
        self.model: str
        self.zoom = bool(zoom)
        self.second_look = False
        self.clean = False
        if engine is None:
            from napari_sam2.engines import create_engine
            from napari_sam2.models.catalog import get_model

            spec = get_model(model)
            self.engine = create_engine(spec, device, compute_with)
            self.model = spec.name
            self.zoom = spec.zoom if zoom is None else zoom
            self.second_look = spec.second_look
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

    @property
    def computes(self) -> str:
        """What really computes, and how precisely: ``"OpenVINO bf16"``."""
        if self.engine.precision == "fp32":
            return self.engine.name
        return f"{self.engine.name} {self.engine.precision}"

    @property
    def _answers(self) -> Answers:
        return Answers(self.engine, self.clean)

    def embed(
        self,
        image: npt.ArrayLike,
        *,
        limits: tuple[float, float] | None = None,
        gamma: float = 1.0,
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
        gamma : float
            Bends what lies between them, as the gamma of a napari layer does.
        cancel : CancelToken, optional
            Ends the computation.
        progress : callable, optional
            Called with the fraction done, from 0 to 1, in the calling thread; not
            at all if the cache has it.

        Raises
        ------
        ImageError, Cancelled, EngineError
            See :meth:`embed_plane`.
        """
        pixels = PlanePixels(checked(image), limits, gamma)
        return self.embed_plane(pixels, cancel=cancel, progress=progress)

    def embed_plane(
        self,
        pixels: PlanePixels,
        view: View | None = None,
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> EmbeddedImage:
        """Let the model see a view of a plane, or recall what it saw.

        Parameters
        ----------
        pixels : PlanePixels
            The plane; of a large one, only the view is read.
        view : View, optional
            The part to see; the whole plane by default.
        cancel, progress
            See :meth:`embed`.

        Raises
        ------
        ImageError
            If the image cannot be segmented.
        Cancelled
            If ``cancel`` was raised before the end.
        EngineError
            If the device fails.
        """
        if view is None:
            view = View.whole(pixels.shape, self.engine.image_size)
        key = pixels.key(view, self.engine)
        embedding = self.cache.find(key, self.engine)
        if embedding is None:
            if cancel is not None:
                cancel.raise_if_cancelled()
            if progress is not None:
                # The pixels of a large plane take their time before the encoder does.
                progress(0.0)
            embedding = self.engine.encode(
                pixels.seen(view), cancel=cancel, progress=progress
            )
            self.cache.put(key, embedding)
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
        Cancelled, EngineError
            See :meth:`embed_plane`.
        """
        if view == image.view:
            return image
        # Many looks at parts must not drive out what they are parts of.
        self.cache.get(image.key)
        return self.embed_plane(image.pixels, view, cancel=cancel)

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
            view is cut off at its outermost pixels, and what lies beside the view
            is left out: it has had its effect on the mask. If the
            mask to refine is from a closer look that is still cached and shows all
            points, that is refined; nothing is encoded here.
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
            If there are no prompts in the view, if one lies outside of the image,
            or if the mask is not one of this model.
        EngineError
            If the device fails.
        """
        closer = closest_look(image, prompts, self.engine, self.cache)
        return self._answers.answer(closer, seen_in(closer.view, prompts), multimask)

    def predict_in(
        self,
        image: EmbeddedImage,
        view: View,
        prompts: Prompts,
        *,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        """Segment the object that the prompts mean in the very view that is named.

        What :meth:`predict_prompts` answers depends on which views are cached; this
        does not. It asks again what was asked before.

        Parameters
        ----------
        image : EmbeddedImage
            The plane, in any view.
        view : View
            The part to see; it is encoded if it is not cached.
        prompts : Prompts
            See :meth:`predict_prompts`.
        cancel : CancelToken, optional
            Ends the computation.

        Raises
        ------
        PromptError, EngineError
            See :meth:`predict_prompts`.
        Cancelled
            If ``cancel`` was raised before the end.
        """
        seen = self.embed_view(image, view, cancel=cancel)
        return self._answers.answer(seen, seen_in(view, prompts))

    def look_closer(
        self,
        image: EmbeddedImage,
        prompts: Prompts,
        prediction: Prediction,
        *,
        cancel: CancelToken | None = None,
    ) -> Prediction:
        """Look at an object again: at a small one more closely, at each in two ways.

        See :mod:`napari_sam2.segmentation.zoom` and
        :mod:`napari_sam2.segmentation.second`.

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
            close enough and this model takes no second look.

        Raises
        ------
        Cancelled, EngineError
            See :meth:`embed_plane`.
        """
        return look_closer(
            partial(self.predict_in, image, cancel=cancel),
            self._answers,
            image.view,
            prompts,
            prediction,
            second_look=self.second_look,
        )

    def set_image(
        self,
        image: npt.ArrayLike,
        *,
        limits: tuple[float, float] | None = None,
        gamma: float = 1.0,
    ) -> Segmenter:
        """Choose the plane that :meth:`predict` works on; see :meth:`embed`.

        Returns
        -------
        Segmenter
            Itself.
        """
        self._image = None
        self._image = self.embed(image, limits=limits, gamma=gamma)
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
