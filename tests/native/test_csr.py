"""What the compiled building, coding and transposing of rows refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmf import _native

TWO = np.int32([0, 1])
INDPTR = np.int64([0, 1, 2])


@pytest.mark.parametrize("n_cols", [-1, -(2**31), -(2**63)])
@pytest.mark.parametrize("indices", [TWO, TWO[:0]])
def test_a_negative_number_of_columns(n_cols: int, indices: Any) -> None:
    indptr = INDPTR if len(indices) else np.zeros(3, np.int64)
    with pytest.raises(ValueError, match="number of columns must not be negative"):
        _native.csr_transpose(indptr, indices, None, n_cols)


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": np.int32([0, 2])},
        {"rows": np.int32([0, -1])},
        {"cols": np.int32([0, 3])},
        {"cols": np.int32([-1, 0])},
        {"cols": np.int32([0])},
        {"cols": np.int64([0, 1])},
        {"values": []},
        {"values": [np.float32([1]), np.float32([1, 2])]},
        {"values": np.float32([1, 2])},
        {"times": [np.int64([1])]},
        {"n_rows": -1},
        {"n_cols": -1},
        {"policy": "min"},
    ],
)
def test_entries_that_do_not_fit(changed: dict[str, Any]) -> None:
    good = {"rows": TWO, "cols": TWO, "values": None, "times": None}
    good |= {"n_rows": 2, "n_cols": 3, "policy": "last"}
    assert _native.csr_from_coo(**good)[1].tolist() == [0, 1]
    with pytest.raises((ValueError, TypeError)):
        _native.csr_from_coo(**(good | changed))


@pytest.mark.parametrize(
    "runs", [[np.int64([1]), np.int32([1])], [np.int16([1])], [np.ones((1, 1), np.int64)], [3]]
)
def test_runs_of_other_types(runs: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _native.encode_integers(runs)


def test_no_ids() -> None:
    codes, distinct = _native.encode_integers([])
    assert (len(codes), len(distinct)) == (0, 0)


def sorted_rows(rows: Any, cols: Any, values: Any, times: Any) -> tuple[Any, ...]:
    """What remains of entries by time, the last of each cell: by a stable sort."""
    order = np.lexsort((times, cols, rows))
    last = np.ones(len(order), bool)
    last[:-1] = (np.diff(rows[order]) != 0) | (np.diff(cols[order]) != 0)
    kept = order[last]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=rows.max() + 1))])
    return indptr, cols[kept], values[kept], times[kept]


@pytest.mark.parametrize("by_row", [True, False])
@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_many_entries_in_runs(by_row: bool, n_threads: int) -> None:
    random = np.random.default_rng(3)
    n = 300_000
    rows = (random.random(n) ** 3 * 900).astype(np.int32)
    rows[0] = 899
    if by_row:
        rows.sort()
    cols = random.integers(0, 5000, n, dtype=np.int32)
    values = random.random(n, dtype=np.float32)
    times = random.integers(0, 9, n)
    cuts = np.sort(random.integers(0, n, 9))
    *built, merged, first = _native.csr_from_coo(
        rows, cols, np.split(values, cuts), np.split(times, cuts), 900, 5000, "last", n_threads
    )
    for found, expected in zip(built, sorted_rows(rows, cols, values, times), strict=True):
        assert np.array_equal(found, expected)
    assert (merged, first) == (n - len(built[1]), -1)
