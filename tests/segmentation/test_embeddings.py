"""Embeddings are kept within bounds, and found by what the model saw."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.engines.base import Embedding
from napari_sam2.segmentation.embeddings import (
    EmbeddingCache,
    embedding_key,
    pixels_name,
)
from napari_sam2.segmentation.view import View
from tests.segmentation.fakes import FakeEngine


def embedding(nbytes: int) -> Embedding:
    return Embedding(payload=object(), nbytes=nbytes)


def test_what_was_put_in_comes_out() -> None:
    cache, one = EmbeddingCache(), embedding(5)
    cache.put("a", one)
    assert cache.get("a") is one
    assert cache.get("b") is None
    assert "a" in cache
    assert "b" not in cache


def test_the_one_not_used_for_longest_goes_first() -> None:
    cache = EmbeddingCache(max_bytes=30)
    for key in "abc":
        cache.put(key, embedding(10))
    cache.get("a")
    cache.put("d", embedding(10))
    assert [key in cache for key in "abcd"] == [True, False, True, True]


def test_what_is_larger_than_the_bound_is_not_kept() -> None:
    cache = EmbeddingCache(max_bytes=30)
    cache.put("a", embedding(30))
    cache.put("b", embedding(31))
    assert "a" in cache
    assert "b" not in cache
    assert cache.nbytes == 30


def test_replacing_does_not_count_twice() -> None:
    cache = EmbeddingCache(max_bytes=30)
    cache.put("a", embedding(20))
    cache.put("a", embedding(15))
    assert cache.nbytes == 15
    assert len(cache) == 1


def test_clearing_frees_all() -> None:
    cache = EmbeddingCache()
    cache.put("a", embedding(20))
    cache.clear()
    assert cache.nbytes == len(cache) == 0


def test_a_bound_of_nothing_keeps_nothing() -> None:
    cache = EmbeddingCache(max_bytes=0)
    cache.put("a", embedding(1))
    assert len(cache) == 0
    with pytest.raises(ValueError, match="negative"):
        EmbeddingCache(max_bytes=-1)


@given(
    st.integers(0, 60),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 40))),
)
def test_the_bound_always_holds(bound: int, puts: list[tuple[str, int]]) -> None:
    cache, last = EmbeddingCache(bound), {}
    for key, nbytes in puts:
        last[key] = embedding(nbytes)
        cache.put(key, last[key])
        assert cache.nbytes <= bound
        kept = [found for k in last if (found := cache.get(k)) is not None]
        assert cache.nbytes == sum(e.nbytes for e in kept)
        assert all(cache.get(k) in (None, e) for k, e in last.items())


def test_threads_may_share_a_cache() -> None:
    cache = EmbeddingCache(max_bytes=100)
    start = threading.Barrier(4)

    def use(seed: int) -> None:
        start.wait()
        for i in np.random.default_rng(seed).integers(0, 30, 2000):
            if cache.get(str(i)) is None:
                cache.put(str(i), embedding(int(i) + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    kept = [found for i in range(30) if (found := cache.get(str(i))) is not None]
    assert cache.nbytes == sum(e.nbytes for e in kept) <= 100


IMAGE = np.arange(12 * 10, dtype=np.uint16).reshape(12, 10)
VIEW = View.whole((12, 10), 64)


def key(**changes: object) -> str:
    given_: dict[str, Any] = {"image": IMAGE, "limits": None}
    given_ |= {"view": VIEW, "engine": FakeEngine()} | changes
    name = pixels_name(given_["image"], given_["limits"])
    return embedding_key(name, given_["view"], given_["engine"])


@pytest.mark.parametrize(
    "layout",
    [
        IMAGE.copy(),
        np.asfortranarray(IMAGE),
        IMAGE[::-1].copy()[::-1],
        np.repeat(IMAGE, 2, axis=1)[:, ::2],
        IMAGE.astype(">u2"),
    ],
    ids=["copy", "column by column", "turned", "thinned", "bytes turned"],
)
def test_equal_pixels_have_equal_keys_however_they_lie(layout: np.ndarray) -> None:
    assert key(image=layout) == key()


def test_a_large_plane_in_any_layout_has_one_key() -> None:
    image = np.random.default_rng(0).integers(0, 9, (3000, 4000), np.int16)
    view = View.whole((3000, 4000), 64)
    turned = np.asfortranarray(image)
    assert key(image=image, view=view) == key(image=turned, view=view)


def test_everything_that_matters_changes_the_key() -> None:
    other = IMAGE.copy()
    other[5, 5] += 1
    elsewhere = FakeEngine()
    elsewhere.device = "cuda:0"
    keys = {
        key(),
        key(image=other),
        key(image=IMAGE.astype(np.int16)),
        key(image=IMAGE.reshape(10, 12)),
        key(limits=(0, 100)),
        key(limits=(0, 101)),
        key(view=View((12, 10), (0, 0, 6, 10), 64)),
        key(view=View.whole((12, 10), 128)),
        key(engine=FakeEngine("another")),
        key(engine=elsewhere),
    }
    assert len(keys) == 10


def test_limits_are_numbers_whatever_their_type() -> None:
    assert key(limits=(0, 100)) == key(limits=(np.float64(0), np.int64(100)))
