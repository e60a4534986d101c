from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.csr import CSR, POLICIES, build
from lmf.errors import InputError, ParameterError

scipy_sparse = pytest.importorskip("scipy.sparse")


def dense_of(csr):
    out = np.zeros(csr.shape)
    values = np.ones(csr.nnz) if csr.values is None else csr.values
    out[csr.row_index(), csr.indices] = values
    return out


@st.composite
def matrices(draw):
    """A CSR of any small shape and the dense float64 matrix it stands for."""
    m, n = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    held = random.random((m, n)) < draw(st.floats(0, 1))
    values = random.integers(-5, 6, (m, n)).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(held.sum(1))]).astype(np.int64)
    with_values = draw(st.booleans())
    csr = CSR(
        indptr, np.nonzero(held)[1].astype(np.int32), values[held] if with_values else None, n
    )
    return csr.checked(), np.where(held, values if with_values else 1.0, 0.0), held


@given(matrices(), st.integers(0, 3))
def test_transpose(case, n_threads):
    csr, dense, _ = case
    turned = csr.transpose(n_threads).checked()
    assert np.array_equal(dense_of(turned), dense.T)
    assert (turned.values is None) == (csr.values is None)
    assert np.array_equal(dense_of(turned.transpose()), dense)


@given(matrices(), st.data())
def test_select_rows(case, data):
    csr, dense, _ = case
    wanted = data.draw(st.lists(st.integers(0, csr.n_rows - 1))) if csr.n_rows else []
    taken = csr.select_rows(np.array(wanted, np.int64)).checked()
    assert taken.shape == (len(wanted), csr.n_cols)
    assert np.array_equal(dense_of(taken), dense[wanted])


@given(matrices(), st.integers(0, 2**32))
def test_keep(case, seed):
    csr, dense, held = case
    kept = np.random.default_rng(seed).random(held.shape) < 0.5
    result = csr.keep(kept[held]).checked()
    assert np.array_equal(dense_of(result), np.where(kept, dense, 0))


@given(matrices())
def test_rows_and_lengths(case):
    csr, dense, held = case
    assert np.array_equal(csr.row_lengths(), held.sum(1))
    for row in range(csr.n_rows):
        columns, values = csr.row(row)
        assert np.array_equal(columns, np.flatnonzero(held[row]))
        assert values is None or np.array_equal(values, dense[row][held[row]])


@given(matrices())
def test_scipy_round_trip(case):
    csr, dense, held = case
    there = csr.to_scipy()
    assert np.array_equal(there.toarray(), dense)
    back = CSR.from_scipy(there).checked()
    assert back.nnz == held.sum()  # explicit zeros are entries
    assert np.array_equal(dense_of(back), dense)


def oracle(rows, cols, values, times, policy):
    """Merge one cell after the other in float64, as the words of the policy say."""
    cells: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for k, cell in enumerate(zip(rows, cols, strict=True)):
        cells.setdefault(cell, []).append((times[k] if times else 0, k))
    merged = {}
    for cell, found in cells.items():
        numbers = [values[k] for _, k in found]
        newest = max(found)[1]
        oldest = min(found, key=lambda one: (one[0], one[1]))[1]
        merged[cell] = {
            "sum": sum(numbers),
            "mean": sum(numbers) / len(numbers),
            "max": max(numbers),
            "last": values[newest],
            "first": values[oldest],
        }[policy]
    return merged


@given(
    st.sampled_from(["sum", "mean", "last", "first", "max"]),
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(-9, 9), st.integers(0, 3)),
        min_size=1,
    ),
    st.booleans(),
    st.integers(0, 3),
)
def test_build_merges_as_the_policy_says(policy, entries, timed, n_threads):
    rows, cols, values, times = (list(column) for column in zip(*entries, strict=True))
    built = build(
        np.int32(rows),
        np.int32(cols),
        np.float32(values),
        np.int64(times) if timed else None,
        (5, 4),
        policy,
        n_threads,
    )
    csr = built.csr.checked()
    expected = oracle(rows, cols, values, times if timed else None, policy)
    found = dict(zip(zip(csr.row_index(), csr.indices, strict=True), csr.values, strict=True))
    assert {tuple(map(int, cell)): float(v) for cell, v in found.items()} == pytest.approx(expected)
    assert built.merged == len(entries) - len(expected)


def test_duplicates_can_be_refused():
    rows, cols = np.int32([0, 1, 0, 1]), np.int32([2, 2, 0, 2])
    with pytest.raises(InputError, match="row 1, column 2 is there twice") as error:
        build(rows, cols, None, None, (2, 3), "error")
    assert error.value.row == 3
    assert build(rows[:3], cols[:3], None, None, (2, 3), "error").csr.nnz == 3


def test_ones_summed_become_counts():
    zero = np.zeros(3, np.int32)
    assert build(zero, zero, None, None, (1, 1), "sum").csr.values.tolist() == [3]
    assert build(zero, zero, None, None, (1, 1), "last").csr.values is None


def test_a_sum_beyond_float32_is_refused():
    zero, huge = np.zeros(2, np.int32), np.float32([3e38, 3e38])
    with pytest.raises(InputError, match="inf"):
        build(zero, zero, huge, None, (1, 1), "sum")
    assert build(zero, zero, huge, None, (1, 1), "mean").csr.values[0] == np.float32(3e38)


@pytest.mark.parametrize("policy", ["SUM", "", None, 1, "min"])
def test_unknown_policies(policy):
    zero = np.zeros(1, np.int32)
    with pytest.raises(ParameterError, match="duplicates"):
        build(zero, zero, None, None, (1, 1), policy)
    assert "error" in POLICIES


@pytest.mark.parametrize(
    "mask",
    [
        np.ones(2, bool),
        np.ones(4, bool),
        np.ones(3, np.int8),
        [0, 1, 2],
        np.ones((3, 1), bool),
        True,
        None,
    ],
)
def test_masks_of_the_wrong_kind(mask):
    csr = CSR(np.array([0, 3]), np.arange(3, dtype=np.int32), None, 3)
    with pytest.raises(InputError, match="3 booleans"):
        csr.keep(mask)


@pytest.mark.parametrize("row", [-1, 2, 0.0, "0"])
def test_rows_out_of_range(row):
    csr = CSR(np.array([0, 1, 1]), np.int32([0]), None, 1)
    with pytest.raises(InputError):
        csr.row(row)
    with pytest.raises(InputError):
        csr.select_rows([row])


@given(matrices(), st.integers(0, 3), st.integers(1, 12))
def test_parts_are_the_rows_again(case, width, entries):
    csr, dense, _ = case
    end = 0
    for rows, part in csr.parts(width, entries):
        assert rows.start == end
        end = rows.stop
        np.testing.assert_array_equal(dense_of(part), dense[rows])
        assert part.checked().nnz + width * part.n_rows <= entries or part.n_rows == 1
        larger = csr.indptr[min(end + 1, csr.n_rows)] - csr.indptr[rows.start]
        full = larger + width * (part.n_rows + 1) > entries or part.n_rows == entries
        assert end == csr.n_rows or full
    assert end == csr.n_rows


@given(matrices())
def test_column_lengths(case):
    csr, _, held = case
    assert np.array_equal(csr.column_lengths(), held.sum(0))


def test_it_cannot_be_written_to():
    values = np.float32([1.0])
    csr = CSR(np.array([0, 1]), np.int32([0]), values, 1)
    with pytest.raises(ValueError, match="read-only"):
        csr.values[0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        csr.n_cols = 7
    values[0] = 3  # the maker's own array stays its own
    assert values.flags.writeable
    assert csr.transpose().transpose().select_rows([0]).nnz == 1
