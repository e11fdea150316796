"""The order in which requests run, and which of them are answered."""

from __future__ import annotations

import threading
import traceback
import weakref
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.annotation.requests import Lane, RequestThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_sam2.engines.cancellation import CancelToken


@pytest.fixture
def thread() -> Iterator[RequestThreads]:
    thread = RequestThreads(lambda: None)
    yield thread
    thread.close()
    thread.join(10)


class Log:
    """Submits named requests, the first of which holds the thread up."""

    def __init__(self, thread: RequestThreads) -> None:
        self.thread = thread
        self.ran: list[str] = []
        self.answered: list[str] = []
        self.release = threading.Event()
        self.started = threading.Event()

    def submit(self, lane: Lane, name: str) -> None:
        self.thread.submit(lane, self._work(name), self.answered.append, self._failed)

    def hold(self, lane: Lane = Lane.QUEUE) -> None:
        def work(token: CancelToken) -> str:
            self.started.set()
            while not self.release.wait(0.005):
                token.raise_if_cancelled()
            return "held"

        self.thread.submit(lane, work, self.answered.append, self._failed)
        assert self.started.wait(10)

    def finish(self) -> None:
        self.release.set()
        while self.thread.busy:
            self.thread.wait_for_answer(10)
            self.thread.process()

    def _work(self, name: str) -> Callable[[CancelToken], str]:
        def work(_: CancelToken) -> str:
            self.ran.append(name)
            return name

        return work

    def _failed(self, error: Exception) -> None:
        self.answered.append(str(error))


def test_of_waiting_hovers_only_the_last_is_run(thread: RequestThreads) -> None:
    log = Log(thread)
    log.hold(Lane.HOVER)
    for number in range(100):
        log.submit(Lane.HOVER, f"hover {number}")
    log.finish()
    assert log.ran == ["hover 99"]


def test_clicks_all_run_in_order(thread: RequestThreads) -> None:
    log = Log(thread)
    log.hold()
    for number in range(5):
        log.submit(Lane.QUEUE, f"click {number}")
    log.finish()
    assert log.ran == [f"click {n}" for n in range(5)]
    assert log.answered == ["held", *log.ran]


@pytest.mark.parametrize("held", [Lane.QUEUE, Lane.ENCODE, Lane.IDLE])
def test_a_hover_waits_for_nothing_but_hovers(
    thread: RequestThreads, held: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 0.0)
    log = Log(thread)
    log.hold(held)
    log.submit(Lane.HOVER, "hover")
    while not log.answered:
        thread.wait_for_answer(10)
        thread.process()
    assert log.answered == ["hover"]
    log.finish()


def test_a_mouse_that_moves_on_and_on_does_not_hold_an_encode_up(
    thread: RequestThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("napari_sam2.annotation.requests.monotonic", lambda: clock[0])

    def slow(_: CancelToken) -> str:
        clock[0] += 100
        return "slow hover"

    log = Log(thread)
    log.hold(Lane.ENCODE)
    thread.submit(Lane.HOVER, slow, log.answered.append, log._failed)
    while not log.answered:
        thread.wait_for_answer(10)
        thread.process()
    log.submit(Lane.HOVER, "hover")
    log.finish()
    assert log.answered == ["slow hover", "held", "hover"]
    # Nobody has to wait where nothing is encoded.
    log.submit(Lane.HOVER, "another")
    log.finish()
    assert log.answered[-1] == "another"


def test_a_click_does_not_wait_for_an_encode(thread: RequestThreads) -> None:
    log = Log(thread)
    log.hold(Lane.ENCODE)
    log.submit(Lane.QUEUE, "click")
    while not log.answered:
        thread.wait_for_answer(10)
        thread.process()
    assert log.answered == ["click"]
    log.finish()
    # Nor does it take back what may be waited for.
    assert log.answered == ["click", "held"]


@given(lanes=st.lists(st.sampled_from(Lane), max_size=30), more=st.data())
@settings(deadline=None, max_examples=50)
def test_whatever_is_asked_for_is_answered_or_replaced(
    lanes: list[Lane], more: st.DataObject
) -> None:
    thread = RequestThreads(lambda: None)
    answered: list[tuple[Lane, int]] = []
    for number, lane in enumerate(lanes):
        if lane is not Lane.QUEUE and more.draw(st.booleans()):
            thread.cancel(lane)
        thread.submit(
            lane,
            lambda token, one=(lane, number): token.raise_if_cancelled() or one,
            answered.append,
            lambda error: pytest.fail(str(error)),
        )
    while thread.busy:
        thread.wait_for_answer(10)
        thread.process()
    for lane in (Lane.QUEUE, Lane.ENCODE, Lane.HOVER):
        asked = [(one, number) for number, one in enumerate(lanes) if one is lane]
        given = [one for one in answered if one[0] is lane]
        assert given == sorted(given, key=lambda one: one[1])
        assert given[-1:] == asked[-1:]
        if lane is Lane.QUEUE:
            assert given == asked
    thread.close()
    thread.join(10)


def test_a_newer_encode_cancels_the_one_that_runs(thread: RequestThreads) -> None:
    log = Log(thread)
    log.hold(Lane.ENCODE)
    log.submit(Lane.ENCODE, "newer")
    while thread.busy:
        thread.wait_for_answer(10)
        thread.process()
    assert log.answered == ["newer"]


def test_a_cancelled_request_is_not_answered(thread: RequestThreads) -> None:
    log = Log(thread)
    log.hold(Lane.ENCODE)
    thread.cancel(Lane.ENCODE)
    log.finish()
    assert log.answered == []


def test_a_failure_is_answered_and_the_thread_goes_on(thread: RequestThreads) -> None:
    log = Log(thread)

    def fail(_: CancelToken) -> str:
        raise ValueError("no")

    thread.submit(Lane.QUEUE, fail, log.answered.append, log._failed)
    log.submit(Lane.QUEUE, "next")
    log.finish()
    assert log.answered == ["no", "next"]


def test_a_failure_that_is_kept_keeps_nothing_else(thread: RequestThreads) -> None:
    class Image:
        pass

    images: list[weakref.ref[Image]] = []
    errors: list[Exception] = []

    def read() -> None:
        image = Image()
        images.append(weakref.ref(image))
        raise OSError("no")

    def work(_: CancelToken) -> None:
        try:
            read()
        except OSError as error:
            raise ValueError("cannot be read") from error

    thread.submit(Lane.QUEUE, work, lambda _: None, errors.append)
    while thread.busy:
        thread.wait_for_answer(10)
        thread.process()
    assert [str(error) for error in errors] == ["cannot be read"]
    assert images[0]() is None
    assert "in read" in "".join(traceback.format_exception(errors[0]))


def test_answers_are_handed_out_in_the_thread_that_processes() -> None:
    woken = threading.Event()
    thread = RequestThreads(woken.set)
    where: list[int] = []
    thread.submit(
        Lane.QUEUE,
        lambda _: threading.get_ident(),
        lambda ran_in: where.extend([ran_in, threading.get_ident()]),
        lambda _: None,
    )
    assert woken.wait(10)
    assert where == []
    thread.process()
    assert where[0] != threading.get_ident()
    assert where[1] == threading.get_ident()
    thread.close()
    thread.join(10)


def test_an_answer_that_fails_does_not_swallow_those_after_it() -> None:
    woken = threading.Event()
    thread = RequestThreads(woken.set)
    answered: list[str] = []

    def fail() -> None:
        raise ValueError("no")

    thread.post(fail)
    thread.post(lambda: answered.append("next"))
    woken.clear()
    with pytest.raises(ValueError, match="no"):
        thread.process()
    assert woken.is_set()
    thread.process()
    assert answered == ["next"]


def test_closing_stops_what_runs_and_answers_nothing_more(
    thread: RequestThreads,
) -> None:
    log = Log(thread)
    log.hold()
    log.submit(Lane.QUEUE, "click")
    thread.close()
    thread.join(10)
    thread.process()
    log.submit(Lane.QUEUE, "too late")
    assert log.ran == log.answered == []
    assert not thread.busy


def test_what_is_done_when_idle_makes_way_and_is_taken_up_again(
    thread: RequestThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 0.0)
    started, stopped, release = (threading.Event() for _ in range(3))
    answered: list[str] = []

    def work(token: CancelToken) -> str:
        started.set()
        while not release.wait(0.005):
            if token.cancelled:
                stopped.set()
            token.raise_if_cancelled()
        return "idle"

    def failed(error: Exception) -> None:
        raise error

    thread.submit(Lane.IDLE, work, answered.append, failed)
    assert started.wait(10)
    assert not thread.busy
    started.clear()
    thread.submit(Lane.HOVER, lambda _: "hover", answered.append, failed)
    while not answered:
        thread.wait_for_answer(10)
        thread.process()
    assert stopped.wait(10)
    assert started.wait(10)
    thread.submit(Lane.QUEUE, lambda _: "click", answered.append, failed)
    release.set()
    while len(answered) < 3:
        thread.wait_for_answer(0.05)
        thread.process()
    assert answered == ["hover", "click", "idle"]


def test_nothing_is_done_when_idle_after_it_was_taken_back(
    thread: RequestThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 1e9)
    log = Log(thread)
    log.submit(Lane.IDLE, "idle")
    thread.cancel(Lane.IDLE)
    monkeypatch.setattr("napari_sam2.annotation.requests._IDLE_AFTER", 0.0)
    log.submit(Lane.QUEUE, "click")
    log.finish()
    log.submit(Lane.HOVER, "hover")
    log.finish()
    assert log.ran == ["click", "hover"]
