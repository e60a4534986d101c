"""Intervals over users by the bootstrap: users are drawn anew, with repetition, a thousand times.

One matrix of weights (how often each resample has each user) times one matrix of per-user values
gives all resampled figures of all models at once. Models share the resamples, so the interval of a
difference is that of differences user by user (Efron & Tibshirani 1993; Sakai 2006 for retrieval).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["percentile_interval", "resampled_means"]

Values = NDArray[np.float64]

_BLOCK = 1 << 22  # weights at a time: 32 MB


def resampled_means(
    means: Sequence[tuple[Values, Values]], resamples: int, seed: int
) -> NDArray[np.float64]:
    r"""Return each mean over resampled users.

    .. math:: m_r = \frac{\sum_u w_{ru} a_u}{\sum_u w_{ru} b_u},
              \qquad w_r \sim \operatorname{Multinomial}(q, 1/q)

    Parameters
    ----------
    means : sequence of (float64[q], float64[q])
        Numerators a and denominators b by user: for a mean over some users the values and ones,
        both 0 for the others; for a mean of ratings the sums and counts of each user. An array
        that occurs several times is multiplied once.
    resamples : int
    seed : int

    Returns
    -------
    float64[resamples, len(means)]
        NaN where a resample has none of the users that count.

    Examples
    --------
    >>> values, ones = np.array([0.0, 1.0]), np.ones(2)
    >>> sorted(set(resampled_means([(values, ones)], 50, seed=0)[:, 0].tolist()))
    [0.0, 0.5, 1.0]
    """
    places: dict[int, int] = {}
    columns: list[Values] = []
    for array in (array for pair in means for array in pair):
        if places.setdefault(id(array), len(columns)) == len(columns):
            columns.append(array)
    table = np.column_stack(columns)
    n_users = len(table)
    sums = np.empty((resamples, len(columns)))
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK // n_users)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        sums[start:stop] = _weights(random, stop - start, n_users) @ table
    tops = sums[:, [places[id(top)] for top, _ in means]]
    bottoms = sums[:, [places[id(bottom)] for _, bottom in means]]
    return np.divide(tops, bottoms, out=np.full_like(tops, np.nan), where=bottoms > 0)


def _weights(random: np.random.Generator, rows: int, n_users: int) -> Values:
    """Count how often each of `rows` resamples draws each user."""
    drawn = random.integers(n_users, size=(rows, n_users))
    drawn += np.arange(rows)[:, None] * n_users
    counts = np.bincount(drawn.ravel(), minlength=rows * n_users)
    return counts.reshape(rows, n_users).astype(np.float64)


def percentile_interval(resampled: Values, level: float) -> tuple[float, float] | None:
    """Return the middle `level` of resampled values (percentile bootstrap); None where all are NaN.

    Examples
    --------
    >>> low, high = percentile_interval(np.arange(101.0), 0.9)
    >>> round(low, 6), round(high, 6)
    (5.0, 95.0)
    """
    there = resampled[~np.isnan(resampled)]
    if not len(there):
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
