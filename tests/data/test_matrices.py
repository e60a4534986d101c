from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lmf.data.csr import CSR
from lmf.data.matrices import entries_of, is_sparse
from lmf.errors import InputError

sp = pytest.importorskip("scipy.sparse")

DENSE = np.array([[0, 2, 0, 0], [0, 0, 0, 0], [5, 0, -1, 3]])
FORMATS = ["csr", "csc", "coo", "dok", "lil", "bsr"]


def of(matrix):
    return CSR.from_scipy(matrix).checked()


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, np.uint16])
def test_every_format_kind_and_type(format_name, kind, dtype):
    matrix = getattr(sp, f"{format_name}_{kind}")((DENSE % 7).astype(dtype))
    assert is_sparse(matrix)
    assert np.array_equal(of(matrix).to_scipy().toarray(), DENSE % 7)


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
@pytest.mark.parametrize("form", [sp.csr_array, sp.csc_array, sp.csr_matrix])
def test_both_widths_of_indices(index_type, form):
    matrix = form(DENSE.astype(float))
    matrix.indptr = matrix.indptr.astype(index_type)
    matrix.indices = matrix.indices.astype(index_type)
    found = of(matrix)
    assert found.indptr.dtype == np.int64
    assert found.indices.dtype == np.int32
    assert np.array_equal(found.to_scipy().toarray(), DENSE)


def test_booleans_are_ones_and_zeros():
    assert of(sp.csr_array(DENSE > 0)).values.tolist() == [1, 1, 1]


def test_explicit_zeros_stay_and_unsorted_columns_are_sorted():
    matrix = sp.csr_array((np.array([7.0, 0.0]), np.array([2, 0]), np.array([0, 2])), shape=(1, 3))
    found = of(matrix)
    assert found.indices.tolist() == [0, 2]
    assert found.values.tolist() == [0, 7]


@pytest.mark.parametrize(
    ("policy", "expected"), [("sum", 5), ("mean", 2.5), ("last", 3), ("first", 2), ("max", 3)]
)
def test_entries_that_are_there_twice_are_merged_by_policy(policy, expected):
    data, place = np.array([2.0, 3.0]), np.array([1, 1])
    for matrix in (
        sp.csr_array((data, place, np.array([0, 2])), shape=(1, 2)),
        sp.coo_array((data, (np.zeros(2, int), place)), shape=(1, 2)),
        sp.csc_array((data, np.zeros(2, int), np.array([0, 0, 2])), shape=(1, 2)),
    ):
        assert CSR.from_scipy(matrix, duplicates=policy).values.tolist() == [expected]
        with pytest.raises(InputError, match="twice"):
            CSR.from_scipy(matrix, duplicates="error")


def test_empty_matrices():
    for shape in ((0, 0), (0, 5), (5, 0), (3, 3)):
        for form in (sp.csr_array, sp.coo_array, sp.csc_array):
            found = of(form(shape))
            assert (found.shape, found.nnz) == (shape, 0)


def test_arrays_longer_than_indptr_uses():
    matrix = sp.csr_array(DENSE.astype(float))
    matrix.data = np.append(matrix.data, [np.nan, np.nan])
    matrix.indices = np.append(matrix.indices, [999, -5])
    assert np.array_equal(of(matrix).to_scipy().toarray(), DENSE)


def spoilt(form, field, value):
    matrix = form(DENSE.astype(np.float64))
    setattr(matrix, field, value)
    return matrix


BROKEN = {
    "index too large": lambda: spoilt(sp.csr_array, "indices", np.array([1, 0, 2, 4])),
    "index huge": lambda: spoilt(sp.csr_array, "indices", np.array([1, 0, 2, 2**40])),
    "index negative": lambda: spoilt(sp.csr_array, "indices", np.array([1, 0, 2, -1])),
    "csc index too large": lambda: spoilt(sp.csc_array, "indices", np.array([2, 0, 2, 3])),
    "indices too short": lambda: spoilt(sp.csr_array, "indices", np.array([1, 0])),
    "indices floats": lambda: spoilt(sp.csr_array, "indices", np.array([1.0, 0, 2, 3])),
    "indices of objects": lambda: spoilt(sp.csr_array, "indices", np.array([1, 0, 2, None])),
    "indices 2-D": lambda: spoilt(sp.csr_array, "indices", np.array([[1, 0, 2, 3]])),
    "indptr falls": lambda: spoilt(sp.csr_array, "indptr", np.array([0, 3, 1, 4])),
    "indptr negative": lambda: spoilt(sp.csr_array, "indptr", np.array([0, -1, 1, 4])),
    "indptr starts late": lambda: spoilt(sp.csr_array, "indptr", np.array([1, 1, 1, 4])),
    "indptr too far": lambda: spoilt(sp.csr_array, "indptr", np.array([0, 1, 1, 9])),
    "indptr ends before 0": lambda: spoilt(sp.csr_array, "indptr", np.array([0, 1, 1, -3])),
    "indptr short": lambda: spoilt(sp.csr_array, "indptr", np.array([0, 4])),
    "indptr long": lambda: spoilt(sp.csr_array, "indptr", np.array([0, 1, 1, 4, 4])),
    "indptr empty": lambda: spoilt(sp.csr_array, "indptr", np.array([], int)),
    "indptr floats": lambda: spoilt(sp.csr_array, "indptr", np.array([0.0, 1, 1, 4])),
    "data short": lambda: spoilt(sp.csr_array, "data", np.array([1.0])),
    "data NaN": lambda: spoilt(sp.csr_array, "data", np.array([1.0, 1, np.nan, 1])),
    "data inf": lambda: spoilt(sp.csc_array, "data", np.array([1.0, 1, np.inf, 1])),
    "data 1e300": lambda: spoilt(sp.csr_array, "data", np.array([1.0, 1, 1, 1e300])),
    "data complex": lambda: sp.csr_array(DENSE.astype(complex)),
    "data of objects": lambda: spoilt(sp.csr_array, "data", np.array([1, 1, "x", 1], object)),
    "data of text": lambda: spoilt(sp.csr_array, "data", np.array(["1", "2", "3", "4"])),
    "data 2-D": lambda: spoilt(sp.csr_array, "data", np.ones((4, 2))),
    "coo row too large": lambda: spoilt(sp.coo_matrix, "row", np.array([0, 2, 2, 3])),
    "coo row negative": lambda: spoilt(sp.coo_matrix, "row", np.array([0, 2, 2, -1])),
    "coo col too large": lambda: spoilt(sp.coo_matrix, "col", np.array([1, 0, 2, 4])),
    "coo col short": lambda: spoilt(sp.coo_matrix, "col", np.array([1])),
    "coo data NaN": lambda: spoilt(sp.coo_array, "data", np.array([np.nan, 1, 1, 1])),
    "coo data short": lambda: spoilt(sp.coo_array, "data", np.array([1.0])),
    "one dimension": lambda: sp.coo_array(np.array([1.0, 0, 2])),
    "dense": lambda: DENSE,
    "dense matrix": lambda: np.asmatrix(DENSE),
    "a list": lambda: [[1]],
    "nothing": lambda: None,
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_broken_matrices_are_refused(make):
    with pytest.raises(InputError) as error:
        CSR.from_scipy(make())
    assert "\n" not in str(error.value)


def test_the_place_of_a_bad_value_is_its_place_in_the_matrix():
    matrix = spoilt(sp.csr_array, "data", np.array([1.0, 1, np.nan, 1]))
    with pytest.raises(InputError, match=r"entry \(2, 2\): NaN") as error:
        entries_of(matrix)
    assert error.value.row == 2


def test_the_matrix_stays_as_it_was():
    matrix = sp.csr_array((np.array([7.0, 1.0]), np.array([2, 0]), np.array([0, 2])), shape=(1, 3))
    found = of(matrix)
    matrix.data[:] = 9
    assert found.values.tolist() == [1, 7]
    assert matrix.indices.tolist() == [2, 0]


def test_scipy_is_not_imported():
    heavy = ["scipy", "pandas", "pyarrow", "duckdb", "narwhals"]
    code = f"import sys, lmf.data.interactions; print([m for m in sys.modules if m in {heavy}])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
