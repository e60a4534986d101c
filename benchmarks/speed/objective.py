"""The one objective that every contender minimises here, from any library's factors.

    L = Σ_observed (1 − x_u·y_i)² + w0 Σ_unobserved (x_u·y_i)² + λ (Σ_u ‖x_u‖² + Σ_i ‖y_i‖²)

It shows that the parameters were translated rightly: after the same number of epochs the exact
solvers must stand close together, and nobody may be fast by solving something else. `residual`
shows it of one solver alone.
"""

from __future__ import annotations

import numpy as np

from benchmarks.matrix import Matrix


def objective(
    matrix: Matrix,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    unobserved_weight: float,
    regularization: float,
) -> float:
    """L in float64 sums over float32 scores, in bounded memory."""
    user_gram = _gram(user_factors)
    item_gram = _gram(item_factors)
    everywhere = float((user_gram * item_gram).sum())  # Σ over all pairs of (x_u·y_i)²
    norms = float(np.trace(user_gram) + np.trace(item_gram))

    missed = seen = 0.0
    users = np.repeat(np.arange(matrix.n_users, dtype=np.int32), np.diff(matrix.indptr))
    step = max(1, 2**20 // user_factors.shape[1])  # rows that a cache holds
    for start in range(0, matrix.nnz, step):
        part = slice(start, start + step)
        scores = np.einsum(
            "nd,nd->n", user_factors[users[part]], item_factors[matrix.indices[part]]
        ).astype(np.float64)
        missed += float(((1.0 - scores) ** 2).sum())
        seen += float((scores**2).sum())
    return missed + unobserved_weight * (everywhere - seen) + regularization * norms


def residual(
    matrix: Matrix,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    unobserved_weight: float,
    regularization: float,
    n_rows: int = 200,
) -> float:
    """|A x − b| by |b| of the side that was solved last, over some of its rows.

    A x = b is what ∂L/∂x = 0 says of a row given the other side. An exact solver leaves rounding
    here if, and only if, it minimises L itself, whatever factors it began with.
    """
    lengths = np.diff(matrix.indptr)
    users = np.repeat(np.arange(matrix.n_users, dtype=np.int32), lengths)
    some_users = np.flatnonzero(lengths)[:n_rows]
    some_items = np.unique(matrix.indices)[:n_rows]
    of_users = [matrix.indices[matrix.indptr[u] : matrix.indptr[u + 1]] for u in some_users]
    of_items = [users[matrix.indices == item] for item in some_items]
    weights = unobserved_weight, regularization
    return min(
        _off(user_factors[some_users], of_users, item_factors, *weights),
        _off(item_factors[some_items], of_items, user_factors, *weights),
    )


def _off(
    rows: np.ndarray, seen: list[np.ndarray], fixed: np.ndarray,
    unobserved_weight: float, regularization: float,
) -> float:  # fmt: skip
    gram = _gram(fixed)
    errors = sides = 0.0
    for x, columns in zip(rows.astype(np.float64), seen, strict=True):
        v = fixed[columns].astype(np.float64)
        side = v.sum(axis=0)
        product = unobserved_weight * (gram @ x) + (1 - unobserved_weight) * (v.T @ (v @ x))
        errors += float(((product + regularization * x - side) ** 2).sum())
        sides += float((side**2).sum())
    return float(np.sqrt(errors / sides))


def _gram(factors: np.ndarray) -> np.ndarray:
    wide = factors.astype(np.float64)
    return wide.T @ wide
