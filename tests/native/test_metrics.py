"""The compiled metrics against a brute-force oracle, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf import _native

NAMES = _native.ranking_metric_names


def oracle(recommended: Sequence[int], test: Sequence[int], k: int) -> dict[str, float]:
    """Each definition as it is written, of one user."""
    if not test:
        return dict.fromkeys(NAMES, math.nan)
    seen: set[int] = set()
    relevant = []  # at each of the k ranks: 1 for a hit
    for item in [*recommended, *[-1] * k][:k]:
        relevant.append(int(item in test and item not in seen))
        seen.add(item)
    ranks = [r for r, hit in enumerate(relevant, start=1) if hit]
    best = min(k, len(test))
    return {
        "recall": len(ranks) / len(test),
        "recall_capped": len(ranks) / best,
        "precision": len(ranks) / k,
        "ndcg": sum(1 / math.log2(r + 1) for r in ranks)
        / sum(1 / math.log2(r + 1) for r in range(1, best + 1)),
        "map": sum(sum(relevant[:r]) / r for r in ranks) / best,
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "hit_rate": float(bool(ranks)),
    }


def measure(
    recommended: Sequence[Sequence[int]],
    tests: Sequence[Sequence[int]],
    n_items: int,
    cuts: Sequence[int],
    n_threads: int = 1,
) -> NDArray[np.float64]:
    """[metric, cut, user]."""
    indptr = np.cumsum([0, *map(len, tests)]).astype(np.int64)
    indices = np.array([item for row in tests for item in sorted(row)], np.int32)
    lists = np.array(recommended, np.int32).reshape(
        len(tests), len(recommended[0]) if recommended else 3
    )
    values = _native.ranking_metrics(
        lists, indptr, indices, n_items, np.array(cuts, np.int32), n_threads
    )
    return values.reshape(len(NAMES), len(cuts), len(tests))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], int, list[int]]:
    n_items = draw(st.integers(1, 30))
    width = draw(st.integers(0, 12))
    n_users = draw(st.integers(0, 6))
    entry = st.integers(-1, n_items - 1)  # -1 anywhere, repeated items too
    lists = draw(
        st.lists(
            st.lists(entry, min_size=width, max_size=width), min_size=n_users, max_size=n_users
        )
    )
    row = st.lists(st.integers(0, n_items - 1), unique=True)
    tests = draw(st.lists(row, min_size=n_users, max_size=n_users))
    cuts = sorted(draw(st.sets(st.integers(1, 40), min_size=1, max_size=4)))
    return lists, tests, n_items, cuts


@settings(max_examples=500)
@given(cases())
def test_every_metric_equals_its_definition(
    case: tuple[list[list[int]], list[list[int]], int, list[int]],
) -> None:
    lists, tests, n_items, cuts = case
    values = measure(lists, tests, n_items, cuts)
    for user, (items, test) in enumerate(zip(lists, tests, strict=True)):
        for c, k in enumerate(cuts):
            expected = oracle(items, test, k)
            found = dict(zip(NAMES, values[:, c, user].tolist(), strict=True))
            assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_a_case_computed_by_hand() -> None:
    values = measure([[4, 2, 7, 0]], [[2, 0, 5]], n_items=9, cuts=[1, 2, 4])
    found = {name: row[:, 0].tolist() for name, row in zip(NAMES, values, strict=True)}
    ideal = 1 + 1 / math.log2(3)
    assert found["recall"] == pytest.approx([0, 1 / 3, 2 / 3])
    assert found["recall_capped"] == pytest.approx([0, 1 / 2, 2 / 3])
    assert found["precision"] == pytest.approx([0, 1 / 2, 2 / 4])
    assert found["ndcg"] == pytest.approx(
        [0, 1 / math.log2(3) / ideal, (1 / math.log2(3) + 1 / math.log2(5)) / (ideal + 0.5)]
    )
    assert found["map"] == pytest.approx([0, (1 / 2) / 2, (1 / 2 + 2 / 4) / 3])
    assert found["mrr"] == pytest.approx([0, 1 / 2, 1 / 2])
    assert found["hit_rate"] == [0, 1, 1]


def test_a_repeated_item_counts_once() -> None:
    repeated = measure([[3, 3, 3]], [[3, 8]], n_items=9, cuts=[3])
    once = measure([[3, -1, -1]], [[3, 8]], n_items=9, cuts=[3])
    assert np.array_equal(repeated, once)


def test_the_bits_do_not_depend_on_the_threads() -> None:
    rng = np.random.default_rng(0)
    lists = rng.integers(-1, 500, (3000, 20))
    tests = [rng.choice(500, rng.integers(0, 30), replace=False).tolist() for _ in lists]
    alone = measure(lists.tolist(), tests, 500, [5, 20], n_threads=1)
    assert np.nansum(alone) > 0
    for n_threads in (2, 3, 7, 0):
        again = measure(lists.tolist(), tests, 500, [5, 20], n_threads=n_threads)
        assert np.array_equal(alone, again, equal_nan=True)


def test_huge_cuts_and_thread_counts_take_no_memory() -> None:
    values = measure([[1, 0]], [[0]], n_items=2, cuts=[2**31 - 1], n_threads=2**31 - 1)
    assert values[NAMES.index("recall"), 0, 0] == 1


def test_read_only_arrays_are_welcome() -> None:
    arrays = [np.array([[0]], np.int32), np.array([0, 1]), np.array([0], np.int32)]
    for array in arrays:
        array.setflags(write=False)
    assert _native.ranking_metrics(*arrays, 1, np.array([1], np.int32), 1).tolist() == [[1.0]] * 7


GOOD = {
    "recommended": np.array([[0, 1], [2, -1]], np.int32),
    "test_indptr": np.array([0, 2, 3]),
    "test_indices": np.array([0, 2, 1], np.int32),
    "n_items": 3,
    "cuts": np.array([1, 2], np.int32),
}


@pytest.mark.parametrize(
    ("field", "bad", "word"),
    [
        ("recommended", np.array([[0, 1]], np.int32), "test_indptr"),
        ("recommended", np.array([[0, 3], [2, -1]], np.int32), "recommended"),
        ("recommended", np.array([[0, -2], [2, -1]], np.int32), "recommended"),
        ("test_indptr", np.array([0, 2]), "test_indptr"),
        ("test_indptr", np.array([], np.int64), "test_indptr"),
        ("test_indptr", np.array([0, 4, 3]), "indptr"),
        ("test_indptr", np.array([0, -5, 3]), "indptr"),
        ("test_indptr", np.array([0, 2, 9]), "indptr"),
        ("test_indices", np.array([0, 3, 1], np.int32), "index"),
        ("test_indices", np.array([0, -1, 1], np.int32), "index"),
        ("test_indices", np.array([2, 0, 1], np.int32), "increase"),
        ("test_indices", np.array([0, 0, 1], np.int32), "increase"),
        ("n_items", -1, "n_items"),
        ("n_items", 0, "index"),
        ("cuts", np.array([], np.int32), "cuts"),
        ("cuts", np.array([0, 2], np.int32), "cuts"),
        ("cuts", np.array([2, 1], np.int32), "cuts"),
        ("cuts", np.array([2, 2], np.int32), "cuts"),
    ],
)
def test_bad_values_are_refused(field: str, bad: object, word: str) -> None:
    assert _native.ranking_metrics(**GOOD).shape == (14, 2)
    with pytest.raises(ValueError, match=word):
        _native.ranking_metrics(**(GOOD | {field: bad}))


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("recommended", np.array([[0, 1], [2, -1]], np.int64)),
        ("recommended", np.array([0, 1], np.int32)),
        ("recommended", np.zeros((2, 4), np.int32)[:, ::2]),
        ("test_indptr", np.array([0, 2, 3], np.int32)),
        ("test_indices", np.array([0.0, 2.0, 1.0])),
        ("cuts", np.array([1, 2])),
        ("cuts", None),
    ],
)
def test_no_array_is_converted(field: str, bad: object) -> None:
    with pytest.raises(TypeError):
        _native.ranking_metrics(**(GOOD | {field: bad}))
