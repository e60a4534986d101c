"""Top-n by an index: the bits of a scan of everything, whatever the factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf import _native
from tests.conftest import RunPython
from tests.native.test_topn import assert_same, exclusions, whole

Factors = NDArray[np.float32]
N_ITEMS = 700


def factors_of(rng: np.random.Generator, kind: str, n: int, d: int) -> Factors:
    if kind == "whole":  # ties everywhere
        return whole(rng, n, d)
    drawn = rng.standard_normal((n, d))
    if kind == "lengths":
        drawn *= np.exp(2 * rng.standard_normal((n, 1)))
    if kind == "axes":  # a few axes have nearly all of it, as after a rotation to principal axes
        drawn *= np.exp(-np.arange(d))
    if kind == "tiny":
        drawn *= 1e-30
    if kind == "zeros":
        drawn[rng.random(n) < 0.7] = 0
    return drawn.astype(np.float32)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["whole", "equal", "lengths", "axes", "tiny", "zeros"]),
    n_queries=st.sampled_from([1, 2, 16]),
    d=st.sampled_from([1, 2, 15, 64, 129]),
    n=st.sampled_from([1, 10, 40]),
    with_bias=st.booleans(),
    excluding=st.booleans(),
    with_allowed=st.booleans(),
    halves=st.booleans(),
    n_threads=st.integers(0, 3),
)
def test_finds_what_a_scan_finds(
    seed: int, kind: str, n_queries: int, d: int, n: int, with_bias: bool, excluding: bool,
    with_allowed: bool, halves: bool, n_threads: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    queries, items = factors_of(rng, kind, n_queries, d), factors_of(rng, kind, N_ITEMS, d)
    bias = factors_of(rng, kind, N_ITEMS, 1)[:, 0].copy() if with_bias else None
    filters: dict[str, Any] = {"item_bias": bias, "n_threads": n_threads}
    if excluding:
        filters |= exclusions(rng, n_queries, N_ITEMS)
    if with_allowed:
        filters["allowed"] = rng.integers(0, 2, N_ITEMS).astype(np.uint8)
    index = _native.TopnIndex(queries, items, bias, **({"most_bytes": 0} if halves else {}))
    assert_same(
        _native.topn(queries, items, n, index=index, **filters),
        _native.topn(queries, items, n, **filters),
    )


LEVELS = """
import numpy as np
from lmf import _native
rng = np.random.default_rng(0)
for d in (3, 64):
    items = rng.standard_normal((20_000, d)).astype(np.float32)
    queries = rng.standard_normal((12, d)).astype(np.float32)
    for most_bytes in (1 << 24, 0):
        index = _native.TopnIndex(queries, items, most_bytes=most_bytes)
        for n_threads in (1, 2, 3):
            found = _native.topn(queries, items, 10, index=index, n_threads=n_threads)
            scan = _native.topn(queries, items, 10, n_threads=n_threads)
            assert (found[0] == scan[0]).all() and (found[1] == scan[1]).all()
print("the same")
"""


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_finds_the_same(run_python: RunPython, isa: str) -> None:
    assert run_python(LEVELS, LMF_ISA=isa).strip() == "the same"


def test_is_not_asked_about_other_items_or_what_cannot_be_bounded() -> None:
    rng = np.random.default_rng(0)
    items = rng.standard_normal((500, 8)).astype(np.float32)
    queries = rng.standard_normal((2, 8)).astype(np.float32)
    index = _native.TopnIndex(queries, items)
    others = -items
    assert_same(_native.topn(queries, others, 5, index=index), _native.topn(queries, others, 5))
    broken = items.copy()
    broken[7] = np.inf
    index = _native.TopnIndex(queries, broken)
    assert_same(_native.topn(queries, broken, 5, index=index), _native.topn(queries, broken, 5))
    queries[0, 0] = np.nan
    index = _native.TopnIndex(queries, items)
    assert_same(_native.topn(queries, items, 5, index=index), _native.topn(queries, items, 5))


def test_takes_about_a_quarter_of_the_memory_of_the_factors() -> None:
    items = np.ones((10_000, 64), np.float32)
    index = _native.TopnIndex(items[:1], items)
    assert 0.25 * items.nbytes < index.nbytes < 0.3 * items.nbytes
    halved = _native.TopnIndex(items[:1], items, most_bytes=0)
    assert 0.375 * items.nbytes < halved.nbytes < 0.44 * items.nbytes


@pytest.mark.parametrize("d", [1, 7, 64, 65, 129])
@pytest.mark.parametrize("n", [65, 20_000])
def test_its_memory_is_bounded_as_the_page_says(n: int, d: int) -> None:
    """docs/memory.md: the bytes of an item, n rounded up to a multiple of 64."""
    items, padded = np.ones((n, d), np.float32), (n + 63) // 64 * 64
    sizes = [
        _native.TopnIndex(items[:1], items, bias, most_bytes=most_bytes).nbytes
        for bias in (None, np.ones(n, np.float32))
        for most_bytes in (2**60, 0)
    ]
    whole, halved, whole_with_bias, halved_with_bias = sizes
    assert whole <= padded * (d + 11)
    assert whole_with_bias <= padded * (d + 15)
    assert halved - whole <= padded * (d / 2 + 6)
    assert halved_with_bias - whole_with_bias == halved - whole


def test_refuses_arrays_that_do_not_fit() -> None:
    items = np.ones((10, 4), np.float32)
    with pytest.raises(ValueError, match="same columns"):
        _native.TopnIndex(np.ones((1, 3), np.float32), items)
    with pytest.raises(ValueError, match="one entry an item"):
        _native.TopnIndex(np.ones((1, 4), np.float32), items, np.ones(9, np.float32))
