"""An append-only file of JSON lines, each with a checksum.

A line is handed to the operating system in one ``write`` before
:meth:`JournalWriter.append` returns, so it outlives the process however that ends.
It reaches the disk a moment later, synced by a thread, so a power cut costs the
last moment at most. A line that was torn or damaged costs itself only.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_sam2.annotation.locking import is_locked, lock, unlock
from napari_sam2.annotation.syncing import close_soon, sync_soon
from napari_sam2.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "JournalContent", "JournalWriter", "is_open", "read_journal"]

FORMAT = 1
"""Version of the format; readers refuse later ones."""

_Record = dict[str, Any]

_CRC = ',"crc":"00000000"}\n'


class JournalWriter:
    """Appends records to a journal that nobody else can write to.

    Parameters
    ----------
    path : Path
        Of the journal, in a folder that exists or can be made.
    mine : bool
        Whether it must not exist yet.

    Raises
    ------
    JournalError
        If it cannot be written, or somebody else is writing to it.
    """

    def __init__(self, path: Path, *, mine: bool = True) -> None:
        self.path = path
        self._torn = False
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, flags | (os.O_EXCL if mine else 0), 0o644)
        except OSError as error:
            raise _failed(path, error) from error
        if not lock(self._descriptor):
            os.close(self._descriptor)
            raise JournalError(
                f"{path} is being written by another window: close that first."
            )
        if not mine:
            self._mend()

    def append(self, record: _Record) -> None:
        """Write a record; once this returns, the operating system has it.

        Raises
        ------
        JournalError
            If it could not be written. The next one is tried all the same.
        """
        line = _line(record)
        if self._torn:
            # What is left of the last line must not spoil this one.
            line = b"\n" + line
        self._torn = True
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            raise _failed(self.path, error) from error
        self._torn = False
        sync_soon(self._descriptor)

    def _mend(self) -> None:
        """Take away what somebody wrote who died in the middle of a line."""
        with self.path.open("rb") as file:
            last = b""
            for last in file:  # noqa: B007 - the last one is wanted
                pass
            length = file.tell()
        if last and not last.endswith(b"\n"):
            if _record(last) is None:
                os.truncate(self.path, length - len(last))
            else:
                self._torn = True

    def close(self) -> None:
        """Let others write; what was written is synced in the background."""
        if self._descriptor >= 0:
            unlock(self._descriptor)
            close_soon(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True)
class JournalContent:
    """What a journal holds.

    Attributes
    ----------
    records : tuple of dict
        Every record that is whole, the header first.
    lines : tuple of int
        Their line numbers, from 1.
    damaged : tuple of int
        Numbers of the lines, from 1, that are not. A torn last line is not one of
        them: it was never acknowledged.
    """

    records: tuple[_Record, ...]
    lines: tuple[int, ...]
    damaged: tuple[int, ...]

    @property
    def header(self) -> _Record:
        """Of which image and labels it is."""
        return self.records[0]


def read_journal(path: Path, *, header_only: bool = False) -> JournalContent:
    """Read a journal, whatever has happened to it.

    Parameters
    ----------
    path : Path
        Of the journal; somebody may be writing to it.
    header_only : bool
        Read the first record only.

    Raises
    ------
    JournalError
        If it cannot be read, is no journal, or a later version's.
    """
    records, lines, damaged, number = [], [], [], 0
    last_is_whole = True
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                last_is_whole = line.endswith(b"\n")
                record = _record(line)
                if record is not None:
                    records.append(record)
                    lines.append(number)
                elif line.strip():
                    damaged.append(number)
                if header_only:
                    break
    except OSError as error:
        raise JournalError(
            f"{path} could not be read ({error}). Check that the disk is there."
        ) from error
    if damaged and damaged[-1] == number and not last_is_whole:
        damaged.pop()
    if not records or records[0].get("do") != "open":
        raise JournalError(
            f"{path} is not a session of napari-sam2, or its first line is damaged."
        )
    if records[0]["format"] > FORMAT:
        raise JournalError(
            f"{path} was written by napari-sam2 {records[0].get('package', '?')}: "
            "update napari-sam2 to read it."
        )
    return JournalContent(tuple(records), tuple(lines), tuple(damaged))


def is_open(path: Path) -> bool:
    """Whether somebody is writing to a journal now, in this process or another."""
    try:
        return is_locked(path)
    except OSError:
        # On a disk that cannot be written, nobody writes.
        return False


def _line(record: _Record) -> bytes:
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    body = text[:-1].encode()
    return body + f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode("ascii")


def _record(line: bytes) -> _Record | None:
    """Return the record of a line; None if it is not whole.

    All that may be missing is the end of the line.
    """
    if not line.endswith(b"\n"):
        line += b"\n"
    body, end = line[: -len(_CRC)], line[-len(_CRC) :]
    if end != f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode("ascii"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _failed(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"The session is not being recorded: {path} could not be written ({error}). "
        "Your labels are as they should be; save them. Free some space, or choose "
        "another folder with NAPARI_SAM2_HOME."
    )
