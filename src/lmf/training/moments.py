"""Moments of all values, as sums in float64 over a slice at a time: no copy of all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["sum_of_squares", "variance"]

Floats = NDArray[np.float32]

_SLICE = 1 << 22


def sum_of_squares(values: Floats) -> float:
    """Return the sum of the squares, in float64.

    Examples
    --------
    >>> sum_of_squares(np.float32([3, 4]))
    25.0
    """
    return float(sum(np.square(part, dtype=np.float64).sum() for part in _slices(values)))


def variance(values: Floats, dtype: DTypeLike = np.float64) -> float:
    r"""Return the mean squared deviation from the mean.

    Of parts of the lengths n, means m and variances v it is

    .. math:: \tfrac{1}{N} \sum_k n_k v_k + \tfrac{1}{N} \sum_k n_k (m_k - m)^2

    Parameters
    ----------
    values : ndarray of float32
        At least one.
    dtype : dtype
        What a part is summed in.

    Examples
    --------
    >>> variance(np.float32([1, 3]))
    1.0
    """
    parts = [(len(part), part.mean(dtype=dtype), part.var(dtype=dtype)) for part in _slices(values)]
    if len(parts) == 1:
        return float(parts[0][2])
    lengths, means, variances = np.array(parts, np.float64).T
    mean = np.average(means, weights=lengths)
    return float(np.average(variances + (means - mean) ** 2, weights=lengths))


def _slices(values: Floats) -> list[Floats]:
    return [values[start : start + _SLICE] for start in range(0, len(values), _SLICE)]
