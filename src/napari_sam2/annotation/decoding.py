"""What is asked of a view that is encoded: masks, and closer looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from napari_sam2.annotation.failures import typed
from napari_sam2.annotation.recall import awake
from napari_sam2.annotation.requests import Lane
from napari_sam2.segmentation.refinement import Refinement

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.recall import RecalledPrediction
    from napari_sam2.annotation.requests import RequestThreads
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import EmbeddedImage
    from napari_sam2.segmentation.prediction import Prediction
    from napari_sam2.segmentation.prompts import Prompts
    from napari_sam2.segmentation.segmenter import Segmenter

__all__ = ["Decoding", "Encoded"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """A view of a plane that is ready, and the model that it is ready for."""

    plane: Plane
    image: EmbeddedImage
    segmenter: Segmenter
    generation: int


class Decoding:
    """Asks about encoded views; needs nothing else, and answers whatever is in view.

    Parameters
    ----------
    threads : RequestThreads
        That compute.

    Attributes
    ----------
    seconds : float
        That the last mask took.
    """

    def __init__(self, threads: RequestThreads) -> None:
        self._threads = threads
        self.seconds = 0.0

    def decode(
        self,
        lane: Lane,
        encoded: Encoded,
        prompts: Prompts,
        refinement: Refinement,
        done: Callable[[Prediction], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Ask for the mask that some prompts give on an encoded plane."""

        def work(token: CancelToken) -> tuple[Prediction, float]:
            start = perf_counter()
            segmenter, image = encoded.segmenter, encoded.image
            known = awake(prompts, segmenter, image, token)
            prediction = segmenter.predict_prompts(image, known).refined(refinement)
            _ = prediction.surface
            if lane is Lane.QUEUE:
                # Cut the mask out here: the session's thread shall only write it.
                prediction.cut()
            return prediction, perf_counter() - start

        def answer(result: tuple[Prediction, float]) -> None:
            self.seconds = result[1]
            done(result[0])

        self._threads.submit(lane, work, answer, lambda error: failed(typed(error)))

    def again(
        self,
        encoded: Encoded,
        answer: RecalledPrediction,
        done: Callable[[Prediction], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Ask for the logits of an answer of an earlier session."""

        def work(token: CancelToken) -> Prediction:
            return answer.again(encoded.segmenter, encoded.image, token)

        self._threads.submit(Lane.QUEUE, work, done, lambda error: failed(typed(error)))

    def look_closer(
        self,
        encoded: Encoded,
        prompts: Prompts,
        prediction: Prediction,
        done: Callable[[Prediction], None],
        failed: Callable[[Exception], None],
    ) -> CancelToken:
        """Ask for a sharper mask of an object; the token takes that back.

        The answer is the same prediction if there is no sharper one.
        """

        def work(token: CancelToken) -> Prediction:
            segmenter, image = encoded.segmenter, encoded.image
            known = awake(prompts, segmenter, image, token)
            # Where to look depends on the answer alone, however it is cut.
            plain = prediction.refined(Refinement())
            sharper = segmenter.look_closer(image, known, plain, cancel=token)
            if sharper is plain:
                return prediction
            sharper = sharper.refined(prediction.refinement)
            sharper.cut()
            return sharper

        return self._threads.submit(
            Lane.QUEUE, work, done, lambda error: failed(typed(error))
        )
