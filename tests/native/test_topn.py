"""The compiled top-n against a stable sort of float64 scores, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf import _native
from tests.conftest import RunPython

Factors = NDArray[np.float32]
Ranking = tuple[NDArray[np.int32], NDArray[np.float32]]
DEPTHS = [0, 1, 15, 16, 17, 64, 100]
MANY = 300  # queries enough that items are packed and sorted first; fewer go panel by panel


def whole(rng: np.random.Generator, *shape: int) -> Factors:
    """Small whole numbers: float32 has every score exactly, and many are equal."""
    return rng.integers(-3, 4, shape).astype(np.float32)


def exclusions(rng: np.random.Generator, n_rows: int, n_items: int) -> dict[str, NDArray[Any]]:
    mask = rng.random((n_rows, n_items)) < rng.choice([0.1, 0.6, 1.0], (n_rows, 1))
    indptr = np.concatenate([[0], np.cumsum(mask.sum(1))])
    return {
        "exclude_indptr": indptr.astype(np.int64),
        "exclude_indices": np.nonzero(mask)[1].astype(np.int32),
    }


def brute_force(queries: Factors, items: Factors, n: int, **filters: Any) -> Ranking:
    """The same arguments as ``_native.topn``; items left in order, then a stable sort."""
    scores = queries.astype(np.float64) @ items.astype(np.float64).T
    if filters.get("item_bias") is not None:
        scores += filters["item_bias"]
    left = ~np.isnan(scores)
    if filters.get("allowed") is not None:
        left &= filters["allowed"].astype(bool)
    if (indptr := filters.get("exclude_indptr")) is not None:
        rows = filters.get("exclude_rows")
        rows = np.arange(len(queries)) if rows is None else rows
        for query, row in enumerate(rows):
            if row >= 0:
                left[query, filters["exclude_indices"][indptr[row] : indptr[row + 1]]] = False
    best = np.full((len(queries), n), -1, np.int32)
    values = np.full((len(queries), n), np.nan, np.float32)
    for query, mine in enumerate(scores):
        candidates = np.flatnonzero(left[query])
        order = candidates[np.argsort(-mine[candidates], kind="stable")][:n]
        best[query, : len(order)] = order
        values[query, : len(order)] = mine[order]
    return best, values


def assert_same(found: Ranking, expected: Ranking) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1].view(np.uint32), expected[1].view(np.uint32))


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_queries=st.sampled_from([0, 1, 2, 7, 8, 9, 70, MANY]),
    n_items=st.integers(0, 60) | st.sampled_from([95, 96, 97, 500]),
    d=st.sampled_from(DEPTHS),
    n=st.sampled_from([0, 1, 2, 10, 100, 600]),
    with_bias=st.booleans(),
    excluding=st.sampled_from(["nothing", "own rows", "rows by number"]),
    with_allowed=st.booleans(),
    n_threads=st.integers(0, 3),
)
def test_is_what_a_stable_sort_gives(
    seed: int, n_queries: int, n_items: int, d: int, n: int, with_bias: bool, excluding: str,
    with_allowed: bool, n_threads: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    queries = whole(rng, n_queries, d)
    items = whole(rng, n_items, d) * rng.integers(0, 4, (n_items, 1)).astype(np.float32)
    filters: dict[str, Any] = {}
    if with_bias:
        filters["item_bias"] = whole(rng, n_items)
    if with_allowed:
        filters["allowed"] = (rng.random(n_items) < rng.choice([0, 0.1, 0.7])).astype(np.uint8)
    if excluding == "own rows":
        filters |= exclusions(rng, n_queries, n_items)
    elif excluding == "rows by number":
        filters |= exclusions(rng, 5, n_items)
        filters["exclude_rows"] = rng.integers(-1, 5, n_queries)
    found = _native.topn(queries, items, n, n_threads=n_threads, **filters)
    assert found[0].shape == found[1].shape == (n_queries, n)
    assert_same(found, brute_force(queries, items, n, **filters))


@pytest.mark.parametrize("n_queries", [3, MANY])
def test_equal_items_come_in_order(n_queries: int) -> None:
    """1000 items in 4 kinds, so that nearly every comparison, also at the cut, is a tie."""
    rng = np.random.default_rng(0)
    kinds = whole(rng, 4, 20)
    items = kinds[rng.integers(0, 4, 1000)]
    queries = whole(rng, n_queries, 20)
    for n in (1, 7, 300, 999):
        assert_same(_native.topn(queries, items, n), brute_force(queries, items, n))


@pytest.mark.parametrize("d", DEPTHS)
@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_nothing_better_is_left_out(d: int, spread: float) -> None:
    """Real numbers: scores are right to rounding, and no item beyond rounding is missed.

    Norms that differ widely let queries stop early; norms all alike do not.
    """
    rng = np.random.default_rng(d)
    queries = rng.standard_normal((700, d), dtype=np.float32)
    items = rng.standard_normal((3000, d), dtype=np.float32)
    items *= np.exp(spread * rng.standard_normal((3000, 1), dtype=np.float32))
    bias = rng.standard_normal(3000, dtype=np.float32)
    found, scores = _native.topn(queries, items, 20, item_bias=bias)
    exact = queries.astype(np.float64) @ items.astype(np.float64).T + bias
    rounding = 1e-6 * (np.abs(queries) @ np.abs(items).T + np.abs(bias)) + 1e-12
    np.testing.assert_array_less(
        np.abs(np.take_along_axis(exact, found, 1) - scores),
        np.take_along_axis(rounding, found, 1),
    )
    np.put_along_axis(exact, found, -np.inf, 1)
    assert (exact - rounding <= scores[:, -1:]).all()
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("d", DEPTHS)
def test_same_bits_whatever_is_asked_together(d: int) -> None:
    """One user asks and all ask; on one thread and on four; all items and a few; pairs."""
    rng = np.random.default_rng(d)
    queries = rng.standard_normal((MANY, d), dtype=np.float32)
    items = rng.standard_normal((1000, d), dtype=np.float32)
    bias = rng.standard_normal(1000, dtype=np.float32)
    everything = _native.topn(queries, items, 1000, item_bias=bias, n_threads=1)
    for n_threads in (2, 4):
        again = _native.topn(queries, items, 1000, item_bias=bias, n_threads=n_threads)
        assert_same(again, everything)
    best, scores = everything[0][:, :10].copy(), everything[1][:, :10].copy()
    assert_same(_native.topn(queries, items, 10, item_bias=bias), (best, scores))
    for first, last in [(0, 1), (17, 18), (20, 29), (100, 250)]:
        some = _native.topn(queries[first:last], items, 10, item_bias=bias)
        assert_same(some, (best[first:last], scores[first:last]))
    allowed = (rng.random(1000) < 0.03).astype(np.uint8)
    few, few_scores = _native.topn(queries, items, 5, item_bias=bias, allowed=allowed)
    matrix = np.empty((MANY, 1000), np.float32)
    np.put_along_axis(matrix, everything[0], everything[1], 1)
    np.testing.assert_array_equal(np.take_along_axis(matrix, few, 1), few_scores)
    user, item = np.divmod(rng.permutation(MANY * 1000).astype(np.int32), np.int32(1000))
    for n_threads in (1, 3):
        pairs = _native.score_pairs(queries, items, user, item, bias, n_threads=n_threads)
        np.testing.assert_array_equal(pairs.view(np.uint32), matrix[user, item].view(np.uint32))


EVERY_LEVEL = """
import numpy as np
from tests.native import test_topn as t
assert t._native.isa() in ({level!r}, "avx2", "baseline")
t.test_is_what_a_stable_sort_gives()
for d in t.DEPTHS:
    t.test_same_bits_whatever_is_asked_together(d)
    t.test_nothing_better_is_left_out(d, 1.5)
t.test_equal_items_come_in_order(t.MANY)
print("good")
"""


@pytest.mark.parametrize("level", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(run_python: RunPython, level: str) -> None:
    out = run_python(EVERY_LEVEL.format(level=level), LMF_ISA=level, timeout=300)
    assert out.split()[-1] == "good"


@pytest.mark.parametrize("n_queries", [1, MANY])
def test_scores_that_are_no_numbers(n_queries: int) -> None:
    """NaN is left out; infinities are numbers like others, minus infinity the last of them."""
    items = np.array([[-np.inf], [np.nan], [np.inf], [2.0], [-3.0]], np.float32)
    ones = np.ones((n_queries, 1), np.float32)
    best, scores = _native.topn(ones, items, 5)
    assert (best == [2, 3, 4, 0, -1]).all()
    assert (scores[:, :4] == [np.inf, 2, -3, -np.inf]).all()
    assert np.isnan(scores[:, 4]).all()
    zeros = np.zeros((n_queries, 1), np.float32)
    assert (_native.topn(zeros, items, 5)[0] == [3, 4, -1, -1, -1]).all()  # 0 x inf is NaN
    bias = np.array([np.nan, 0, -np.inf, np.inf, 0], np.float32)
    assert (_native.topn(ones, items, 5, item_bias=bias)[0] == [3, 4, -1, -1, -1]).all()
    assert (_native.topn(np.full_like(ones, np.nan), items, 5)[0] == -1).all()


@pytest.mark.parametrize("n_queries", [2, MANY])
def test_zeros_of_both_signs_are_equal(n_queries: int) -> None:
    items = np.array([[-1.0], [1.0], [-0.0], [0.0]], np.float32)
    zeros = np.zeros((n_queries, 1), np.float32)
    for bias in (None, np.array([0.0, -0.0, -0.0, 0.0], np.float32)):
        best, scores = _native.topn(zeros, items, 4, item_bias=bias)
        assert (best == [0, 1, 2, 3]).all()
        assert not np.signbit(scores).any()


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e-20, 1e18])
def test_bounds_hold_for_tiny_and_huge_numbers(scale: float) -> None:
    """Products that underflow round up as well as down; those that overflow are infinite."""
    rng = np.random.default_rng(1)
    queries = rng.standard_normal((MANY, 64), dtype=np.float32) * np.float32(scale)
    items = rng.standard_normal((2000, 64), dtype=np.float32) * np.float32(scale)
    items *= np.exp(rng.standard_normal((2000, 1), dtype=np.float32))
    many = _native.topn(queries, items, 10)
    one_by_one = [_native.topn(query[None], items, 10) for query in queries]
    assert_same(many, tuple(np.concatenate(part) for part in zip(*one_by_one, strict=True)))


def test_exclusions_in_any_order_and_repeated() -> None:
    rng = np.random.default_rng(2)
    queries, items = whole(rng, 3, 4), whole(rng, 50, 4)
    mixed = np.array([40, 3, 3, 17, 0], np.int32)
    indptr = np.array([0, 5, 5, 5], np.int64)
    found = _native.topn(queries, items, 50, exclude_indptr=indptr, exclude_indices=mixed)
    assert set(found[0][0].tolist()) == set(range(50)) - {0, 3, 17, 40} | {-1}
    assert (found[0][1:] >= 0).all()


def test_read_only_arrays_are_welcome() -> None:
    queries, items = whole(np.random.default_rng(3), 2, 4), whole(np.random.default_rng(4), 9, 4)
    expected = brute_force(queries, items, 3)
    queries.flags.writeable = items.flags.writeable = False
    assert_same(_native.topn(queries, items, 3), expected)


Q, V = np.ones((2, 3), np.float32), np.ones((5, 3), np.float32)
INDPTR, INDICES = np.array([0, 1, 3], np.int64), np.array([4, 0, 2], np.int32)


def excluding(indptr: Any = INDPTR, indices: Any = INDICES, rows: Any = None) -> dict[str, Any]:
    return {"exclude_indptr": indptr, "exclude_indices": indices, "exclude_rows": rows}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"items": np.ones((5, 4), np.float32)}, "columns"),
        ({"n": -1}, "n must"),
        ({"n": 2**31}, "n must"),
        ({"item_bias": np.ones(4, np.float32)}, "item_bias"),
        ({"allowed": np.ones(6, np.uint8)}, "allowed"),
        (excluding(indices=None), "together"),
        (excluding(indptr=None), "together"),
        ({"exclude_rows": np.zeros(2, np.int64)}, "exclude_rows"),
        (excluding(indptr=np.zeros(0, np.int64)), "exclude_indptr"),
        (excluding(indptr=np.array([0, 3], np.int64)), "one row a query"),
        (excluding(indptr=np.array([0, 2, 1], np.int64)), "exclude_indptr"),
        (excluding(indptr=np.array([-1, 2, 3], np.int64)), "exclude_indptr"),
        (excluding(indptr=np.array([0, 1, 4], np.int64)), "exclude_indptr"),
        (excluding(indptr=np.array([0, 2**62, 3], np.int64)), "exclude_indptr"),
        (excluding(indices=np.array([4, 0, 5], np.int32)), "exclude_indices"),
        (excluding(indices=np.array([4, -1, 2], np.int32)), "exclude_indices"),
        (excluding(rows=np.array([0], np.int64)), "one row a query"),
        (excluding(rows=np.array([0, 2], np.int64)), "exclude_rows"),
        (excluding(rows=np.array([-2, 0], np.int64)), "exclude_rows"),
    ],
)
def test_bad_values_are_refused(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        _native.topn(**({"queries": Q, "items": V, "n": 2} | arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        {"queries": Q.astype(np.float64)},
        {"items": V.tolist()},
        {"items": np.ones((3, 5), np.float32).T},
        {"queries": Q[0]},
        {"item_bias": np.ones(5)},
        {"allowed": np.ones(5, bool)},
        excluding(indptr=INDPTR.astype(np.int32)),
        excluding(indices=INDICES.astype(np.int64)),
        excluding(rows=np.zeros(2, np.int32)),
    ],
)
def test_other_arrays_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        _native.topn(**({"queries": Q, "items": V, "n": 2} | arguments))


def test_only_the_rows_in_use_are_checked() -> None:
    """A call for one user costs nothing for the history of the others."""
    bad = np.array([4, 0, 77], np.int32)
    one = _native.topn(Q[:1], V, 9, **excluding(indices=bad, rows=np.zeros(1, np.int64)))
    assert one[0].tolist() == [[0, 1, 2, 3, -1, -1, -1, -1, -1]]


@pytest.mark.parametrize(
    ("user", "item", "word"),
    [
        ([0, 2], [0, 0], "user_index"),
        ([0, -1], [0, 0], "user_index"),
        ([0, 1], [5, 0], "item_index"),
        ([0, 1], [-1, 0], "item_index"),
        ([0, 1], [0], "length"),
    ],
)
def test_bad_pairs_are_refused(user: list[int], item: list[int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        _native.score_pairs(Q, V, np.array(user, np.int32), np.array(item, np.int32))


@pytest.mark.parametrize("d", DEPTHS)
@pytest.mark.parametrize("n_pairs", [0, 1, 15, 16, 17, 5000])
def test_pairs(d: int, n_pairs: int) -> None:
    rng = np.random.default_rng(d)
    users, items, bias = whole(rng, 40, d), whole(rng, 30, d), whole(rng, 30)
    user = rng.integers(0, 40, n_pairs).astype(np.int32)
    item = rng.integers(0, 30, n_pairs).astype(np.int32)
    exact = (users.astype(np.float64) @ items.T)[user, item]
    np.testing.assert_array_equal(_native.score_pairs(users, items, user, item), exact)
    with_bias = _native.score_pairs(users, items, user, item, bias)
    np.testing.assert_array_equal(with_bias, exact + bias[item])


def test_memory_stays_far_below_a_matrix_of_scores(run_python: RunPython) -> None:
    """20,000 queries by 20,000 items: 1.6 GB of scores, of which never more than tiles exist."""
    grown = run_python(
        "import numpy as np, resource\n"
        "from lmf import _native\n"
        "rng = np.random.default_rng(0)\n"
        "a, b = (rng.standard_normal((20_000, 16), dtype=np.float32) for _ in 'ab')\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); _native.topn(a, b, 10, n_threads=4); print(peak() - before)"
    )
    assert int(grown) < 50_000  # kilobytes


@pytest.mark.parametrize(("n_queries", "n_items"), [(200, 400_000), (20_000, 40_000)])
def test_ctrl_c(run_python: RunPython, n_queries: int, n_items: int) -> None:
    """A signal's exception comes out of the call soon, not after it."""
    seconds = run_python(
        "import numpy as np, signal, time\n"
        "from lmf import _native\n"
        "def stop(*_): raise KeyboardInterrupt\n"
        "signal.signal(signal.SIGALRM, stop)\n"
        "rng = np.random.default_rng(0)\n"
        f"a = rng.standard_normal(({n_queries}, 64), dtype=np.float32)\n"
        f"b = rng.standard_normal(({n_items}, 64), dtype=np.float32)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.02); start = time.perf_counter()\n"
        "try:\n    _native.topn(a, b, 10, n_threads=1)\n"
        "except KeyboardInterrupt:\n    print(time.perf_counter() - start)\n",
    )
    assert float(seconds) < 1
