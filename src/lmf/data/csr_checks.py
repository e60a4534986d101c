"""What the three arrays of compressed sparse rows must be, before native code or scipy sees them.

One pass over each array; a broken one is what kills the process of other libraries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lmf.errors import InputError
from lmf.validation import Int32Array, Int64Array, all_finite, first_true

__all__ = ["check_array", "check_finite", "check_indices", "check_indptr", "check_rising"]

_SLICE = 1 << 20  # entries compared at a time


def check_array(name: str, array: object, dtype: npt.DTypeLike) -> None:
    """Refuse all but a contiguous vector of exactly this type."""
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype != dtype:
        found = (
            f"{array.dtype} of shape {array.shape}"
            if isinstance(array, np.ndarray)
            else type(array).__name__
        )
        raise InputError(f"expected a vector of {np.dtype(dtype)}, got {found}", column=name)
    if not array.flags.c_contiguous:
        raise InputError("the array is not contiguous", column=name)


def check_indptr(indptr: Int64Array, nnz: int) -> None:
    """Refuse an ``indptr`` that does not start at 0, falls somewhere, or does not end at nnz."""
    if len(indptr) == 0 or indptr[0] != 0:
        raise InputError("indptr must start at 0", column="indptr", row=0)
    falls = indptr[1:] < indptr[:-1]
    if falls.any():
        raise InputError("indptr falls", column="indptr", row=first_true(falls))
    if indptr[-1] != nnz:
        raise InputError(
            f"indptr ends at {indptr[-1]}, but there are {nnz} entries",
            column="indptr",
            row=len(indptr) - 2 if len(indptr) > 1 else 0,
        )


def check_indices(name: str, indices: npt.NDArray[Any], limit: int) -> None:
    """Refuse an index outside ``[0, limit)``, naming the entry."""
    if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= limit):
        row = first_true((indices < 0) | (indices >= limit))
        raise InputError(f"index {indices[row]} is out of range for {limit}", column=name, row=row)


def check_rising(indptr: Int64Array, indices: Int32Array) -> None:
    """Refuse columns that are not sorted, or are there twice, within a row."""
    begins = indptr[1:-1]  # between two rows a column may fall
    for start in range(1, len(indices), _SLICE):
        stop = min(start + _SLICE, len(indices))
        falls = indices[start:stop] <= indices[start - 1 : stop - 1]
        first, last = np.searchsorted(begins, [start, stop])
        falls[begins[first:last] - start] = False
        if falls.any():
            entry = start + first_true(falls)
            again = indices[entry] == indices[entry - 1]
            raise InputError(
                f"column {indices[entry]} is there twice" if again else "columns are not sorted",
                column="indices",
                row=int(np.searchsorted(indptr, entry, side="right")) - 1,
            )


def check_finite(name: str, values: npt.NDArray[Any]) -> None:
    """Refuse NaN and infinities in an array of float32, naming the entry."""
    if not all_finite(values):
        row = first_true(~np.isfinite(values))
        raise InputError(f"{values[row]} is not a value", column=name, row=row)
