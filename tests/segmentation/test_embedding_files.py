"""Embeddings outlive the program, and never take more of the disk than they may."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from napari_sam2.engines.base import Embedding
from napari_sam2.errors import CacheError
from napari_sam2.segmentation.ahead import Ahead
from napari_sam2.segmentation.embedded import PlanePixels
from napari_sam2.segmentation.embedding_files import CACHE_VARIABLE, EmbeddingFiles
from napari_sam2.segmentation.embeddings import EmbeddingCache
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.tensor_file import read_tensors, write_tensors
from napari_sam2.segmentation.view import View
from tests.segmentation.fakes import FakeEngine, PackingEngine, embedding

if TYPE_CHECKING:
    from pathlib import Path

KILOBYTE = 1e-6  # of a gigabyte
IMAGE = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)


def value(found: Embedding | None) -> int | None:
    return None if found is None else int(found.payload[0])


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)


@pytest.fixture
def engine() -> PackingEngine:
    return PackingEngine()


@pytest.fixture
def files(tmp_path: Path) -> EmbeddingFiles:
    return EmbeddingFiles(lambda: 1.0, tmp_path / "embeddings")


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def test_what_is_put_in_one_process_comes_out_in_another(
    files: EmbeddingFiles, engine: PackingEngine
) -> None:
    assert files.get("a", engine) is None
    assert not files.has("a", engine)
    assert files.put("a", engine, embedding(7))
    assert files.has("a", engine)
    assert files.flush(10)
    other = EmbeddingFiles(lambda: 1.0, files.folder)
    assert other.has("a", engine)
    assert value(other.get("a", engine)) == 7
    assert other.get("b", engine) is None
    assert other.usage.count == 1
    assert 4000 < other.usage.nbytes < 4500


def test_another_version_of_the_runtime_finds_nothing(
    files: EmbeddingFiles, engine: PackingEngine
) -> None:
    files.put("a", engine, embedding(7))
    files.flush()
    engine.version = "later"
    assert files.get("a", engine) is None


def test_those_not_used_for_longest_make_room(
    files: EmbeddingFiles, engine: PackingEngine
) -> None:
    small = EmbeddingFiles(lambda: 13 * KILOBYTE, files.folder)
    for age, name in enumerate("abc"):
        small.put(name, engine, embedding(age))
        small.flush()
        os.utime(small._path(name, engine), (age, age))
    assert value(small.get("a", engine)) == 0
    small.put("d", engine, embedding(3))
    small.flush()
    assert [value(small.get(name, engine)) for name in "abcd"] == [0, None, 2, 3]


@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=12),
)
def test_the_bound_always_holds(
    tmp_path_factory: pytest.TempPathFactory,
    bound: int,
    uses: list[tuple[str, bool]],
) -> None:
    folder, engine = tmp_path_factory.mktemp("cache"), PackingEngine()
    files = EmbeddingFiles(lambda: bound * KILOBYTE, folder)
    for name, puts in uses:
        if puts:
            files.put(name, engine, embedding(ord(name)))
            files.flush()
        assert value(files.get(name, engine)) in (None, ord(name))
        assert files.usage.nbytes <= bound * 1000 + 500 * files.usage.count
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("size", [0, 5, 100, 2000, -1])
def test_a_half_file_is_removed(
    files: EmbeddingFiles, engine: PackingEngine, size: int
) -> None:
    files.put("a", engine, embedding(7))
    files.flush()
    (path,) = kept(files.folder)
    path.write_bytes(path.read_bytes()[:size])
    assert files.get("a", engine) is None
    assert not path.exists()


@given(st.data())
def test_a_byte_that_has_changed_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("file") / "a"
    arrays = {"one": np.arange(30, dtype=np.float32), "two": np.eye(3, dtype="f8")}
    write_tensors(path, arrays, {})
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        found = read_tensors(path)
    except ValueError:
        return
    # In the header there is white space, and names may be others.
    for array, before in zip(found.values(), arrays.values(), strict=True):
        np.testing.assert_array_equal(array.ravel(), before.ravel())


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1).filter(
            lambda name: name != "__metadata__"
        ),
        st.tuples(
            st.sampled_from(["f4", "f8", "f2", "i4", "i8", "u1"]),
            st.lists(st.integers(0, 9), max_size=3),
        ),
        max_size=4,
    )
)
def test_any_reader_of_the_format_reads_the_files(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: dict[str, tuple[str, list[int]]],
) -> None:
    path, rng = tmp_path_factory.mktemp("file") / "a", np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 99, shape).astype(kind)
        for name, (kind, shape) in kinds.items()
    }
    write_tensors(path, arrays, {"model": "µ"})
    ours, theirs = read_tensors(path), load_file(path)
    assert ours.keys() == theirs.keys() == arrays.keys()
    for name, array in arrays.items():
        assert ours[name].dtype == array.dtype
        assert ours[name].ctypes.data % 64 == 0 or not array.size
        np.testing.assert_array_equal(ours[name], array)
        np.testing.assert_array_equal(theirs[name], array)


def test_what_a_dead_process_left_half_written_is_removed(
    files: EmbeddingFiles, engine: PackingEngine
) -> None:
    files.put("a", engine, embedding(1))
    files.flush()
    old, young = files.folder / ".x-1.part", files.folder / ".x-2.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert files.usage.count == 1
    assert not old.exists()
    assert young.exists()


def test_a_full_disk_is_said_once_and_no_error(
    files: EmbeddingFiles,
    engine: PackingEngine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    full = SimpleNamespace(free=10**9)
    files.put("before", engine, embedding(1))
    files.flush()
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(shutil, "disk_usage", lambda _: full)
        for name in "abc":
            files.put(name, engine, embedding(1))
            files.flush()
    assert isinstance(files.problem, CacheError)
    assert "nearly full" in str(files.problem)
    assert len(caplog.records) == 1
    # What is there does not have to go where that would not help.
    assert len(kept(files.folder)) == 1
    files.put("a", engine, embedding(1))
    files.flush()
    assert files.problem is None
    assert files.has("a", engine)


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, engine: PackingEngine
) -> None:
    (tmp_path / "file").write_text("in the way")
    files = EmbeddingFiles(lambda: 1.0, tmp_path / "file" / "embeddings")
    files.put("a", engine, embedding(1))
    files.flush()
    assert files.get("a", engine) is None
    assert not files.has("a", engine)
    assert "NAPARI_SAM2_HOME" in str(files.problem)


def test_nothing_is_read_or_written_when_it_is_off(
    files: EmbeddingFiles, engine: PackingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.put("a", engine, embedding(1))
    files.flush()
    monkeypatch.setenv(CACHE_VARIABLE, "0")
    assert files.max_bytes == 0
    assert files.get("a", engine) is None
    assert not files.has("a", engine)
    assert not files.put("b", engine, embedding(1))
    monkeypatch.setenv(CACHE_VARIABLE, "nonsense")
    assert files.max_bytes == 10**9


def test_no_more_wait_to_be_written_than_memory_is_meant_for(
    files: EmbeddingFiles, engine: PackingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    pack = engine.pack
    monkeypatch.setattr(engine, "pack", lambda one: go.wait(10) and pack(one))
    taken = [files.put(name, engine, embedding(1)) for name in "abcdefgh"]
    assert taken == [True] * 4 + [False] * 4
    assert files.put("a", engine, embedding(1))
    assert not files.wait_for_room(0)
    go.set()
    assert files.wait_for_room(10)
    assert files.flush(10)
    assert files.usage.count == 4


def test_an_engine_whose_embeddings_cannot_be_packed_leaves_nothing(
    files: EmbeddingFiles,
) -> None:
    files.put("a", FakeEngine(), Embedding(object(), 5))
    assert files.flush(10)
    assert files.usage.count == 0


def test_what_may_only_be_read_is_used_all_the_same(
    files: EmbeddingFiles, engine: PackingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.put("a", engine, embedding(7))
    files.flush()

    def refused(_: Path) -> None:
        raise PermissionError("It belongs to somebody else")

    monkeypatch.setattr(os, "utime", refused)
    assert files.has("a", engine)
    assert value(files.get("a", engine)) == 7
    files.put("a", engine, embedding(7))
    files.flush()
    assert files.problem is None


@pytest.mark.parametrize(
    ("text", "bound"), [("inf", sys.maxsize), ("nan", 0), ("-1", 0), ("?", 10**9)]
)
def test_whatever_the_bound_is_said_to_be_is_no_error(
    files: EmbeddingFiles, monkeypatch: pytest.MonkeyPatch, text: str, bound: int
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, text)
    assert files.max_bytes == bound


def test_what_is_prepared_is_said_to_be_ready_once_it_is_on_the_disk(
    files: EmbeddingFiles, engine: PackingEngine, tmp_path: Path
) -> None:
    pixels, view = PlanePixels(IMAGE), View.whole(IMAGE.shape, engine.image_size)
    ahead = Ahead(engine, files)
    assert ahead.prepare(pixels, view)
    assert len(kept(files.folder)) == 1
    (tmp_path / "file").write_text("in the way")
    nowhere = EmbeddingFiles(lambda: 1.0, tmp_path / "file" / "embeddings")
    assert nowhere.usage.count == 0
    for ahead, words in (
        (Ahead(engine, nowhere), "cannot be kept in"),
        (Ahead(FakeEngine("no checkpoint"), files), "What this model sees"),
    ):
        with pytest.raises(CacheError, match=words):
            ahead.prepare(pixels, view)
        assert ahead.ready == 0


def test_threads_and_processes_may_share_a_folder(files: EmbeddingFiles) -> None:
    start, engine = threading.Barrier(4), PackingEngine()

    def use(seed: int) -> None:
        own = EmbeddingFiles(lambda: 30 * KILOBYTE, files.folder)
        start.wait()
        for number in np.random.default_rng(seed).integers(0, 12, 60):
            found = value(own.get(str(number), engine))
            assert found in (None, number)
            if found is None:
                own.put(str(number), engine, embedding(int(number)))
        own.flush()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    assert files.usage.count <= 12
    assert not list(files.folder.glob(".*.part"))


def test_all_can_be_removed(files: EmbeddingFiles, engine: PackingEngine) -> None:
    files.clear()
    for name in "ab":
        files.put(name, engine, embedding(1))
    files.clear()
    assert files.usage.count == 0


def test_a_segmenter_reads_what_another_one_saw(
    files: EmbeddingFiles, engine: PackingEngine
) -> None:
    first = Segmenter(engine=engine, cache=EmbeddingCache(files=files))
    seen = first.embed(IMAGE)
    files.put(seen.key, engine, seen.embedding)
    files.flush()
    told: list[float] = []
    second = Segmenter(engine=engine, cache=EmbeddingCache(files=files))
    again = second.embed(IMAGE.copy(), progress=told.append)
    assert len(engine.images) == 1
    assert value(again.embedding) == value(seen.embedding)
    assert not told
    # From memory, the next time.
    assert second.embed(IMAGE).embedding is again.embedding
    second.embed(IMAGE + 1)
    assert len(engine.images) == 2
