"""Bytes from a server, with a wait that can be cancelled at any time."""

from __future__ import annotations

import queue
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

__all__ = ["Answer", "Cancel", "Interrupted", "Refused", "Transfer"]

_CHUNK = 64 << 10
_LOOK_SECONDS = 0.05


class Cancel(Protocol):
    """What is asked of a cancellation token."""

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the work to stop."""

    def raise_if_cancelled(self) -> None:
        """Raise :class:`napari_sam2.errors.Cancelled` if so."""


class Interrupted(Exception):
    """The connection failed or broke off; trying again may help."""


class Refused(Exception):
    """The server answered, and does not give the file."""


@dataclass(frozen=True)
class Answer:
    """What the server says before it sends the file.

    Attributes
    ----------
    start : int
        Position in the file of the first byte that follows.
    total : int or None
        Size of the whole file in bytes, if the server tells.
    """

    start: int
    total: int | None


class Transfer:
    """One request for the rest of a file.

    The request runs in a thread of its own. Waiting for a name server, for a
    connection or for data cannot be interrupted in Python, but waiting for that
    thread can: whoever cancels goes on at once, and the thread ends as soon as
    it notices.

    Parameters
    ----------
    url : str
        Address of the file.
    offset : int
        Bytes that are there already.
    cancel : Cancel, optional
        Looked at several times a second.
    timeout : float
        Seconds without a byte after which the server is given up.

    Attributes
    ----------
    answer : Answer
        Known once the context has been entered.

    Raises
    ------
    Interrupted
        On entering, or while iterating, if the network fails.
    Refused
        On entering, if the server does not give the file.
    Cancelled
        From ``cancel``, on entering or while iterating.
    """

    answer: Answer

    def __init__(
        self, url: str, offset: int, *, cancel: Cancel | None, timeout: float
    ) -> None:
        self._url = url
        self._offset = offset
        self._cancel = cancel
        self._timeout = timeout
        # Bounded, so that a slow disk slows down the network and not the memory.
        self._items: queue.Queue[Answer | bytes | Exception | None] = queue.Queue(64)
        self._stopped = threading.Event()
        self._response: requests.Response | None = None

    def __enter__(self) -> Transfer:
        threading.Thread(
            target=self._run, name="napari-sam2-download", daemon=True
        ).start()
        try:
            answer = self._next()
        except BaseException:
            self._stop()
            raise
        assert isinstance(answer, Answer)
        self.answer = answer
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def __iter__(self) -> Iterator[bytes]:
        while (item := self._next()) is not None:
            assert isinstance(item, bytes)
            yield item

    def _next(self) -> Answer | bytes | None:
        while True:
            if self._cancel is not None:
                self._cancel.raise_if_cancelled()
            try:
                item = self._items.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, Exception):
                raise item
            return item

    def _stop(self) -> None:
        self._stopped.set()
        # Wakes a thread that waits for data (urllib3 2.3 and later; otherwise it
        # ends with the timeout).
        raw = getattr(self._response, "raw", None)
        shutdown = getattr(raw, "shutdown", None)
        if callable(shutdown):
            # The connection may have ended by itself in the meantime.
            with suppress(Exception):
                shutdown()

    # -- in the thread ------------------------------------------------------

    def _run(self) -> None:
        try:
            self._request()
        except (Interrupted, Refused) as error:
            self._put(error)
        except Exception as error:
            self._put(_in_words(error, self._url, self._timeout))
        else:
            self._put(None)

    def _request(self) -> None:
        import requests

        # Compressed content would make positions in the file meaningless.
        headers = {"Accept-Encoding": "identity"}
        if self._offset:
            headers["Range"] = f"bytes={self._offset}-"
        with (
            requests.Session() as session,
            session.get(
                self._url,
                headers=headers,
                stream=True,
                timeout=(min(10.0, self._timeout), self._timeout),
            ) as response,
        ):
            self._response = response
            answer = _answer(response.status_code, response.headers, self._url)
            wanted = self._put(answer)
            chunks = response.iter_content(_CHUNK)
            while wanted and (chunk := next(chunks, None)) is not None:
                wanted = self._put(chunk)

    def _put(self, item: Answer | bytes | Exception | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._items.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False


def _answer(status: int, headers: Mapping[str, str], url: str) -> Answer:
    host = urlsplit(url).hostname or url
    if status == 206:
        pattern = r"bytes\s+(\d+)-\d*/(\d+|\*)"
        match = re.match(pattern, headers.get("Content-Range", ""))
        if match is None:
            raise Refused(f"{host} sent a part of the file without saying which")
        total = match.group(2)
        return Answer(int(match.group(1)), None if total == "*" else int(total))
    if status == 200:
        if headers.get("Content-Type", "").startswith("text/html"):
            raise Refused(
                f"{host} sent a web page instead of the file. Does this network ask "
                "for a login in the browser?"
            )
        length = headers.get("Content-Length", "")
        return Answer(0, int(length) if length.isdigit() else None)
    if status == 429 or status >= 500:
        raise Interrupted(f"{host} is busy or down (HTTP {status})")
    if status in (401, 403, 407):
        raise Refused(f"{host} does not allow the download (HTTP {status})")
    if status in (404, 410):
        raise Refused(f"{host} does not have the file any more (HTTP {status})")
    if status == 416:
        raise Refused(f"the file on {host} is shorter than it should be")
    raise Refused(f"{host} answered with HTTP {status}")


def _in_words(error: Exception, url: str, timeout: float) -> Exception:
    import requests
    from urllib3.exceptions import ReadTimeoutError

    host = urlsplit(url).hostname or url
    stalled = isinstance(error, requests.Timeout) or (
        # What requests makes of a timeout in the middle of the file.
        isinstance(error, requests.ConnectionError)
        and any(isinstance(arg, ReadTimeoutError) for arg in error.args)
    )
    text = f"the connection to {host} broke off"
    kind: type[Exception] = Interrupted
    if stalled:
        text = f"{host} did not answer for {timeout:.0f} s"
    elif isinstance(error, requests.exceptions.SSLError):
        text = (
            f"the certificate of {host} cannot be trusted. Check the date of this "
            "computer, and whether its network needs a certificate of its own"
        )
        kind = Refused
    elif isinstance(error, requests.exceptions.ProxyError):
        text = f"the proxy does not connect to {host}. Check the proxy settings"
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        pass
    elif isinstance(error, requests.ConnectionError):
        text = f"there is no connection to {host}. Check the network"
    elif isinstance(error, ValueError):
        text = f"{url} is not an address that can be downloaded"
        kind = Refused
    result = kind(text)
    result.__cause__ = error
    return result
