"""Journals survive everything, and lose nothing but what is damaged."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.annotation.journal import (
    FORMAT,
    JournalWriter,
    is_open,
    read_journal,
)
from napari_sam2.annotation.syncing import flush
from napari_sam2.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPEN = {"do": "open", "format": FORMAT}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "one.sam2.jsonl"


@pytest.fixture
def writer(path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(path)
    writer.append(_OPEN)
    yield writer
    writer.close()


def _numbers(path: Path) -> list[int]:
    return [one["n"] for one in read_journal(path).records[1:]]


def test_each_line_is_json_and_there_at_once(writer: JournalWriter, path: Path) -> None:
    writer.append({"do": "edit", "n": 1, "title": "naïve “µm”"})
    lines = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1])["title"] == "naïve “µm”"
    assert _numbers(path) == [1]
    assert read_journal(path).damaged == ()


@given(cut=st.integers(1, 200))
def test_a_torn_last_line_costs_itself_only(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "one.sam2.jsonl"
    writer = JournalWriter(path)
    for record in (_OPEN, {"n": 1}, {"n": 2, "text": "x" * 300}):
        writer.append(record)
    writer.close()
    flush()
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    # All that one byte can be is the end of the line.
    whole = [1, 2] if cut == 1 else [1]
    assert _numbers(path) == whole
    assert read_journal(path).damaged == ()

    again = JournalWriter(path, mine=False)
    again.append({"n": 3})
    again.close()
    assert _numbers(path) == [*whole, 3]
    assert read_journal(path).damaged == ()


@given(where=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_line_is_told_of_and_everything_else_kept(
    tmp_path_factory: pytest.TempPathFactory, where: float, byte: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "one.sam2.jsonl"
    writer = JournalWriter(path)
    for record in (_OPEN, *({"n": n, "text": "abc" * n} for n in range(1, 6))):
        writer.append(record)
    writer.close()
    flush()
    lines = path.read_bytes().splitlines(keepends=True)
    third = bytearray(lines[3])
    at = int(where * (len(third) - 1))
    unchanged = third[at] == byte
    third[at] = byte
    path.write_bytes(b"".join([*lines[:3], third, *lines[4:]]))
    assert _numbers(path) == ([1, 2, 3, 4, 5] if unchanged else [1, 2, 4, 5])
    assert bool(read_journal(path).damaged) is not unchanged


def test_there_is_one_writer(writer: JournalWriter, path: Path) -> None:
    assert is_open(path)
    with pytest.raises(JournalError, match="another window"):
        JournalWriter(path, mine=False)
    writer.close()
    assert not is_open(path)
    JournalWriter(path, mine=False).close()


def test_a_full_disk_is_told_of_and_the_next_line_is_whole(
    writer: JournalWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_write = os.write

    def half(descriptor: int, line: bytes) -> int:
        really_write(descriptor, line[: len(line) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", half)
        with pytest.raises(JournalError, match="No space left"):
            writer.append({"n": 1})
    writer.append({"n": 2})
    assert _numbers(path) == [2]
    assert read_journal(path).damaged == (2,)


def test_a_write_that_is_cut_short_goes_on(
    writer: JournalWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, line: really_write(fd, line[:7]))
    writer.append({"n": 1, "text": "x" * 100})
    assert _numbers(path) == [1]


def test_what_was_written_is_synced_in_the_background(
    writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Any] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    writer.append({"n": 1})
    flush()
    assert synced


@pytest.mark.parametrize("content", ["", "no journal\n", '{"do":"edit"}\n'])
def test_what_is_no_journal_is_told_of(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(JournalError, match="not a session"):
        read_journal(path)


def test_a_later_format_is_refused(path: Path) -> None:
    writer = JournalWriter(path)
    writer.append({"do": "open", "format": FORMAT + 1, "package": "9.0"})
    writer.close()
    with pytest.raises(JournalError, match=r"napari-sam2 9\.0"):
        read_journal(path)
