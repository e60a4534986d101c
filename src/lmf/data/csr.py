"""Compressed sparse rows: the one form in which interactions reach native code.

Row r holds the columns ``indices[indptr[r]:indptr[r + 1]]``, rising and distinct. ``indptr`` is
int64, so there may be more than 2**31 entries; rows and columns are counted in int32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lmf import _native
from lmf.data.csr_checks import check_array, check_finite, check_indices, check_indptr, check_rising
from lmf.data.matrices import entries_of
from lmf.errors import InputError
from lmf.validation import (
    FloatArray,
    Int32Array,
    Int64Array,
    checked_choice,
    checked_threads,
    index_vector,
    read_only,
)

__all__ = ["CSR", "POLICIES", "Built", "build", "checked_mask"]

#: What becomes of entries with the same row and column.
POLICIES = ("sum", "mean", "last", "first", "max", "error")
MAX_COLUMNS = 2**31 - 1
_ENTRIES = 1 << 22  # looked at together, where all at once would take a copy of all


@dataclass(frozen=True, eq=False)
class CSR:
    """A sparse matrix by rows.

    The constructor trusts its arrays; `checked` does not. The arrays are read-only views.

    Parameters
    ----------
    indptr : ndarray of int64, n_rows + 1
        Where each row begins; starts at 0, never falls, ends at ``len(indices)``.
    indices : ndarray of int32, nnz
        The column of each entry, rising and distinct within a row.
    values : ndarray of float32, nnz, or None
        The value of each entry; None where every value is 1.
    n_cols : int
        The number of columns.

    Examples
    --------
    >>> import numpy as np
    >>> a = CSR(np.array([0, 2, 2]), np.array([0, 3], np.int32), None, 4)
    >>> a.shape, a.nnz, a.row(0)[0].tolist()
    ((2, 4), 2, [0, 3])
    """

    indptr: Int64Array
    indices: Int32Array
    values: FloatArray | None
    n_cols: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "indptr", read_only(self.indptr))
        object.__setattr__(self, "indices", read_only(self.indices))
        if self.values is not None:
            object.__setattr__(self, "values", read_only(self.values))

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        """The number of stored entries, zeros among them."""
        return len(self.indices)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_rows, n_cols)``."""
        return self.n_rows, self.n_cols

    def __repr__(self) -> str:
        kind = "ones" if self.values is None else "float32"
        return f"CSR({self.n_rows:,} x {self.n_cols:,}, {self.nnz:,} entries, {kind})"

    def row(self, index: int) -> tuple[Int32Array, FloatArray | None]:
        """Return the columns and values of one row, as views."""
        at = int(index_vector("row", [index], self.n_rows)[0])
        part = slice(int(self.indptr[at]), int(self.indptr[at + 1]))
        return self.indices[part], None if self.values is None else self.values[part]

    def row_lengths(self) -> Int64Array:
        """Return the number of entries of each row."""
        return np.diff(self.indptr)

    def row_index(self) -> Int32Array:
        """Return the row of each entry.

        Examples
        --------
        >>> import numpy as np
        >>> CSR(np.array([0, 1, 3]), np.array([0, 0, 1], np.int32), None, 2).row_index().tolist()
        [0, 1, 1]
        """
        return np.repeat(np.arange(self.n_rows, dtype=np.int32), self.row_lengths())

    def row_sums(self, of_columns: FloatArray | None = None) -> npt.NDArray[np.float64]:
        """Return the sum of the values of each row, or of what is given of its columns.

        Each row is summed on its own: differences of running sums would carry a huge one onwards.

        Parameters
        ----------
        of_columns : ndarray of float32, n_cols, optional
            What an entry counts by its column, instead of its value.

        Examples
        --------
        >>> import numpy as np
        >>> a = CSR(np.array([0, 2, 2]), np.array([0, 2], np.int32), np.float32([5, 1]), 3)
        >>> a.row_sums().tolist(), a.row_sums(np.float32([1, 2, 3])).tolist()
        ([6.0, 0.0], [4.0, 0.0])
        """
        if of_columns is None and self.values is None:
            return self.row_lengths().astype(np.float64)
        sums = np.zeros(self.n_rows)
        for rows, part in self.parts():
            values = part.values if of_columns is None else of_columns[part.indices]
            filled = np.flatnonzero(part.row_lengths())
            if values is not None and len(filled):
                sums[rows][filled] = np.add.reduceat(values, part.indptr[filled], dtype=np.float64)
        return sums

    def column_lengths(self) -> Int64Array:
        """Return the number of entries of each column.

        Examples
        --------
        >>> import numpy as np
        >>> CSR(np.array([0, 1, 3]), np.array([1, 0, 1], np.int32), None, 3).column_lengths()
        array([1, 2, 0])
        """
        lengths = np.zeros(self.n_cols, np.int64)
        for start in range(0, self.nnz, _ENTRIES):  # counting takes a copy as int64
            part = self.indices[start : start + _ENTRIES]
            lengths += np.bincount(part, minlength=self.n_cols)
        return lengths

    def parts(self, width: int = 0, entries: int = _ENTRIES) -> Iterator[tuple[slice, CSR]]:
        """Go through the rows in parts, so that what is made of one takes little memory.

        The parts depend on the matrix alone, never on threads; their entries are views.

        Parameters
        ----------
        width : int
            How many numbers are made of a row, besides one of each of its entries.
        entries : int
            So many numbers are made of a part at most, where it is more than one row.

        Yields
        ------
        rows : slice
            Which ones.
        part : CSR
            These rows.

        Examples
        --------
        >>> import numpy as np
        >>> a = CSR(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), None, 2)
        >>> [(rows.start, rows.stop, part.nnz) for rows, part in a.parts()]
        [(0, 2, 3)]
        """
        begin = 0
        while begin < self.n_rows:
            sizes = self.indptr[begin + 1 : begin + 1 + entries] - self.indptr[begin]
            if width:
                sizes = sizes + np.arange(width, (len(sizes) + 1) * width, width)
            end = begin + max(1, int(np.searchsorted(sizes, entries, side="right")))
            first, last = int(self.indptr[begin]), int(self.indptr[end])
            values = None if self.values is None else self.values[first:last]
            indptr = self.indptr[begin : end + 1] - first
            yield slice(begin, end), CSR(indptr, self.indices[first:last], values, self.n_cols)
            begin = end

    def checked(self) -> CSR:
        """Return self if it is what the class promises.

        Raises
        ------
        InputError
            Naming the field (``indptr``, ``indices``, ``values``, ``n_cols``) and, as ``row``, the
            first row or entry at fault.
        """
        check_array("indptr", self.indptr, np.int64)
        check_array("indices", self.indices, np.int32)
        if not 0 <= self.n_cols <= MAX_COLUMNS:
            raise InputError(f"{self.n_cols} columns are out of range", column="n_cols")
        check_indptr(self.indptr, self.nnz)
        check_indices("indices", self.indices, self.n_cols)
        check_rising(self.indptr, self.indices)
        if self.values is not None:
            check_array("values", self.values, np.float32)
            if len(self.values) != self.nnz:
                raise InputError(
                    f"{len(self.values)} values for {self.nnz} entries", column="values"
                )
            check_finite("values", self.values)
        return self

    def transpose(self, n_threads: int = 0) -> CSR:
        """Return the transposed matrix, built natively and in parallel.

        Examples
        --------
        >>> import numpy as np
        >>> CSR(np.array([0, 1, 2]), np.array([1, 0], np.int32), None, 2).transpose().row(1)
        (array([0], dtype=int32), None)
        """
        indptr, indices, values = _native.csr_transpose(
            self.indptr, self.indices, self.values, self.n_cols, checked_threads(n_threads)
        )
        return CSR(indptr, indices, values, self.n_rows)

    def select_rows(self, index: npt.ArrayLike) -> CSR:
        """Return the matrix made of the given rows, in the given order.

        Examples
        --------
        >>> import numpy as np
        >>> a = CSR(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), None, 2)
        >>> a.select_rows([1, 0, 1]).indices.tolist()
        [1, 0, 1, 1]
        """
        rows = index_vector("row", index, self.n_rows)
        lengths = self.row_lengths()[rows]
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=indptr[1:])
        # Entry k of the result comes from k moved by where its row began and now begins.
        taken = np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        taken += np.arange(len(taken))
        values = None if self.values is None else self.values[taken]
        return CSR(indptr, self.indices[taken], values, self.n_cols)

    def keep(self, mask: npt.NDArray[np.bool_]) -> CSR:
        """Return the matrix with only the entries where ``mask`` is True.

        Parameters
        ----------
        mask : ndarray of bool, nnz

        Examples
        --------
        >>> import numpy as np
        >>> a = CSR(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), None, 2)
        >>> a.keep(np.array([False, True, False])).indptr.tolist()
        [0, 1, 1]
        """
        mask = checked_mask(mask, self.nnz)
        kept = np.zeros(self.nnz + 1, np.int64)
        np.cumsum(mask, out=kept[1:])
        values = None if self.values is None else self.values[mask]
        return CSR(kept[self.indptr], self.indices[mask], values, self.n_cols)

    @classmethod
    def from_scipy(cls, matrix: Any, *, duplicates: str = "sum", n_threads: int = 0) -> CSR:
        """Return a scipy sparse matrix or array of any format as CSR.

        Its arrays are checked before anything touches them. Stored zeros stay entries; unsorted
        columns are sorted; entries that are there twice are merged by ``duplicates``, of which
        ``"sum"`` is scipy's own reading.

        Raises
        ------
        InputError
            For indices out of range, a broken ``indptr``, non-finite or complex values.

        Examples
        --------
        >>> import scipy.sparse
        >>> CSR.from_scipy(scipy.sparse.csr_array([[0, 2], [1, 0]])).values.tolist()
        [2.0, 1.0]
        """
        entries = entries_of(matrix)
        return build(
            entries.rows, entries.cols, entries.values, None, entries.shape, duplicates, n_threads
        ).csr

    def to_scipy(self) -> Any:
        """Return a ``scipy.sparse.csr_array`` over the same memory; ones where values is None.

        Examples
        --------
        >>> import numpy as np
        >>> CSR(np.array([0, 1]), np.array([1], np.int32), None, 2).to_scipy().toarray().tolist()
        [[0.0, 1.0]]
        """
        from scipy.sparse import csr_array

        values = np.ones(self.nnz, np.float32) if self.values is None else self.values
        matrix = csr_array((values, self.indices, self.indptr), shape=self.shape)
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        return matrix


@dataclass(frozen=True, eq=False)
class Built:
    """What `build` made: the rows, the time of each entry, and what became of duplicates."""

    csr: CSR
    times: Int64Array | None
    merged: int


def build(
    rows: Int32Array,
    cols: Int32Array,
    values: FloatArray | Sequence[FloatArray] | None,
    times: Int64Array | Sequence[Int64Array] | None,
    shape: tuple[int, int],
    duplicates: str,
    n_threads: int = 0,
) -> Built:
    """Sort entries into rows, natively and in parallel, and merge those with the same place.

    Parameters
    ----------
    rows, cols : ndarray of int32
        Place of each entry, within ``shape``.
    values : ndarray of float32, list of them, or None
        A list holds the runs of one column, which are not joined. None: all ones.
    times : ndarray of int64, list of them, or None
        Decide which of several entries is the first or the last; without them the order of the
        input does, as it does between equal times.
    shape : (int, int)
        The number of rows and columns.
    duplicates : str
        ``"sum"``, ``"mean"``, ``"last"``, ``"first"``, ``"max"``; ``"error"`` refuses them.
    n_threads : int
        0 means all this process may use.

    Raises
    ------
    InputError
        With ``duplicates="error"``, at the first entry whose place is taken; for a sum beyond
        float32.

    Examples
    --------
    >>> import numpy as np
    >>> zeros = np.zeros(2, np.int32)
    >>> build(zeros, zeros, np.float32([1, 2]), None, (1, 1), "sum").csr.values
    array([3.], dtype=float32)
    """
    policy = checked_choice("duplicates", duplicates, POLICIES)
    indptr, indices, kept_values, kept_times, merged, first = _native.csr_from_coo(
        rows, cols, _runs(values), _runs(times), *shape, policy, checked_threads(n_threads)
    )
    if merged and policy == "error":
        raise InputError(
            f"row {rows[first]}, column {cols[first]} is there twice",
            row=int(first),
            hint="choose what becomes of duplicates: 'sum', 'mean', 'last', 'first' or 'max'",
        )
    if merged and kept_values is not None:
        check_finite("values", kept_values)
    return Built(CSR(indptr, indices, kept_values, shape[1]), kept_times, merged)


def _runs(column: npt.NDArray[Any] | Sequence[npt.NDArray[Any]] | None) -> Any:
    return [column] if isinstance(column, np.ndarray) else column


def checked_mask(mask: object, n: int) -> npt.NDArray[np.bool_]:
    """Return a mask of ``n`` booleans, or raise `InputError`."""
    try:
        found = np.asarray(mask)
    except ValueError:
        raise InputError("expected booleans, got lists of several lengths", column="mask") from None
    if found.dtype != np.bool_ or found.shape != (n,):
        raise InputError(
            f"expected {n} booleans, got {found.dtype} of shape {found.shape}", column="mask"
        )
    return found
