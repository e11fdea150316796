"""Threads that compute, so that the one with the window never does.

Requests come in lanes. The *queue* is first in, first out, and nothing in it is ever
dropped: clicks, models to load. The *encode* and *hover* lanes hold one request each; a
newer one replaces the one that waits, and a newer encode cancels the one that runs. The
*idle* lane holds one request, too, which is run when nobody has asked for anything for
a while; whatever is asked for then stops it, and later it is run again.

An encode takes a second, a click or a hover a few milliseconds: each of these lanes has
a thread of its own, so that the mouse is answered on the view that is there while the
next one is on its way; but a mouse that moves on and on leaves the encode half of the
time. Answers wait until the session's own thread calls
:meth:`RequestThreads.process`.
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

__all__ = ["Lane", "RequestThreads"]


class Lane(Enum):
    """Where a request waits."""

    QUEUE = "queue"
    ENCODE = "encode"
    HOVER = "hover"
    IDLE = "idle"


# Lanes that share a thread: what is encoded when idle makes way for what is looked at.
_WORKERS = ((Lane.QUEUE,), (Lane.ENCODE, Lane.IDLE), (Lane.HOVER,))

# On few cores, a mask under the mouse comes before a view that is on its way.
_NICENESS = {Lane.QUEUE: 5, Lane.ENCODE: 10, Lane.HOVER: 5}

# Seconds without a request after which there is time for the idle lane.
_IDLE_AFTER = 0.3


@dataclass(eq=False)
class _Request:
    lane: Lane
    work: Callable[[CancelToken], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    token: CancelToken = field(default_factory=CancelToken)


class _Worker:
    """A thread, once there is something to do, and what it runs."""

    def __init__(self, lanes: tuple[Lane, ...], lock: threading.RLock) -> None:
        self.lanes = lanes
        self.called = threading.Condition(lock)
        self.thread: threading.Thread | None = None
        self.running: _Request | None = None
        # Until when others have the processor, should they need it.
        self.pauses_until = 0.0


class RequestThreads:
    """Runs requests, those of a lane one at a time and in their order.

    Parameters
    ----------
    wake : callable
        Called whenever an answer waits, mostly in a computing thread; it must
        arrange that :meth:`process` is called in the session's own thread.
    name : str
        Of the threads.
    """

    def __init__(self, wake: Callable[[], None], name: str = "napari-sam2") -> None:
        self._wake = wake
        self._name = name
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._workers = [_Worker(lanes, lock) for lanes in _WORKERS]
        self._queue: deque[_Request] = deque()
        self._slots: dict[Lane, _Request | None] = {Lane.ENCODE: None, Lane.HOVER: None}
        self._idle: _Request | None = None
        self._idle_from = 0.0
        self._answers: deque[Callable[[], None]] = deque()
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
            self._idle_from = monotonic() + _IDLE_AFTER
            self._call(lane)
            in_the_way = self._running(Lane.IDLE)
            if lane is Lane.ENCODE:
                in_the_way += self._running(lane)
        for other in in_the_way:
            other.token.cancel()
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
            stopped = self._running(lane)
            self._changed.notify_all()
            if self._idle is not None:
                # It may be the only thing left to do.
                self._call(Lane.IDLE)
        for request in stopped:
            request.token.cancel()

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
        running = any(
            worker.running is not None and worker.running.lane is not Lane.IDLE
            for worker in self._workers
        )
        return bool(self._queue) or any(self._slots.values()) or running

    def _running(self, lane: Lane) -> list[_Request]:
        """What runs of a lane: one request or none."""
        found = (worker.running for worker in self._workers)
        return [one for one in found if one is not None and one.lane is lane]

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
            running = [worker.running for worker in self._workers]
            for worker in self._workers:
                worker.called.notify()
            self._changed.notify_all()
        for request in running:
            if request is not None:
                request.token.cancel()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the threads to end after :meth:`close`."""
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join(timeout)

    def _call(self, lane: Lane) -> None:
        """Wake the worker of a lane up; it comes into being with its first request."""
        if all(worker.thread is None for worker in self._workers):
            _at_exit(self)
        for worker in self._workers:
            if lane not in worker.lanes:
                continue
            if worker.thread is None:
                worker.thread = threading.Thread(
                    target=self._run, args=(worker,), name=self._name, daemon=True
                )
                worker.thread.start()
            worker.called.notify()

    def _run(self, worker: _Worker) -> None:
        _give_way(_NICENESS[worker.lanes[0]])
        while (request := self._next(worker)) is not None:
            start = monotonic()
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
                worker.running = None
                worker.pauses_until = 2 * monotonic() - start
                if request is self._idle:
                    # What was stopped for something else has its turn again.
                    again = request.token.cancelled
                    self._idle = self._renewed(request) if again else None
                # A cancelled request stays silent even if it had just finished.
                if answer is not None and not (request.token.cancelled or self._closed):
                    self._answers.append(answer)
                self._changed.notify_all()
                if self._idle is not None:
                    self._call(Lane.IDLE)
                if self._slots[Lane.HOVER] is not None:
                    self._call(Lane.HOVER)
                closed = self._closed
            del request, answer
            if not closed:
                self._wake()

    def _next(self, worker: _Worker) -> _Request | None:
        with self._changed:
            while True:
                if self._closed:
                    return None
                request = self._take(worker)
                if request is not None:
                    worker.running = request
                    return request
                if Lane.IDLE in worker.lanes:
                    patience = self._until_idle()
                elif self._slots.get(worker.lanes[0]) is not None:
                    patience = max(worker.pauses_until - monotonic(), 0.0)
                else:
                    patience = None
                worker.called.wait(patience)

    def _take(self, worker: _Worker) -> _Request | None:
        for lane in worker.lanes:
            if lane is Lane.QUEUE:
                request = self._queue.popleft() if self._queue else None
            elif lane is Lane.IDLE:
                request = self._idle if self._until_idle() == 0 else None
            elif lane is Lane.HOVER and self._gives_way(worker):
                request = None
            else:
                request, self._slots[lane] = self._slots[lane], None
            if request is not None:
                return request
        return None

    def _gives_way(self, worker: _Worker) -> bool:
        """Whether an encode is to go on for as long as the last mask took."""
        return bool(self._running(Lane.ENCODE)) and monotonic() < worker.pauses_until

    def _until_idle(self) -> float | None:
        """Seconds until there is time for what is done when idle.

        None: nothing is to be done, or not before something else is.
        """
        if self._idle is None or self._at_work:
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


def _give_way(niceness: int) -> None:
    """Let the window have the processor first, where a thread can say so.

    On Linux, niceness belongs to a thread and is inherited by those that it
    starts, so it covers the threads of torch as well. On a machine with few
    cores the window would otherwise stutter while an image is encoded.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def _at_exit(threads: RequestThreads) -> None:
    """End the threads before the interpreter takes its libraries apart."""
    reference = weakref.ref(threads)

    def end() -> None:
        alive = reference()
        if alive is not None:
            alive.close()
            alive.join(timeout=5)

    atexit.register(end)
    weakref.finalize(threads, atexit.unregister, end)
