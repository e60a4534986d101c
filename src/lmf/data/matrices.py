"""The entries of a scipy sparse matrix or array, checked before anything computes with them.

scipy itself does not notice an index out of range until its compiled code reads past an array, so
CSR and CSC are taken apart here rather than converted there. scipy is accepted, never imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lmf.data.csr_checks import check_indices, check_indptr
from lmf.data.series import module_of
from lmf.errors import InputError
from lmf.validation import FloatArray, Int32Array, float32_vector

__all__ = ["Entries", "entries_of", "is_sparse"]

MAX_SIDE = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Entries:
    """Row, column and value of each stored entry, in storage order."""

    rows: Int32Array
    cols: Int32Array
    values: FloatArray
    shape: tuple[int, int]


def is_sparse(value: object) -> bool:
    """Tell whether something is a scipy sparse matrix or array."""
    return module_of(value) == "scipy" and hasattr(value, "tocoo") and hasattr(value, "format")


def entries_of(matrix: Any) -> Entries:
    """Return the entries of a scipy sparse matrix or array of any format.

    Raises
    ------
    InputError
        For what is not such a matrix, is not two-dimensional, has indices out of range, a broken
        ``indptr``, or values that are complex, NaN, infinite or beyond float32.

    Examples
    --------
    >>> import scipy.sparse
    >>> entries_of(scipy.sparse.coo_array(([5.0], ([1], [0])), shape=(2, 3))).rows.tolist()
    [1]
    """
    if not is_sparse(matrix):
        raise InputError(f"expected a scipy sparse matrix, got {type(matrix).__name__}")
    if len(matrix.shape) != 2:
        raise InputError(f"expected two dimensions, got shape {matrix.shape}")
    shape = (int(matrix.shape[0]), int(matrix.shape[1]))
    if max(shape) > MAX_SIDE:
        raise InputError(f"shape {shape} exceeds 2^31 - 1 rows or columns")
    if matrix.format == "csr":
        rows, cols, data = _compressed(matrix, shape[0])
    elif matrix.format == "csc":
        cols, rows, data = _compressed(matrix, shape[1])
    else:
        rows, cols, data = _coordinates(matrix)
    check_indices("row index", rows, shape[0])
    check_indices("column index", cols, shape[1])
    return Entries(
        np.ascontiguousarray(rows, np.int32),
        np.ascontiguousarray(cols, np.int32),
        _values(data, rows, cols),
        shape,
    )


def _compressed(matrix: Any, n: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Any]:
    """Index of the compressed side, of the other side, and value of each entry."""
    indptr = _integers("indptr", matrix.indptr).astype(np.int64)
    indices = _integers("indices", matrix.indices)
    if len(indptr) != n + 1:
        raise InputError(f"indptr has {len(indptr)} elements for {n}", column="indptr")
    # scipy allows arrays longer than what indptr uses, as after removals in place.
    used = min(int(indptr[-1]), len(indices))
    check_indptr(indptr, used)
    if len(matrix.data) < used:
        raise InputError(f"{len(matrix.data)} values for {used} entries", column="data")
    numbers = np.repeat(np.arange(n, dtype=np.int32), np.diff(indptr))
    return numbers, indices[:used], matrix.data[:used]


def _coordinates(matrix: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Any]:
    if matrix.format == "bsr":  # scipy makes room for what a broken indptr says
        indptr = _integers("indptr", matrix.indptr).astype(np.int64)
        check_indptr(indptr, min(int(indptr[-1]), len(matrix.indices)))
    try:
        coo = matrix if matrix.format == "coo" else matrix.tocoo()
        rows, cols = _integers("row index", coo.row), _integers("column index", coo.col)
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"scipy cannot read the matrix: {error}") from error
    if not len(rows) == len(cols) == len(coo.data):
        raise InputError(f"{len(rows)} rows, {len(cols)} columns and {len(coo.data)} values")
    return rows, cols, coo.data


def _integers(name: str, array: Any) -> npt.NDArray[Any]:
    found = np.asarray(array)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise InputError(
            f"expected integers, got {found.dtype} of shape {found.shape}", column=name
        )
    return found


def _values(data: Any, rows: npt.NDArray[Any], cols: npt.NDArray[Any]) -> FloatArray:
    try:
        return float32_vector("data", data)
    except InputError as error:
        if error.row is None:
            raise
        # The place in the matrix says more than the place among the stored entries.
        at = error.row
        raise InputError(
            f"entry ({rows[at]}, {cols[at]}): {error.message}", column="data", row=int(rows[at])
        ) from None
