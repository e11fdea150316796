from __future__ import annotations

import errno
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_sam2.engines.cancellation import CancelToken
from napari_sam2.errors import Cancelled, DownloadError, NotDownloadedError
from napari_sam2.models.catalog import CATALOG, is_available, weights_path
from napari_sam2.models.download import download

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sam2.models.catalog import ModelSpec
    from tests.models.server import FileServer


def part_of(spec: ModelSpec) -> Path:
    target = weights_path(spec)
    return target.with_name(target.name + ".part")


def write_part(spec: ModelSpec, content: bytes) -> None:
    part_of(spec).parent.mkdir(parents=True)
    part_of(spec).write_bytes(content)


def content_of(server: FileServer) -> bytes:
    assert isinstance(server.content, bytes)
    return server.content


def test_file_appears_under_its_name_only_when_whole(
    spec: ModelSpec, server: FileServer
) -> None:
    seen = []

    def progress(have: int, total: int) -> None:
        assert not weights_path(spec).exists()
        seen.append((have, total))

    path = download(spec, progress=progress)

    assert path == weights_path(spec)
    assert path.read_bytes() == server.content
    assert is_available(spec)
    assert not part_of(spec).exists()
    assert seen[0] == (0, spec.size)
    assert seen[-1] == (spec.size, spec.size)
    assert seen == sorted(seen)


def test_what_is_here_is_not_downloaded_again(
    spec: ModelSpec, server: FileServer
) -> None:
    download(spec)
    download(spec)
    assert len(server.requested) == 1


def test_connection_that_breaks_off_is_resumed(
    spec: ModelSpec, server: FileServer
) -> None:
    server.cut_after = 400_000
    path = download(spec)
    assert path.read_bytes() == server.content
    assert server.requested[0] == 0
    assert len(server.requested) >= 3
    assert all(a < b for a, b in pairwise(server.requested))


class CancelAt:
    """Cancels once so many bytes have arrived."""

    def __init__(self, part: Path, size: int) -> None:
        self.part = part
        self.size = size

    @property
    def cancelled(self) -> bool:
        return self.part.exists() and self.part.stat().st_size >= self.size

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled


def test_cancelled_download_goes_on_where_it_was(
    spec: ModelSpec, server: FileServer
) -> None:
    with pytest.raises(Cancelled):
        download(spec, cancel=CancelAt(part_of(spec), 300_000))
    have = part_of(spec).stat().st_size
    assert 300_000 <= have < 1_000_000
    assert not is_available(spec)

    seen: list[int] = []
    path = download(spec, progress=lambda have, _: seen.append(have))
    assert path.read_bytes() == server.content
    assert server.requested == [0, have]
    assert seen[0] == have


@pytest.mark.parametrize("stall_after", [-1, 300_000], ids=["answer", "data"])
def test_cancelling_does_not_wait_for_a_silent_server(
    spec: ModelSpec, server: FileServer, stall_after: int
) -> None:
    server.stall_after = stall_after
    cancel = CancelToken()
    cancelled_at = 0.0

    def cancel_when_silent() -> None:
        nonlocal cancelled_at
        assert server.stalling.wait(10)
        cancelled_at = time.monotonic()
        cancel.cancel()

    thread = threading.Thread(target=cancel_when_silent)
    thread.start()
    with pytest.raises(Cancelled):
        download(spec, cancel=cancel)
    took = time.monotonic() - cancelled_at
    thread.join()
    assert took <= 0.2
    if stall_after > 0:
        # Nothing is left behind that waits for the server.
        for left in threading.enumerate():
            if left.name == "napari-sam2-download":
                left.join(timeout=5)
                assert not left.is_alive()


def test_cancelling_does_not_wait_for_a_name_server(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> None:
        asked.set()
        answer.wait()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    class CancelWhenAsked:
        @property
        def cancelled(self) -> bool:
            return asked.is_set()

        def raise_if_cancelled(self) -> None:
            if self.cancelled:
                raise Cancelled

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Cancelled):
        download(
            replace(spec, url="http://weights.example/weights.pt"),
            cancel=CancelWhenAsked(),
        )
    answer.set()


def test_cancelled_before_the_start_asks_nobody(
    spec: ModelSpec, server: FileServer
) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        download(spec, cancel=cancel)
    assert server.requested == []


def test_server_that_cannot_resume_sends_everything_again(
    spec: ModelSpec, server: FileServer
) -> None:
    write_part(spec, content_of(server)[:1000])
    server.ranges = False
    assert download(spec).read_bytes() == server.content


def test_server_that_never_gets_to_the_end_is_given_up(
    spec: ModelSpec, server: FileServer
) -> None:
    server.ranges = False
    server.cut_after = 400_000
    with pytest.raises(DownloadError, match=r"broke off.*is kept"):
        download(spec)
    assert not weights_path(spec).exists()


def test_complete_part_is_verified_without_a_server(
    spec: ModelSpec, server: FileServer
) -> None:
    write_part(spec, content_of(server))
    assert download(spec).read_bytes() == server.content
    assert server.requested == []


@pytest.mark.parametrize("size", [1000, 1_000_000, 2_000_000])
def test_part_of_another_file_is_thrown_away(
    spec: ModelSpec, server: FileServer, size: int
) -> None:
    write_part(spec, b"x" * size)
    assert download(spec).read_bytes() == server.content
    assert server.requested[-1] == 0


def test_wrong_bytes_are_not_kept(spec: ModelSpec, server: FileServer) -> None:
    server.content = random.Random(1).randbytes(1_000_000)
    with pytest.raises(DownloadError, match="checksum is wrong"):
        download(spec)
    assert not weights_path(spec).exists()
    assert not part_of(spec).exists()
    assert server.requested == [0]


@pytest.mark.parametrize("size", [10, 2_000_000])
@pytest.mark.parametrize("begun", [False, True])
def test_file_of_another_size_is_refused_at_once(
    spec: ModelSpec, server: FileServer, size: int, begun: bool
) -> None:
    if begun:
        write_part(spec, content_of(server)[:5])
    server.content = bytes(size)
    with pytest.raises(DownloadError, match="has changed on the server"):
        download(spec)
    assert not weights_path(spec).exists()


def test_file_of_the_wrong_size_under_the_name_is_replaced(
    spec: ModelSpec, server: FileServer
) -> None:
    path = weights_path(spec)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off")
    assert download(spec).read_bytes() == server.content


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "does not have the file any more"),
        (403, "does not allow"),
        (416, "shorter than it should be"),
        (418, "HTTP 418"),
        (503, "busy or down"),
    ],
)
def test_answers_of_the_server_in_words(
    spec: ModelSpec, server: FileServer, status: int, words: str
) -> None:
    write_part(spec, content_of(server)[:1000])
    server.status = status
    with pytest.raises(DownloadError, match=words) as caught:
        download(spec)
    assert str(weights_path(spec)) in str(caught.value)
    assert part_of(spec).stat().st_size == 1000


def test_login_page_is_not_taken_for_a_model(
    spec: ModelSpec, server: FileServer
) -> None:
    server.content_type = "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="login"):
        download(spec)
    assert not part_of(spec).exists()


def test_no_server(spec: ModelSpec, server: FileServer) -> None:
    write_part(spec, content_of(server)[:1000])
    server.close()
    with pytest.raises(DownloadError, match=r"no connection.*Check the network.*kept"):
        download(spec)
    assert part_of(spec).stat().st_size == 1000


def test_no_name_server(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(DownloadError, match=r"no connection to weights\.example"):
        download(replace(spec, url="http://weights.example/weights.pt"))


@pytest.mark.parametrize("stall_after", [-1, 0], ids=["answer", "data"])
def test_silent_server_is_given_up(
    spec: ModelSpec, server: FileServer, stall_after: int
) -> None:
    server.stall_after = stall_after
    with pytest.raises(DownloadError, match="did not answer"):
        download(spec, timeout=0.3)


def test_address_that_is_none(spec: ModelSpec) -> None:
    with pytest.raises(DownloadError, match="not an address"):
        download(replace(spec, url="nowhere/weights.pt"))


def test_disk_that_is_too_small_is_told_before(
    spec: ModelSpec, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10, 5, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match=r"needs 1 MB .* NAPARI_SAM2_HOME"):
        download(spec)
    assert server.requested == []


def test_disk_that_fills_up(
    spec: ModelSpec, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk(room=200_000)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", disk.opener(Path.open))
        with pytest.raises(DownloadError, match=r"is full\. Free some space.*kept"):
            download(spec)
    assert not weights_path(spec).exists()

    assert download(spec).read_bytes() == server.content
    assert server.requested[-1] > 0


class SmallDisk:
    """Takes so many bytes, and then says what a full disk says."""

    def __init__(self, room: int) -> None:
        self.room = room

    def opener(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def open_(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            file = real(path, mode, *args, **kwargs)
            if mode in ("wb", "ab"):
                file = _Limited(file, self)
            return file

        return open_


class _Limited:
    def __init__(self, file: Any, disk: SmallDisk) -> None:
        self._file = file
        self._disk = disk

    def __enter__(self) -> _Limited:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> None:
        self._disk.room -= len(chunk)
        if self._disk.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.write(chunk)


def test_folder_that_cannot_be_made(
    spec: ModelSpec, home: Path, server: FileServer
) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="could not be downloaded"):
        download(spec)
    assert server.requested == []


def test_two_downloads_of_one_file_share_the_work(
    spec: ModelSpec, server: FileServer
) -> None:
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(download, [spec, spec]))
    assert paths == [weights_path(spec)] * 2
    assert paths[0].read_bytes() == server.content
    assert len(server.requested) == 1


def test_another_process_is_waited_for_until_it_ends(
    spec: ModelSpec, server: FileServer
) -> None:
    target = weights_path(spec)
    target.parent.mkdir(parents=True)
    lock = target.with_name(f".{target.name}.lock")
    hold = (
        "import sys, filelock\n"
        "filelock.FileLock(sys.argv[1]).acquire()\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"

        def progress(have: int, total: int) -> None:
            if other.poll() is None:
                assert server.requested == []
                other.kill()
                other.wait()

        assert download(spec, progress=progress).read_bytes() == server.content


def test_model_without_an_address_cannot_be_downloaded(spec: ModelSpec) -> None:
    missing = replace(CATALOG["starter"], weights=weights_path(spec))
    with pytest.raises(NotDownloadedError, match="cannot be downloaded"):
        download(missing)
