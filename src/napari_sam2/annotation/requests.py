"""One thread that computes, so that the one with the window never does.

Requests come in three lanes. The *queue* is first in, first out, and nothing in
it is ever dropped: clicks, models to load. The *encode* and *hover* lanes hold
one request each; a newer one replaces the one that waits, and a newer encode
cancels the one that runs. The *idle* lane holds one request, too, which is run when
nobody has asked for anything for a while; whatever is asked for then stops it, and
later it is run again. Answers wait until the session's own thread calls
:meth:`RequestThread.process`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import traceback
import weakref
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any

from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lane", "RequestThread"]


class Lane(Enum):
    """Where a request waits."""

    QUEUE = "queue"
    ENCODE = "encode"
    HOVER = "hover"
    IDLE = "idle"


# Seconds without a request after which there is time for the idle lane.
_IDLE_AFTER = 0.3


@dataclass(eq=False)
class _Request:
    lane: Lane
    work: Callable[[CancelToken], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    token: CancelToken = field(default_factory=CancelToken)


class RequestThread:
    """Runs requests one at a time, in the order queue, encode, hover, idle.

    Parameters
    ----------
    wake : callable
        Called whenever an answer waits, mostly in the computing thread; it must
        arrange that :meth:`process` is called in the session's own thread.
    name : str
        Of the thread.
    """

    def __init__(self, wake: Callable[[], None], name: str = "napari-sam2") -> None:
        self._wake = wake
        self._name = name
        self._changed = threading.Condition()
        self._queue: deque[_Request] = deque()
        self._slots: dict[Lane, _Request | None] = {Lane.ENCODE: None, Lane.HOVER: None}
        self._idle: _Request | None = None
        self._idle_from = 0.0
        self._running: _Request | None = None
        self._answers: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(
        self,
        lane: Lane,
        work: Callable[[CancelToken], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> CancelToken:
        """Ask for ``work(token)`` to be run, and return the token.

        ``done(result)`` or ``failed(error)`` is called by :meth:`process`,
        unless the request was replaced or cancelled: then neither is.
        """
        request = _Request(lane, work, done, failed)
        with self._changed:
            if self._closed:
                return request.token
            if lane is Lane.QUEUE:
                self._queue.append(request)
            elif lane is Lane.IDLE:
                self._idle = request
            else:
                self._slots[lane] = request
            running = self._running
            self._idle_from = monotonic() + _IDLE_AFTER
            self._start()
            self._changed.notify_all()
        superseded = lane if lane in (Lane.ENCODE, Lane.IDLE) else None
        if running is not None and running.lane in (superseded, Lane.IDLE):
            running.token.cancel()
        return request.token

    def cancel(self, lane: Lane) -> None:
        """Forget what waits in a lane, and stop what runs of it."""
        with self._changed:
            if lane is Lane.QUEUE:
                self._queue.clear()
            elif lane is Lane.IDLE:
                self._idle = None
            else:
                self._slots[lane] = None
            running = self._running
            self._changed.notify_all()
        if running is not None and running.lane is lane:
            running.token.cancel()

    def post(self, answer: Callable[[], None]) -> None:
        """Have ``answer`` called by :meth:`process`; for progress of a request."""
        with self._changed:
            if self._closed:
                return
            self._answers.append(answer)
            self._changed.notify_all()
        self._wake()

    def process(self) -> None:
        """Hand out the answers that wait."""
        while self._answers:
            answer = self._answers.popleft()
            try:
                answer()
            except BaseException:
                # The others are handed out all the same, in another turn.
                if self._answers:
                    self._wake()
                raise

    @property
    def busy(self) -> bool:
        """Whether a request waits or runs, or an answer was not handed out.

        What is done when idle does not count.
        """
        with self._changed:
            return bool(self._answers) or self._at_work

    @property
    def _at_work(self) -> bool:
        running = self._running is not None and self._running.lane is not Lane.IDLE
        return bool(self._queue) or any(self._slots.values()) or running

    def wait_for_answer(self, timeout: float) -> None:
        """Block until an answer waits or nothing more is to come."""
        end = monotonic() + timeout
        with self._changed:
            while not self._answers and self._at_work:
                left = end - monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def close(self) -> None:
        """Stop what runs, forget what waits; returns at once."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._slots = dict.fromkeys(self._slots)
            self._idle = None
            self._answers.clear()
            running = self._running
            self._changed.notify_all()
        if running is not None:
            running.token.cancel()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end after :meth:`close`."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=self._name, daemon=True
            )
            _at_exit(self)
            self._thread.start()

    def _run(self) -> None:
        _give_way()
        while (request := self._next()) is not None:
            try:
                request.token.raise_if_cancelled()
                result = request.work(request.token)
            except Cancelled:
                answer = None
            except Exception as error:
                _forget_locals(error)
                answer = _call(request.failed, error)
            else:
                answer = _call(request.done, result)
                del result
            with self._changed:
                self._running = None
                if request is self._idle:
                    # What was stopped for something else has its turn again.
                    again = request.token.cancelled
                    self._idle = self._renewed(request) if again else None
                # A cancelled request stays silent even if it had just finished.
                if answer is not None and not (request.token.cancelled or self._closed):
                    self._answers.append(answer)
                self._changed.notify_all()
                closed = self._closed
            del request, answer
            if not closed:
                self._wake()

    def _next(self) -> _Request | None:
        with self._changed:
            while True:
                if self._closed:
                    return None
                request = self._take()
                if request is not None:
                    self._running = request
                    return request
                self._changed.wait(self._until_idle())

    def _take(self) -> _Request | None:
        if self._queue:
            return self._queue.popleft()
        for lane in (Lane.ENCODE, Lane.HOVER):
            request = self._slots[lane]
            if request is not None:
                self._slots[lane] = None
                return request
        return self._idle if self._until_idle() == 0 else None

    def _until_idle(self) -> float | None:
        """Seconds until there is time for what is done when idle; None: nothing."""
        if self._idle is None:
            return None
        return max(self._idle_from - monotonic(), 0.0)

    @staticmethod
    def _renewed(request: _Request) -> _Request:
        return _Request(request.lane, request.work, request.done, request.failed)


def _call(function: Callable[[Any], None], value: Any) -> Callable[[], None]:
    return lambda: function(value)


def _forget_locals(error: BaseException | None) -> None:
    """Let go of what the failed calls held, an image say; their lines stay.

    A session keeps its last errors, and nobody knows how long a listener does.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _give_way() -> None:
    """Let the window have the processor first, where a thread can say so.

    On Linux, niceness belongs to a thread and is inherited by those that it
    starts, so it covers the threads of torch as well. On a machine with few
    cores the window would otherwise stutter while an image is encoded.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


def _at_exit(thread: RequestThread) -> None:
    """End the thread before the interpreter takes its libraries apart."""
    reference = weakref.ref(thread)

    def end() -> None:
        alive = reference()
        if alive is not None:
            alive.close()
            alive.join(timeout=5)

    atexit.register(end)
    weakref.finalize(thread, atexit.unregister, end)
