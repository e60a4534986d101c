from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from lmf.data import csr_checks
from lmf.data.csr import CSR
from lmf.errors import InputError

GOOD = {
    "indptr": np.array([0, 2, 2, 3]),
    "indices": np.array([0, 2, 1], np.int32),
    "values": np.float32([1, 0, -2]),
    "n_cols": 3,
}


def test_the_good_one_passes():
    assert CSR(**GOOD).checked().shape == (3, 3)
    assert CSR(np.zeros(1, np.int64), np.zeros(0, np.int32), None, 0).checked().nnz == 0
    assert CSR(np.array([0, 0]), np.zeros(0, np.int32), np.zeros(0, np.float32), 5).checked()


@pytest.mark.parametrize(
    ("field", "value", "column", "row"),
    [
        ("indptr", np.array([1, 2, 2, 3]), "indptr", 0),
        ("indptr", np.array([0, 3, 2, 3]), "indptr", 1),
        ("indptr", np.array([0, -1, 2, 3]), "indptr", 0),
        ("indptr", np.array([0, 2, 2, 4]), "indptr", 2),
        ("indptr", np.array([0, 2, 2, 2]), "indptr", 2),
        ("indptr", np.array([0, 2**40, 2**41, 3]), "indptr", 2),
        ("indptr", np.array([], np.int64), "indptr", 0),
        ("indptr", np.array([0, 2, 2, 3], np.int32), "indptr", None),
        ("indptr", np.array([[0, 2, 2, 3]]), "indptr", None),
        ("indptr", np.array([0, 9, 2, 9, 2, 9, 3])[::2], "indptr", None),
        ("indices", np.array([0, 3, 1], np.int32), "indices", 1),
        ("indices", np.array([0, -1, 1], np.int32), "indices", 1),
        ("indices", np.array([2, 0, 1], np.int32), "indices", 0),
        ("indices", np.array([2, 2, 1], np.int32), "indices", 0),
        ("indices", np.array([0, 2, 1]), "indices", None),
        ("indices", np.array([0.0, 2, 1]), "indices", None),
        ("values", np.float32([1, np.nan, 1]), "values", 1),
        ("values", np.float32([1, 1, np.inf]), "values", 2),
        ("values", np.float32([np.inf, -np.inf, 1]), "values", 0),
        ("values", np.float32([1, 1]), "values", None),
        ("values", np.array([1.0, 1, 1]), "values", None),
        ("n_cols", 2, "indices", 1),
        ("n_cols", -1, "n_cols", None),
        ("n_cols", 2**31, "n_cols", None),
    ],
)
def test_each_broken_field_is_named(field, value, column, row):
    with pytest.raises(InputError) as error:
        CSR(**(GOOD | {field: value})).checked()
    assert (error.value.column, error.value.row) == (column, row)


def test_a_fall_between_rows_is_fine_and_within_is_not():
    random = np.random.default_rng(0)
    dense = random.random((50, 20)) < 0.3
    indptr = np.concatenate([[0], np.cumsum(dense.sum(1))])
    indices = np.nonzero(dense)[1].astype(np.int32)
    CSR(indptr, indices, None, 20).checked()
    entry = int(indptr[17]) + 1
    indices[[entry - 1, entry]] = indices[[entry, entry - 1]]
    with pytest.raises(InputError, match="not sorted") as error:
        CSR(indptr, indices, None, 20).checked()
    assert error.value.row == 17


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_rising_is_checked_slice_by_slice(monkeypatch, size):
    monkeypatch.setattr(csr_checks, "_SLICE", size)
    random = np.random.default_rng(1)
    dense = random.random((40, 9)) < 0.4
    dense[[0, 7, 8, 39]] = False
    indptr = np.concatenate([[0], np.cumsum(dense.sum(1))])
    good = np.nonzero(dense)[1].astype(np.int32)
    csr_checks.check_rising(indptr, good)
    rows = np.nonzero(dense)[0]
    for entry in range(1, len(good)):
        if rows[entry] == rows[entry - 1]:
            broken = good.copy()
            broken[entry] = broken[entry - 1]
            with pytest.raises(InputError, match="there twice") as error:
                csr_checks.check_rising(indptr, broken)
            assert error.value.row == rows[entry]


def test_rising_takes_little_memory():
    indices = np.arange(10_000_000, dtype=np.int32)
    indptr = np.array([0, len(indices)])
    tracemalloc.start()
    csr_checks.check_rising(indptr, indices)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
