"""Getting weights: resumable, verified, and under their name only when whole.

Data goes into ``<name>.part`` beside the target. Whatever ends a download (a
cancellation, the network, a full disk, a crash), the next one goes on from
there. That the rest belongs to the beginning is not asked of the server: the
SHA-256 of the whole file decides, and a file that fails it is thrown away.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from napari_sam2.errors import DownloadError, NotDownloadedError
from napari_sam2.models.catalog import is_available, weights_path
from napari_sam2.models.checksum import file_sha256
from napari_sam2.models.transfer import Interrupted, Refused, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_sam2.models.catalog import ModelSpec
    from napari_sam2.models.transfer import Cancel

    Progress = Callable[[int, int], None]

__all__ = ["download"]

_REPORT_SECONDS = 0.05


def download(
    spec: ModelSpec,
    *,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download the weights of a model, unless they are here already.

    Parameters
    ----------
    spec : ModelSpec
        Model with an address, a size and a SHA-256.
    cancel : Cancel, optional
        Token with ``cancelled`` and ``raise_if_cancelled()``; obeyed within 0.2 s,
        even while the server is silent. What has arrived is kept.
    progress : callable, optional
        Called with the bytes that are there and the bytes in all, at most some
        twenty times a second, in the calling thread.
    timeout : float
        Seconds without a byte after which the server is given up.

    Returns
    -------
    Path
        The verified file.

    Raises
    ------
    DownloadError
        If the network, the server, the disk or the checksum fails.
    NotDownloadedError
        If the model is not one that can be downloaded.
    Cancelled
        From ``cancel``.
    """
    if is_available(spec):
        return weights_path(spec)
    return _Download(spec, cancel, progress, timeout).run()


class _Download:
    """One call of :func:`download`."""

    def __init__(
        self,
        spec: ModelSpec,
        cancel: Cancel | None,
        progress: Progress | None,
        timeout: float,
    ) -> None:
        if spec.url is None or spec.size is None or spec.sha256 is None:
            msg = f"{spec.title} cannot be downloaded; its file has to be here."
            raise NotDownloadedError(msg)
        self.spec = spec
        self.url = spec.url
        self.size = spec.size
        self.sha256 = spec.sha256
        self.cancel = cancel
        self.progress = progress
        self.timeout = timeout
        self.target = weights_path(spec)
        self.part = self.target.with_name(self.target.name + ".part")
        self._reported = 0.0

    def run(self) -> Path:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                # Another process may have finished it while this one waited.
                if not is_available(self.spec):
                    self._check_space()
                    self._fetch_verified()
        except (Interrupted, Refused) as error:
            raise self._failed(str(error)) from error
        except OSError as error:
            if isinstance(error, DownloadError):
                raise
            raise self._failed(self._disk_in_words(error)) from error
        return self.target

    def _failed(self, reason: str) -> DownloadError:
        kept = "What has arrived is kept: try again to go on from there."
        return DownloadError(
            f"{self.spec.title} could not be downloaded: {reason}. "
            f"{kept + ' ' if self._have() else ''}"
            f"You can also get {self.url} in another way and save it as {self.target}."
        )

    # -- one process at a time ----------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process downloads the same file.

        The operating system drops the lock of a process that dies.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.target.with_name(f".{self.target.name}.lock"))
        while True:
            self._raise_if_cancelled()
            try:
                lock.acquire(timeout=0.1, poll_interval=0.05)
            except Timeout:
                self._report(self._have())
            except NotImplementedError:
                # A file system without locks: better unguarded than not at all.
                break
            else:
                break
        try:
            yield
        finally:
            lock.release()

    # -- the file -------------------------------------------------------------

    def _fetch_verified(self) -> None:
        if self._have() > self.size:
            self.part.unlink()
        resumed = self._have() > 0
        self._fetch()
        right = self._keep_if_right()
        if not right and resumed:
            # The beginning is of an earlier time; perhaps only that was wrong.
            self._fetch()
            right = self._keep_if_right()
        if not right:
            raise self._wrong("arrived damaged (its checksum is wrong) and was deleted")
        with self.part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(self.part, self.target)
        _sync_folder(self.target.parent)

    def _fetch(self) -> None:
        """Complete the part file, as long as every attempt brings something."""
        while (before := self._have()) < self.size:
            try:
                self._attempt(before)
            except Interrupted:
                if self._have() <= before:
                    raise
                self._pause(0.5)
        self._report(self.size, always=True)

    def _attempt(self, offset: int) -> None:
        self._report(offset, always=True)
        with Transfer(
            self.url, offset, cancel=self.cancel, timeout=self.timeout
        ) as transfer:
            answer = transfer.answer
            if answer.total is not None and answer.total != self.size:
                raise self._wrong(
                    f"has changed on the server: it has {answer.total} bytes instead "
                    f"of {self.size}"
                )
            if answer.start not in (0, offset):
                raise Refused("the server sent another part of the file than asked for")
            # A server that cannot resume sends everything again.
            with self.part.open("ab" if answer.start else "wb") as file:
                have = answer.start
                for chunk in transfer:
                    have += len(chunk)
                    if have > self.size:
                        raise self._wrong(
                            f"has changed on the server: it is longer than {self.size} "
                            "bytes"
                        )
                    file.write(chunk)
                    self._report(have)
        if have < self.size:
            raise Interrupted("the server ended the connection too early")

    def _wrong(self, what: str) -> DownloadError:
        return DownloadError(
            f"The file of {self.spec.title} {what}. Try again; if that does not help, "
            "update napari-sam2 or choose another model."
        )

    def _keep_if_right(self) -> bool:
        found = file_sha256(self.part, between=self._raise_if_cancelled)
        if found != self.sha256:
            self.part.unlink()
        return found == self.sha256

    def _have(self) -> int:
        try:
            return self.part.stat().st_size
        except OSError:
            return 0

    # -- the disk -------------------------------------------------------------

    def _check_space(self) -> None:
        needed = self.size - min(self._have(), self.size)
        free = shutil.disk_usage(self.target.parent).free
        if free < needed:
            msg = (
                f"{self.spec.title} needs {_megabytes(needed)} in "
                f"{self.target.parent}, and only {_megabytes(free)} are free. Free "
                "some space, or set NAPARI_SAM2_HOME to a folder on another disk."
            )
            raise DownloadError(msg)

    def _disk_in_words(self, error: OSError) -> str:
        folder = self.target.parent
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
            return f"the disk of {folder} is full. Free some space"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"{folder} cannot be written ({error.strerror})"
        return f"{folder}: {error}"

    # -- the caller -----------------------------------------------------------

    def _report(self, have: int, *, always: bool = False) -> None:
        now = time.monotonic()
        if self.progress is not None and (
            always or now - self._reported >= _REPORT_SECONDS
        ):
            self._reported = now
            self.progress(min(have, self.size), self.size)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._raise_if_cancelled()
            time.sleep(0.05)

    def _raise_if_cancelled(self) -> None:
        if self.cancel is not None:
            self.cancel.raise_if_cancelled()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _sync_folder(folder: Path) -> None:
    """Make the new name last; not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
