"""A file server that misbehaves on demand."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 16 << 10


@dataclass
class FileServer:
    """Serves one file at every path.

    Attributes
    ----------
    content : bytes or Path
        What is served.
    ranges : bool
        Whether it can resume.
    status : int
        Other than 200: an answer without the file.
    content_type : str
        As the header says.
    cut_after : int or None
        Bytes after which every answer breaks off.
    stall_after : int or None
        Bytes after which an answer goes silent; -1: before the headers.
    requested : list of int
        Where each request wanted the file to start.
    """

    content: bytes | Path = b""
    ranges: bool = True
    status: int = 200
    content_type: str = "application/octet-stream"
    cut_after: int | None = None
    stall_after: int | None = None
    requested: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stalling = threading.Event()
        self._closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.files = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/weights.pt"

    def stall(self) -> None:
        self.stalling.set()
        self._closing.wait()

    def close(self) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    files: FileServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        files = cast("_Http", self.server).files
        content = files.content
        if not isinstance(content, bytes):
            content = content.read_bytes()
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        files.requested.append(start)
        if files.stall_after == -1:
            files.stall()
            return
        status = files.status
        if not files.ranges:
            start = 0
        elif asked and status == 200:
            status = 206
        self.send_response(status)
        self.send_header("Content-Type", files.content_type)
        if status == 206:
            total = len(content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if status not in (200, 206):
            content, start = b"No.", 0
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self._send(content[start:], files)

    def _send(self, content: bytes, files: FileServer) -> None:
        if files.cut_after is not None:
            content = content[: files.cut_after]
        for begin in range(0, len(content), _BLOCK):
            if files.stall_after is not None and begin >= files.stall_after:
                files.stall()
                return
            self.wfile.write(content[begin : begin + _BLOCK])
