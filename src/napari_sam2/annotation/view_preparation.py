"""Views and planes that are encoded while nobody asks for anything.

After each encode the lane for idle moments is given what may be looked at next: the
views around, and the planes beside, which are held in memory. Then comes the rest of
the stack, if the user has asked for that, which goes to the disk.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sam2.annotation.requests import Lane
from napari_sam2.errors import CacheError, Cancelled, ImageError, NapariSam2Error
from napari_sam2.segmentation.ahead import Ahead
from napari_sam2.segmentation.viewport import neighbours, view_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_sam2.annotation.planes import Plane
    from napari_sam2.annotation.requests import RequestThreads
    from napari_sam2.engines.base import Engine
    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.segmentation.embedded import EmbeddedImage, PlanePixels
    from napari_sam2.segmentation.embedding_files import EmbeddingFiles
    from napari_sam2.segmentation.segmenter import Segmenter
    from napari_sam2.segmentation.view import BBox, View

__all__ = ["Looked", "ViewPreparation", "embedded"]

# Planes beside the one in view that are prepared: before and after, on two sliders.
_BESIDE = 4


@dataclass(frozen=True, eq=False)
class Looked:
    """What is looked at, and by which model.

    Attributes
    ----------
    plane : Plane
        The plane.
    pixels : PlanePixels
        What the model is shown of it.
    view : View
        Which part.
    visible : tuple of int, optional
        What of the plane is on the canvas.
    segmenter : Segmenter
        The model.
    """

    plane: Plane
    pixels: PlanePixels
    view: View
    visible: BBox | None
    segmenter: Segmenter


@dataclass(eq=False)
class _Stack:
    """The planes of an image that are to be prepared, as steps from one of them."""

    plane: Plane
    total: int
    left: deque[tuple[int, ...]] | None = None
    ahead: Ahead | None = None
    engine: Engine | None = None

    @property
    def ready(self) -> int:
        return 0 if self.left is None else self.total - len(self.left)


class ViewPreparation:
    """Has ready what may be looked at next, and whole stacks where that was asked for.

    Used from, and signals on, the session's own thread.

    Parameters
    ----------
    threads : RequestThreads
        Whose idle lane does the work.
    files : EmbeddingFiles, optional
        Where stacks are kept.
    """

    changed = Signal()
    """More planes are ready, or nothing is being prepared any more."""

    ended = Signal(str)
    """A stack is ready, or it has stopped, and why."""

    failed = Signal(Exception)

    def __init__(
        self, threads: RequestThreads, files: EmbeddingFiles | None = None
    ) -> None:
        self._threads = threads
        self._files = files
        self._looked: Looked | None = None
        self._stack: _Stack | None = None

    @property
    def progress(self) -> tuple[int, int] | None:
        """How many planes of the stack are ready, and of how many; None: no stack."""
        return None if self._stack is None else (self._stack.ready, self._stack.total)

    def begin(self, plane: Plane) -> None:
        """Prepare all planes of an image, the nearest first.

        Raises
        ------
        CacheError
            If there is no disk to keep them on.
        """
        if self._files is None or self._files.max_bytes == 0:
            raise CacheError(
                "A stack is prepared on the disk: let the tool keep there what the "
                "model saw, in Preferences ▸ SAM 2."
            )
        self._stack = _Stack(plane, math.prod(_lengths(plane)))
        self._submit()
        self.changed.emit()

    def stop(self) -> None:
        """Prepare no more of the stack; what is ready stays so."""
        if self._stack is not None:
            self._end(f"Stopped: {self._so_far(self._stack)}.")
            self._submit()

    def rest_on(self, looked: Looked) -> None:
        """Prepare what lies around, now that what is looked at is ready."""
        self._looked = looked
        self._submit()

    def leave(self, plane: Plane | None) -> None:
        """Look at another plane, maybe of another image."""
        self._looked = None
        stack = self._stack
        if stack is None:
            return
        if plane is None or plane.image != stack.plane.image:
            self._end(f"Another image: {self._so_far(stack)}.")
        elif _sight(plane) != _sight(stack.plane):
            self._stack = _Stack(plane, stack.total)

    def _submit(self) -> None:
        looked, stack = self._looked, self._stack
        if looked is None:
            return
        todo: deque[Callable[[CancelToken], object]] = deque(
            [*_around(looked), *_beside(looked)]
        )
        if not todo and stack is None:
            self._threads.cancel(Lane.IDLE)
            return

        def work(token: CancelToken) -> None:
            while todo:
                token.raise_if_cancelled()
                # What cannot be read now is complained about when it is looked at.
                _quietly(todo[0], token)
                todo.popleft()
            if stack is not None:
                self._prepare(stack, looked, token)

        def done(_: None) -> None:
            if stack is not None and stack is self._stack:
                count = stack.total
                all_ready = f"All {count} planes are" if count > 1 else "It is"
                self._end(f"{all_ready} ready, also on another day.")

        def failed(error: Exception) -> None:
            if stack is None or stack is not self._stack:
                return
            if isinstance(error, CacheError):
                self._end(f"{error} {self._so_far(stack)}.")
            else:
                self._end(f"Stopped: {self._so_far(stack)}.")
                self.failed.emit(error)

        self._threads.submit(Lane.IDLE, work, done, failed)

    def _prepare(self, stack: _Stack, looked: Looked, token: CancelToken) -> None:
        """Encode what is left of a stack, in the idle lane."""
        assert self._files is not None
        segmenter = looked.segmenter
        if (
            stack.left is None
            or stack.ahead is None
            or (stack.engine is not segmenter.engine)
        ):
            stack.engine = segmenter.engine
            stack.ahead = Ahead(segmenter.engine, self._files, segmenter.cache)
            stack.left = deque(_nearest_first(stack.plane))
        size = segmenter.engine.image_size
        while stack.left:
            token.raise_if_cancelled()
            plane = stack.plane.moved(stack.left[0])
            pixels = plane.pixels()
            view = view_for(plane.shape, looked.visible, size)
            with _reading(plane):
                pixels.key(view, segmenter.engine)
            stack.ahead.prepare(pixels, view, token)
            stack.left.popleft()
            self._threads.post(self.changed.emit)

    def _end(self, why: str) -> None:
        self._stack = None
        self.ended.emit(why)
        self.changed.emit()

    @staticmethod
    def _so_far(stack: _Stack) -> str:
        return f"{stack.ready} of {stack.total} planes are ready"


def embedded(
    segmenter: Segmenter,
    plane: Plane,
    pixels: PlanePixels,
    view: View,
    token: CancelToken,
    progress: Callable[[float], None] | None = None,
) -> EmbeddedImage:
    """Read and encode a view; what goes wrong in reading is the image's fault.

    Parameters
    ----------
    segmenter : Segmenter
        What encodes it.
    plane : Plane
        Whose name is in messages.
    pixels : PlanePixels
        What the model is shown of it.
    view : View
        Which part.
    token : CancelToken
        Ends it.
    progress : callable, optional
        See :meth:`~napari_sam2.segmentation.segmenter.Segmenter.embed_plane`.

    Raises
    ------
    ImageError
        If the image cannot be read or segmented.
    Cancelled
        If ``token`` was raised before the end.
    EngineError
        If the device fails.
    """
    with _reading(plane):
        pixels.key(view, segmenter.engine)
    token.raise_if_cancelled()
    return segmenter.embed_plane(pixels, view, cancel=token, progress=progress)


@contextmanager
def _reading(plane: Plane) -> Iterator[None]:
    try:
        yield
    except (NapariSam2Error, Cancelled):
        raise
    except Exception as error:
        raise ImageError(
            f"“{plane.name}” could not be read ({error}). Check that its "
            "file is still there, then select it again."
        ) from error


def _sight(plane: Plane) -> object:
    """The same for two planes of an image that are shown in the same way."""
    channels = [one and (one.image, one.contrast) for one in plane.channels]
    return plane.limits, plane.gamma, channels


def _quietly(step: Callable[[CancelToken], object], token: CancelToken) -> None:
    try:
        step(token)
    except NapariSam2Error:
        token.raise_if_cancelled()


def _around(looked: Looked) -> Iterator[Callable[[CancelToken], object]]:
    """Encode the views around the one that is looked at."""
    for view in neighbours(looked.view, looked.visible):
        yield _embedding(looked, looked.plane, looked.pixels, view)


def _beside(looked: Looked) -> Iterator[Callable[[CancelToken], object]]:
    """Encode the planes beside the one that is looked at."""
    size = looked.segmenter.engine.image_size
    view = view_for(looked.plane.shape, looked.visible, size)
    for steps in _next_planes(looked.plane):
        try:
            plane = looked.plane.moved(steps)
        except IndexError:
            # A channel of another image ends here.
            continue
        yield _embedding(looked, plane, plane.pixels(), view)


def _embedding(
    looked: Looked, plane: Plane, pixels: PlanePixels, view: View
) -> Callable[[CancelToken], object]:
    return lambda token: embedded(looked.segmenter, plane, pixels, view, token)


def _lengths(plane: Plane) -> tuple[int, ...]:
    """Planes along each axis; 1 for those of the plane itself."""
    own = (plane.index.row_axis, plane.index.col_axis)
    return tuple(
        1 if axis in own else length for axis, length in enumerate(plane.array_shape)
    )


def _next_planes(plane: Plane) -> list[tuple[int, ...]]:
    """Steps to the planes beside: along the last sliders first, onward first."""
    lengths, found = _lengths(plane), []
    for axis in reversed(range(len(lengths))):
        for step in (1, -1):
            if 0 <= plane.index.position[axis] + step < lengths[axis]:
                steps = [0] * len(lengths)
                steps[axis] = step
                found.append(tuple(steps))
    return found[:_BESIDE]


def _nearest_first(plane: Plane) -> list[tuple[int, ...]]:
    """Steps to all planes of an image, this one among them."""
    lengths = _lengths(plane)
    at = [
        place if length > 1 else 0
        for place, length in zip(plane.index.position, lengths, strict=True)
    ]
    steps = np.indices(lengths).reshape(len(lengths), -1).T - at
    order = np.argsort(np.abs(steps).sum(axis=1), kind="stable")
    return [tuple(map(int, one)) for one in steps[order]]
