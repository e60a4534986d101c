r"""Leaving one interaction out of a row in closed form: no refit, one factorization a row.

A row minimises the weighted squared error of the row problem, with normal equations
:math:`H x = b`, :math:`H = \sum_j w_j v_j v_j^\top + \sum_{j \in S} (c_j - w_j) v_j v_j^\top +
\lambda I` and :math:`b = \sum_{j \in S} c_j y_j v_j`. Without the observed entry j, which becomes
an unobserved one of weight :math:`w_j` (0 where only observed entries count), the matrix loses
:math:`e = c_j - w_j` times :math:`v_j v_j^\top` and the right side :math:`c_j y_j v_j`. With
:math:`h = v_j^\top H^{-1} v_j` and :math:`\hat s = v_j \cdot x` (Sherman & Morrison 1950)

.. math::

    \hat s_{-j} = \frac{\hat s - c_j y_j h}{1 - e h}, \qquad
    x_{-j} = x + (e \hat s_{-j} - c_j y_j) H^{-1} v_j,

which for w = 0, c = 1 is the well-known :math:`(\hat s - h y) / (1 - h)` of ridge regression.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.training.objective import Objective, Scales, Side

__all__ = ["leave_one_out_rows"]

Doubles = NDArray[np.float64]


def leave_one_out_rows(
    rows: CSR, fixed: NDArray[np.float32], objective: Objective,
    shares: NDArray[np.float32] | None = None, discounts: NDArray[np.float32] | None = None,
) -> Iterator[tuple[Doubles, Doubles]]:  # fmt: skip
    """Give, row by row, what each of its entries is predicted without itself.

    The penalty λ of the row stays that of the whole row.

    Parameters
    ----------
    rows : CSR
        Interactions with the fixed side.
    fixed : ndarray of float32, shape (n, n_factors)
        The factors of that side; they were trained with the entries left out here.
    objective : Objective
    shares, discounts : ndarray of float32, shape (n,), optional
        What multiplies the unobserved weight, and every weight, of each column.

    Yields
    ------
    predictions : ndarray of float64, shape (n_entries,)
        Of each entry, by a row that has not seen it.
    vectors : ndarray of float64, shape (n_entries, n_factors)
        Those rows.
    """
    side = Side.of(rows, objective, Scales(of_columns=shares), Scales(of_columns=discounts))
    v_all, w0 = fixed.astype(np.float64), objective.unobserved_weight
    scales = side.shares.of_columns
    column_weights = np.full(rows.n_cols, w0) if scales is None else w0 * scales.astype(np.float64)
    gram = (v_all.T * column_weights) @ v_all
    eye = np.eye(fixed.shape[1])
    base, slope = side.confidence
    for row in range(rows.n_rows):
        part = slice(int(rows.indptr[row]), int(rows.indptr[row + 1]))
        columns = rows.indices[part]
        v, n = v_all[columns], len(columns)
        y = np.ones(n) if side.targets is None else side.targets[part].astype(np.float64)
        counts = np.ones(n) if side.counts is None else side.counts[part].astype(np.float64)
        c = base + slope * counts
        excess = c - column_weights[columns]
        matrix = gram + (v.T * excess) @ v + side.penalties[row] * eye
        solved = np.linalg.solve(matrix, np.column_stack([v.T, v.T @ (c * y)]))
        inverse_v, x = solved[:, :-1].T, solved[:, -1]
        leverage = np.einsum("nd,nd->n", v, inverse_v)
        left = np.maximum(1.0 - excess * leverage, 1e-12)
        predictions = (v @ x - c * y * leverage) / left
        yield predictions, x + (excess * predictions - c * y)[:, None] * inverse_v
