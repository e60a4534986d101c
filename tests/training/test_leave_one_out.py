"""Leaving one entry out in closed form equals solving the row without it."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.data.csr import CSR
from lmf.training.leave_one_out import leave_one_out_rows
from lmf.training.objective import Objective
from tests.oracles import random_rows


@pytest.mark.parametrize("popularity", [0.0, 0.7])
@pytest.mark.parametrize("unobserved_weight", [0.0, 0.05, 1.0])
@pytest.mark.parametrize(("alpha", "values"), [(None, False), (None, True), (3.0, True)])
def test_the_closed_form_is_the_row_solved_anew(
    alpha: float | None, values: bool, unobserved_weight: float, popularity: float
) -> None:
    rng = np.random.default_rng(0)
    rows = random_rows(rng, 12, 30, values=values)
    objective = Objective(unobserved_weight, 0.3, 1.0, alpha, popularity)
    fixed = rng.standard_normal((30, 5)).astype(np.float32)
    counts = np.bincount(rows.indices, minlength=30)
    shares = objective.shares(counts)
    column = unobserved_weight * (np.ones(30) if shares is None else shares.astype(np.float64))
    weights = None if alpha is None or rows.values is None else 1 + alpha * rows.values
    told = leave_one_out_rows(rows, fixed, objective, shares)
    v = fixed.astype(np.float64)
    for row, (predictions, vectors) in enumerate(told):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        columns, n = rows.indices[part], rows.indptr[row + 1] - rows.indptr[row]
        y = np.zeros(30)
        y[columns] = 1.0 if alpha is not None or rows.values is None else rows.values[part]
        c = column.copy()
        c[columns] = 1.0 if weights is None else weights[part]
        penalty = 0.3 * c.sum()  # of the whole row, here and there
        for place in range(n):
            left = columns[place]
            less_c, less_y = c.copy(), y.copy()
            less_c[left], less_y[left] = column[left], 0.0
            matrix = (v.T * less_c) @ v + penalty * np.eye(5)
            x = np.linalg.solve(matrix, v.T @ (less_c * less_y))
            assert vectors[place] == pytest.approx(x, rel=1e-5, abs=1e-6)
            assert predictions[place] == pytest.approx(v[left] @ x, rel=1e-5, abs=1e-6)


def test_ridge_regression() -> None:
    """(s - h y) / (1 - h), whatever else the row has."""
    v = np.array([[1.0], [2.0]], np.float32)
    rows = CSR(np.array([0, 2]), np.array([0, 1], np.int32), np.float32([3.0, 5.0]), 2)
    ((predictions, _),) = leave_one_out_rows(rows, v, Objective(0.0, 0.5, 0.0))
    assert predictions.tolist() == pytest.approx([2 * 5 / 4.5, 2 * 3 / 1.5])
