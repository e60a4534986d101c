"""The arithmetic of the metrics, from recommended lists to one number per user.

It is native (``native/metrics.hpp``). Means, standard errors and intervals over users are all made
of the array it gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.errors import InputError
from lmf.evaluation.metrics import Metric

__all__ = ["measure_users", "metric_order"]


def measure_users(
    recommended: NDArray[np.int32], test: CSR, cuts: Sequence[int], *, n_threads: int = 0
) -> NDArray[np.float64]:
    """Compute the per-user metrics of recommended lists: the plain-array fast path.

    Parameters
    ----------
    recommended : int32[q, width]
        A row of item indices per user, best first; -1 where there is nothing.
    test : CSR of q rows
        The items of each user that were kept for the test.
    cuts : sequence of int
        Strictly increasing, each at least 1; a cut beyond `width` meets an empty rest of the list.
    n_threads : int
        0 for all that are available; the result does not depend on it.

    Returns
    -------
    float64[7, len(cuts), q]
        By metric (in the order of :func:`metrics`, without coverage), cut and user; NaN for a
        user without test items.

    Raises
    ------
    InputError
        If there are not as many lists as rows of `test`, or an index lies outside the catalogue.

    Examples
    --------
    >>> test = CSR(np.array([0, 2]), np.array([1, 4], np.int32), None, n_cols=5)
    >>> values = measure_users(np.array([[3, 1, 0]], np.int32), test, cuts=[1, 3])
    >>> values[0].tolist()  # recall of the one user at 1 and at 3
    [[0.0], [0.5]]
    """
    recommended = np.ascontiguousarray(recommended, np.int32)
    if recommended.ndim != 2 or len(recommended) != test.n_rows:
        raise InputError(
            f"{recommended.shape} recommended items do not fit {test.n_rows} users with test items",
            column="recommended",
            hint="give one row of item indices for each row of test",
        )
    outside = (recommended < -1) | (recommended >= test.n_cols)
    if outside.any():
        row = int(outside.any(axis=1).argmax())
        raise InputError(
            f"item index outside 0..{test.n_cols - 1} (and not -1, nothing)",
            column="recommended",
            row=row,
        )
    values = _native.ranking_metrics(
        recommended, test.indptr, test.indices, test.n_cols, np.asarray(cuts, np.int32), n_threads
    )
    shape = (len(_native.ranking_metric_names), len(cuts), test.n_rows)
    return np.asarray(values, np.float64).reshape(shape)


def metric_order(metric: Metric) -> int:
    """Return the place of a metric in the result of `measure_users`.

    Examples
    --------
    >>> from lmf.evaluation.metrics import select_metrics
    >>> metric_order(select_metrics("ndcg@20")[0])
    3
    """
    return int(_native.ranking_metric_names.index(metric.name))
